"""Debian's chromium over a real page; every test fails when the browser's console complains."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from detector.alert.revision import Alert
from detector.status import Status
from tests.web import sample
from tests.web.house import House

PATIENCE_MS = 20_000
"""For a busy machine; shorter than the page's poll, which would hide a change that was not heard."""

expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    if CHROMIUM is None:
        reason = "no chromium: the page was not tested in a browser (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return CHROMIUM


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stands in for the one of pytest-playwright 0.10, which is defined in a way that pytest 9 warns of."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium: str) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "timezone_id": "Asia/Shanghai"}


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's consoles complained of; must be empty at the end of a test."""
    return []


@pytest.fixture
def context(context: BrowserContext, complaints: list[str]) -> Iterator[BrowserContext]:
    """All tabs of a test."""
    context.set_default_timeout(PATIENCE_MS)
    context.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    assert complaints == []


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_alert(entity: str = "95275000017", **fields: Any) -> Alert:
    """An alert of the last minutes by the wall clock, which the browser tells ages by."""
    now = now_ms()
    times = {"raised_at_ms": now - 24 * sample.MINUTE_MS, "last_call_ms": now - sample.MINUTE_MS}
    return sample.alert(entity, **{**times, **fields})


def fresh_status(age_s: float = 3, **fields: Any) -> Status:
    now = now_ms()
    usual = {"wall_ms": now, "newest_release_ms": now - round(age_s * 1000), "started_ms": now - 10_800_000}
    return sample.status(**{**usual, **fields})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "run")
    yield house
    house.stop()


Landing = Callable[..., None]


@pytest.fixture
def land(house: House) -> Landing:
    """Writes alerts and statuses as the detector does."""

    def write(*records: Alert | Status) -> None:
        for record in records:
            house.write([sample.telling(record)] if isinstance(record, Status) else sample.landing(record))

    return write


@pytest.fixture
def queue(page: Page, house: House, land: Landing) -> Page:
    """The queue of a detector that lives, in a tab."""
    land(fresh_status())
    page.goto(house.url)
    return page


def revised(alert: Alert, **fields: Any) -> Alert:
    """The next revision of an alert."""
    return msgspec.structs.replace(alert, revision=alert.revision + 1, **fields)
