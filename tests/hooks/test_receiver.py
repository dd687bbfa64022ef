"""The shipped example: it believes only what is signed and fresh, does each thing once, and stops cleanly."""

import base64
import datetime as dt
import hashlib
import hmac
import http.client
import time
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook

from detector.hooks.event import order_event, trial_event
from detector.hooks.webhook import signed_headers
from tests.hooks.receivers import Example
from tests.hooks.sample import OTHER_SECRET, SECRET, action, alert


def send(example: Example, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(example.url).netloc, timeout=10)
    try:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def signed(body: bytes, *secrets: str, event_id: str = "0af1") -> dict[str, str]:
    return signed_headers([Webhook(secret) for secret in secrets or (SECRET,)], event_id, body)


def lasting(**changes: object) -> bytes:
    """An order that is not over yet."""
    now_ms = int(time.time() * 1000)
    return order_event(replace(action(), decided_ms=now_ms, expires_ms=now_ms + 600_000, **changes), alert())


def test_an_order_is_carried_out_once(example: Example) -> None:
    body = lasting()
    assert send(example, signed(body), body)[0] == 200
    done = example.line()
    assert done.startswith("suspend line/sip:0451 until 20")
    assert "except calls to 110 112 119 120" in done
    status, said = send(example, signed(body), body)
    assert (status, said) == (200, "0af1 was taken before")
    assert example.close() == (0, "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lasting(dryrun=True, state="rehearsed"), "dry run: would suspend line/sip:0451"),
        (lasting(verb="lift", lifts="0af0"), "lift: undo 0af0 on line/sip:0451"),
        (order_event(replace(action(), expires_ms=0), None), "too late: suspend line/sip:0451 ended at 1970"),
        (trial_event("0af1", 0), "test: connection and signature are good"),
    ],
    ids=["dry run", "lift", "too late", "test"],
)
def test_what_it_would_do(body: bytes, says: str, example: Example) -> None:
    assert send(example, signed(body), body)[0] == 200
    assert example.line().startswith(says)


def test_what_it_does_not_believe(example: Example) -> None:
    body = lasting()
    good = signed(body)
    for headers in (
        signed(body, OTHER_SECRET),
        signed(b"{}"),
        good | {"webhook-id": "another"},
        good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        good | {"webhook-timestamp": "soon"},
        good | {"webhook-timestamp": "\u00b2"},
        good | {"webhook-signature": "v1,"},
        good | {"webhook-signature": "v2" + good["webhook-signature"][2:]},
        {key: value for key, value in good.items() if not key.startswith("webhook")},
    ):
        assert send(example, headers, body)[0] == 401
    assert example.close() == (0, "")


@pytest.mark.parametrize("age_s", [-320, 320])
def test_an_old_signature_is_not_taken_again(age_s: int, example: Example) -> None:
    body = lasting()
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    headers = signed(body) | {
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("0af1", at, body.decode()),
    }
    assert send(example, headers, body)[0] == 401


def test_either_signature_while_a_secret_is_replaced(example: Example) -> None:
    body = lasting()
    assert send(example, signed(body, OTHER_SECRET, SECRET), body)[0] == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type":"detector.line.suspend.v1","data":1}', b"\xff"])
def test_nonsense_is_refused_and_harms_nothing(body: bytes, example: Example) -> None:
    text = f"0af1.{int(time.time())}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    headers = {"webhook-id": "0af1", "webhook-timestamp": text.split(b".")[1].decode(), "webhook-signature": signature}
    assert send(example, headers, body)[0] == 400
    good = lasting()
    assert send(example, signed(good), good)[0] == 200, "what was refused does not count as taken"


def test_too_large(example: Example) -> None:
    assert send(example, {"content-length": "20001"}, b"")[0] == 413
    assert send(example, {"content-length": "-1"}, b"")[0] == 413
