"""`detector hooks test URL`: what went wrong, in words that say what to do."""

import time
from pathlib import Path

import pytest

from detector.config import Hooks
from detector.errors import ConfigError
from detector.hooks.trial import try_endpoint
from tests.hooks.receivers import Example, Reply, free_port, scripted


def settings(secret_file: Path, timeout_s: float = 5) -> Hooks:
    return Hooks(secret_file=str(secret_file), timeout_s=timeout_s)


def test_a_good_receiver(example: Example, secret_file: Path) -> None:
    trial = try_endpoint(settings(secret_file), example.url)
    assert trial.ok
    assert "took the signed test event" in trial.text
    assert example.line() == "test: connection and signature are good"


def test_two_secrets_that_differ(example: Example, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("whsec_" + "A" * 32)
    trial = try_endpoint(settings(other), example.url)
    assert not trial.ok
    assert "does not accept the signature" in trial.text
    assert "(HTTP 401)" in trial.text
    assert "It said: the signature does not match" in trial.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (302, "Redirects are never followed"),
        (404, "the path may be wrong"),
        (410, "gone for good"),
        (429, "fewer requests"),
        (500, "receiver's log"),
        (502, "gateway"),
    ],
)
def test_answers(status: int, words: str, secret_file: Path) -> None:
    with scripted(Reply(status)) as receiver:
        trial = try_endpoint(settings(secret_file), receiver.url)
    assert not trial.ok
    assert words in trial.text


def test_no_answer(secret_file: Path) -> None:
    with scripted(Reply(first=lambda: time.sleep(0.5))) as slow:
        assert "hooks.timeout_s" in try_endpoint(settings(secret_file, 0.1), slow.url).text
        assert "certificate" in try_endpoint(settings(secret_file), slow.url.replace("http:", "https:")).text
    assert "nothing listens there" in try_endpoint(settings(secret_file), f"http://127.0.0.1:{free_port()}/").text
    assert "does not resolve" in try_endpoint(settings(secret_file), "http://receiver.invalid/").text


def test_what_it_said_cannot_steer_a_terminal(secret_file: Path) -> None:
    with scripted(Reply(400, body=b"\x1b[2Jgone\r\n")) as receiver:
        trial = try_endpoint(settings(secret_file), receiver.url)
    assert "\x1b" not in trial.text
    assert "It said: [2Jgone" in trial.text


def test_a_path_may_hold_a_secret(secret_file: Path) -> None:
    with scripted() as receiver:
        assert "/hook" not in try_endpoint(settings(secret_file), receiver.url).text


def test_without_secret_or_address(secret_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.secret_file"):
        try_endpoint(Hooks(), "http://127.0.0.1/")
    with pytest.raises(ConfigError, match=r"https://host/path"):
        try_endpoint(settings(secret_file), "receiver")
