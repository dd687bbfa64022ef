"""People's orders about actions: signed by the program that knows the person, obeyed only when the signature holds."""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from detector.config import Hooks
from detector.errors import ConfigError
from detector.landed.feedback import Order
from detector.sinks.contract import FEEDBACK, OutRecord, Sink

Verb = Literal["approve", "lift"]
SHORTEST_SECRET = 16

_decoder = msgspec.json.Decoder(Order)


def give(sink: Sink, settings: Hooks, verb: Verb, action_ids: Iterable[str], author: str, at_ms: int) -> None:
    """Send one signed order for each action, and return when they are safe. Raises ConfigError without a secret."""
    secret = read_secret(settings)
    if not secret:
        raise ConfigError("hooks.approval_secret_file: orders are signed; name the file that `detector hooks` reads")
    sink.send([record(verb, action_id, author, at_ms, secret) for action_id in action_ids])
    sink.flush()


def record(verb: Verb, action_id: str, author: str, at_ms: int, secret: bytes) -> OutRecord:
    """One signed order on its way to `detector.feedback`. at_ms: UTC epoch ms."""
    signature = _signature(verb, action_id, author, at_ms, secret)
    order = Order(verb=verb, action_id=action_id, author=author, at_ms=at_ms, signature=signature)
    return OutRecord(FEEDBACK, action_id, msgspec.json.encode(order))


def read(value: bytes) -> Order | None:
    """The order in a record of `detector.feedback`; None for the other records of that topic.

    Raises msgspec.DecodeError when it is no JSON.
    """
    try:
        return _decoder.decode(value)
    except msgspec.ValidationError:
        return None


def is_signed(order: Order, secret: bytes) -> bool:
    """Was it signed by a program that holds the secret? An empty secret signs nothing."""
    signature = _signature(order.verb, order.action_id, order.author, order.at_ms, secret)
    return bool(secret) and hmac.compare_digest(signature.encode(), order.signature.encode())


def read_secret(settings: Hooks) -> bytes:
    """The secret that page and hooks share; empty when none is configured. Raises ConfigError.

    The modes `approve` and `auto` need one: what nobody can approve or lift must not be started.
    """
    name = settings.approval_secret_file
    if not name:
        if settings.mode in ("approve", "auto"):
            raise ConfigError(
                f"hooks.approval_secret_file: mode {settings.mode} needs people who approve and lift; "
                f"name a file of at least {SHORTEST_SECRET} random bytes, the same for page and hooks"
            )
        return b""
    try:
        secret = Path(name).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"hooks.approval_secret_file: {name}: {error.strerror}; name a readable file") from None
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(f"hooks.approval_secret_file: {name}: needs at least {SHORTEST_SECRET} bytes")
    return secret


def _signature(verb: Verb, action_id: str, author: str, at_ms: int, secret: bytes) -> str:
    text = msgspec.json.encode([verb, action_id, author, at_ms])
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
