"""One webhook to one receiver: signed after Standard Webhooks, sent once, its answer put into one word."""

import base64
import binascii
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from standardwebhooks.webhooks import Webhook

from detector.config import Hooks
from detector.errors import ConfigError

LARGEST_ANSWER = 4096
LONGEST_REST_S = 3600.0


class Outcome(StrEnum):
    """What a receiver answered, or why nothing arrived; the values are metric labels and never change."""

    DELIVERED = "delivered"
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    REDIRECT = "redirect"
    UNAUTHORIZED = "unauthorized"
    GONE = "gone"
    THROTTLED = "throttled"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"


ABOUT_THE_MESSAGE = frozenset({Outcome.REJECTED, Outcome.SERVER_ERROR})
"""Failures of one message: others may pass. After any other failure the receiver as a whole is left in peace."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. retry_after_s: as the receiver asked, at most an hour. text: the start of what it said."""

    outcome: Outcome
    status: int | None = None
    retry_after_s: float | None = None
    text: str = ""


class Sender:
    """Signs and posts to one receiver. Follows no redirect, obeys no proxy variable, reads at most 4 kB of an answer.

    secrets: the first signs, and so does every other one (for a while, when a secret is being replaced).
    """

    def __init__(self, url: str, secrets: tuple[str, ...], settings: Hooks) -> None:
        self.url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._timeout_s = settings.timeout_s
        self._client = httpx.Client(
            timeout=settings.timeout_s, follow_redirects=False, trust_env=False, verify=_trusted(settings.ca_file)
        )

    def post(self, event_id: str, body: bytes) -> Answer:
        """Send once. Never raises for what the receiver or the network does."""
        headers = signed_headers(self._signers, event_id, body)
        give_up = time.monotonic() + self._timeout_s
        try:
            with self._client.stream("POST", self.url, content=body, headers=headers) as response:
                return _read(response, give_up)
        except httpx.TransportError as error:
            return Answer(_failure(error), text=str(error))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def signed_headers(signers: list[Webhook], event_id: str, body: bytes) -> dict[str, str]:
    """Headers of one attempt: the id is that of every other attempt, the time and the signature are fresh."""
    now = datetime.now(UTC)  # in UTC: the library would relabel any other zone instead of converting it
    text = body.decode()
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "accept-encoding": "identity",
        "user-agent": "cdr-detector-hooks",
        "idempotency-key": event_id,
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signer.sign(event_id, now, text) for signer in signers),
    }


def read_secrets(settings: Hooks) -> tuple[str, ...]:
    """The signing secrets of `hooks.secret_file`, one `whsec_...` a line. Raises ConfigError."""
    name = settings.secret_file
    if not name:
        raise ConfigError("hooks.secret_file: webhooks are signed; name a file that holds a secret (whsec_...)")
    try:
        secrets = tuple(Path(name).read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"hooks.secret_file: {name}: {error}; name a file that can be read") from None
    if not secrets or not all(map(_is_secret, secrets)):
        raise ConfigError(
            f"hooks.secret_file: {name}: every line must be whsec_ and at least 24 bytes in base64; "
            'make one with: echo "whsec_$(head -c 32 /dev/urandom | base64)"'
        )
    return secrets


def check_url(url: str) -> None:
    """Raise ConfigError for an address that cannot be a receiver."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"hooks.urls: {url}: write it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"hooks.urls: {parts.hostname}: keep names and passwords out of the address; webhooks are signed"
        )


def _is_secret(secret: str) -> bool:
    try:
        return secret.startswith("whsec_") and len(base64.b64decode(secret[6:], validate=True)) >= 24
    except binascii.Error:
        return False


def _trusted(ca_file: str) -> ssl.SSLContext | bool:
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"hooks.ca_file: {ca_file}: {error}; name a file of PEM certificates") from None


def _read(response: httpx.Response, give_up: float) -> Answer:
    text = b""
    for part in response.iter_raw():  # as it comes: an answer that drips is cut in time, too
        text += part
        if len(text) >= LARGEST_ANSWER or time.monotonic() > give_up:
            break
    return Answer(
        _outcome(response.status_code),
        response.status_code,
        _retry_after_s(response.headers.get("retry-after")),
        text[:LARGEST_ANSWER].decode(errors="replace"),
    )


def _outcome(status: int) -> Outcome:
    known = {
        401: Outcome.UNAUTHORIZED,
        403: Outcome.UNAUTHORIZED,
        410: Outcome.GONE,
        429: Outcome.THROTTLED,
        502: Outcome.UNAVAILABLE,
        503: Outcome.UNAVAILABLE,
        504: Outcome.UNAVAILABLE,
    }
    by_hundreds = {2: Outcome.DELIVERED, 3: Outcome.REDIRECT, 4: Outcome.REJECTED}
    return known.get(status) or by_hundreds.get(status // 100, Outcome.SERVER_ERROR)


def _failure(error: httpx.TransportError) -> Outcome:
    if isinstance(error, httpx.TimeoutException):
        return Outcome.TIMEOUT
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return Outcome.DNS
        if isinstance(cause, ssl.SSLError):
            return Outcome.TLS
    return Outcome.CONNECTION


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after_s(header: str | None) -> float | None:
    """Seconds, or the moment of an HTTP date; None where there is none that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdecimal() else _until(header)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_REST_S)


def _until(date: str) -> float:
    at = parsedate_to_datetime(date)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time.time()
