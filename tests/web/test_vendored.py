"""Third-party files are exactly those named, and carry their licence."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from detector.web.application import STATIC

VENDOR = STATIC / "vendor"
NAMED = tomllib.loads((VENDOR / "VENDORED.toml").read_text())


@pytest.mark.parametrize("name", NAMED)
def test_the_file_is_the_one_named(name: str) -> None:
    about = NAMED[name]
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == about["sha256"]
    assert about["integrity"].startswith("sha512-")
    assert about["licence"]
    assert (VENDOR / about["licence_file"]).stat().st_size > 200
    assert about["version"] in (VENDOR / name).read_text()


def test_nothing_lies_there_unnamed() -> None:
    expected = {"VENDORED.toml", *NAMED, *(about["licence_file"] for about in NAMED.values())}
    assert {path.name for path in VENDOR.iterdir()} == expected


def test_no_file_of_the_page_asks_another_host() -> None:
    for path in [*STATIC.glob("*.*"), *Path(STATIC.parent / "templates").glob("*.html")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
