"""One webhook: its body, its signature, and what is made of every kind of answer."""

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from detector.config import Hooks
from detector.errors import ConfigError
from detector.hooks.event import LARGEST_BODY, order_event
from detector.hooks.webhook import LARGEST_ANSWER, Answer, Outcome, Sender, check_url, read_secrets
from tests.hooks.receivers import Reply, free_port, scripted
from tests.hooks.sample import OTHER_SECRET, SECRET, action, alert


def post(url: str, *secrets: str, timeout_s: float = 1.0, body: bytes = b'{"a":1}') -> Answer:
    sender = Sender(url, secrets or (SECRET,), Hooks(timeout_s=timeout_s))
    try:
        return sender.post("msg-1", body)
    finally:
        sender.close()


def test_the_library_of_the_standard_accepts_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    with scripted() as receiver:
        assert post(receiver.url).outcome is Outcome.DELIVERED
    (received,) = receiver.received
    assert Webhook(SECRET).verify(received.body, received.headers) == {"a": 1}
    assert received.headers["idempotency-key"] == received.id == "msg-1"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(received.body, received.headers)
    monkeypatch.undo()
    time.tzset()


def test_while_a_secret_is_replaced_both_are_accepted() -> None:
    with scripted() as receiver:
        post(receiver.url, OTHER_SECRET, SECRET)
    (received,) = receiver.received
    for secret in (OTHER_SECRET, SECRET):
        assert Webhook(secret).verify(received.body, received.headers) == {"a": 1}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (301, Outcome.REDIRECT),
        (307, Outcome.REDIRECT),
        (400, Outcome.REJECTED),
        (401, Outcome.UNAUTHORIZED),
        (403, Outcome.UNAUTHORIZED),
        (404, Outcome.REJECTED),
        (410, Outcome.GONE),
        (429, Outcome.THROTTLED),
        (500, Outcome.SERVER_ERROR),
        (503, Outcome.UNAVAILABLE),
    ],
)
def test_answers(status: int, outcome: Outcome) -> None:
    with scripted(Reply(status, {"location": "http://127.0.0.1:9/"})) as receiver:
        answer = post(receiver.url)
    assert (answer.outcome, answer.status) == (outcome, status)
    assert len(receiver.received) == 1, "no redirect is followed"


def test_a_slow_receiver() -> None:
    with scripted(Reply(first=lambda: time.sleep(0.5))) as receiver:
        assert post(receiver.url, timeout_s=0.1).outcome is Outcome.TIMEOUT


def test_nobody_there() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/").outcome is Outcome.CONNECTION


def test_a_name_that_does_not_exist() -> None:
    assert post("http://receiver.invalid/", timeout_s=10).outcome is Outcome.DNS


def test_something_that_speaks_no_tls() -> None:
    with scripted() as receiver:
        assert post(receiver.url.replace("http", "https")).outcome is Outcome.TLS


def test_an_answer_without_end_is_cut() -> None:
    with scripted(Reply(body=b"x" * 1_000_000)) as receiver:
        answer = post(receiver.url)
    assert (answer.outcome, len(answer.text)) == (Outcome.DELIVERED, LARGEST_ANSWER)


def test_an_answer_that_drips_is_cut() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\n\r\n") as url:
        assert post(url, timeout_s=0.3).outcome is Outcome.DELIVERED


def test_something_that_speaks_no_http() -> None:
    with dripping(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as url:
        assert post(url).outcome is Outcome.CONNECTION


@contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """A receiver that says this, then one more byte every 50 ms for as long as anybody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(first)
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_a_proxy_in_the_environment_is_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with scripted() as receiver:
        assert post(receiver.url).outcome is Outcome.DELIVERED


def http_date(seconds: float) -> str:
    return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7), ("0", 0, 0), ("999999999", 3600, 3600), (http_date(3000), 2700, 3001), (http_date(-60), 0, 0)],
)
def test_retry_after(header: str, least: float, most: float) -> None:
    with scripted(Reply(503, {"retry-after": header})) as receiver:
        answer = post(receiver.url)
    assert answer.retry_after_s is not None
    assert least <= answer.retry_after_s <= most


@pytest.mark.parametrize("header", ["soon", "-5", "1e9", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_makes_no_sense_is_none(header: str) -> None:
    with scripted(Reply(503, {"retry-after": header})) as receiver:
        assert post(receiver.url).retry_after_s is None


def test_the_body_is_a_cloud_event() -> None:
    event = msgspec.json.decode(order_event(action(), alert()))
    assert {key: event[key] for key in ("specversion", "id", "type", "subject", "time", "dryrun")} == {
        "specversion": "1.0",
        "id": "0af1",
        "type": "detector.line.suspend.v1",
        "subject": "line/sip:0451",
        "time": "2026-11-24T09:00:00.000Z",
        "dryrun": False,
    }
    assert event["data"]["expires_at"] == "2026-11-24T09:10:00.000Z"
    assert event["data"]["alert"]["reasons"][0]["text"] == "39 of 41 calls went to strangers"
    assert event["data"]["alert"]["evidence"][0]["callee"] == "1381234****#a1b2c3d4"


nasty = st.text(st.characters(codec="utf-8"), max_size=50).map(lambda text: text * 100)


@given(nasty, nasty, nasty, st.integers(0, 64))
def test_no_alert_makes_a_body_too_large_or_shortens_the_target(entity: str, text: str, target: str, many: int) -> None:
    plain = alert()
    hostile = alert(
        kind=text,
        severity=text,
        state=text,
        entity_kind=text,
        entity=entity,
        line=entity,
        number=entity,
        block=entity,
        tenant=entity,
        trunk=entity,
        holder=entity,
        counterfactual=text,
        reasons=tuple(replace(plain.reasons[0], text=text, family=text) for _ in range(many)),
        evidence=tuple(replace(plain.evidence[0], callee=text) for _ in range(many)),
    )
    target = "".join(filter(str.isprintable, target))[:256] or "x"
    body = order_event(action(target, text), hostile)
    assert len(body) < LARGEST_BODY
    assert f"line/{target}" == msgspec.json.decode(body)["subject"]


@pytest.mark.parametrize(
    "text", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", SECRET + "\nwhsec_short", "whsec_\u00e9"]
)
def test_bad_secrets_stop_the_start(text: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"hooks\.secret_file"):
        read_secrets(Hooks(secret_file=str(path)))


def test_a_missing_secret_stops_the_start(tmp_path: Path) -> None:
    for name in ("", str(tmp_path / "missing")):
        with pytest.raises(ConfigError, match=r"hooks\.secret_file"):
            read_secrets(Hooks(secret_file=name))


@pytest.mark.parametrize("url", ["", "ftp://a/", "receiver:80/x", "http://", "https://wang:pw@receiver/"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.urls") as caught:
        check_url(url)
    assert "pw" not in str(caught.value)


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("missing.pem", "ca.pem"):
        with pytest.raises(ConfigError, match=r"hooks\.ca_file"):
            Sender("https://a/", (SECRET,), Hooks(ca_file=str(tmp_path / name)))
