"""deploy/hooks.md and the head of the example receiver are run as they stand."""

import re
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from detector.config import Config, Hooks
from detector.hooks import desk
from detector.hooks.action import Action
from detector.hooks.book import Book
from detector.hooks.event import order_event
from detector.hooks.webhook import signed_headers
from tests.hooks.receivers import EXAMPLE, free_port
from tests.hooks.sample import APPROVALS, SECRET, SETTINGS, Clock, alert, landed, never

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "hooks.md").read_text()


def block(language: str, containing: str) -> str:
    (found,) = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.S) if containing in text]
    return str(found)


def decided(path: Path) -> Action:
    """The sample's alert, decided on."""
    with closing(Book(path)) as book:
        front = desk.Desk(SETTINGS, never(), APPROVALS, book, Clock())
        front.take(landed([alert()]))
        front.decide()
        (action,) = book.standing()
    return action


def test_the_body_on_the_page_is_what_is_sent(tmp_path: Path) -> None:
    sent = msgspec.json.decode(order_event(decided(tmp_path / "hooks.sqlite"), alert()))
    shown = msgspec.json.decode(block("json", "specversion"))
    about, shown_about = sent["data"].pop("alert"), shown["data"].pop("alert")
    assert sent == shown
    assert set(shown_about) <= set(about)
    for field in ("kind", "severity", "calls"):
        assert shown_about[field] == about[field]


def test_ten_lines_verify() -> None:
    space: dict[str, Any] = {}
    exec(block("python", "def verify"), space)
    body = b'{"a":1}'
    headers = signed_headers([Webhook("whsec_" + "A" * 32), Webhook(SECRET)], "id", body)
    assert space["verify"](SECRET, headers, body)
    assert not space["verify"](SECRET, headers, body + b" ")
    assert not space["verify"](SECRET, headers | {"webhook-timestamp": "1"}, body)


@pytest.mark.parametrize("text", [PAGE, EXAMPLE.read_text()], ids=["hooks.md", "receiver.py"])
def test_the_commands_work(text: str, tmp_path: Path) -> None:
    lines = textwrap.dedent(
        "\n".join(line for line in text.splitlines() if re.match(r" *(echo|python3|detector hooks test) ", line))
    )
    secret, serve, check = lines.splitlines()
    port = str(free_port())
    shell = {"cwd": tmp_path, "env": {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}}
    subprocess.run(secret, shell=True, check=True, **shell)  # type: ignore[call-overload]
    serve = re.sub(r"python3 \S*receiver.py", f"exec python3 {EXAMPLE}", serve).removesuffix(" &").replace("8099", port)
    receiver = subprocess.Popen(serve, shell=True, stdout=subprocess.PIPE, text=True, **shell)  # type: ignore[call-overload]
    try:
        assert receiver.stdout.readline() == f"listening on http://127.0.0.1:{port}/\n"
        said = subprocess.run(check.replace("8099", port), shell=True, capture_output=True, text=True, **shell)  # type: ignore[call-overload]
        assert said.returncode == 0, said.stderr
        assert "took the signed test event" in said.stdout
        assert receiver.stdout.readline() == "test: connection and signature are good\n"
    finally:
        receiver.terminate()
        receiver.communicate(timeout=10)
    assert receiver.returncode == 0


def test_every_key_of_the_configuration_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`hooks\.([a-z_]+)`", PAGE))
    assert named
    assert named <= set(msgspec.to_builtins(Hooks()))
    assert Config().hooks.mode == "dry-run"
