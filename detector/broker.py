"""How every part reaches the broker: address, security, time-outs, and why it could not.

kafka-python answers a wrong password and an unknown certificate alike, with "unable to bootstrap"; the
reason stands only in its log (3.0.12). So the log is read while connecting, and the reason becomes the error.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kafka.errors import AuthorizationError, InvalidReplicationFactorError, KafkaError
from kafka.net.compat import KafkaNetClient

from detector.config import Kafka
from detector.errors import ConfigError, DetectorError, TemporaryError

CONNECT_S = 10.0
BACKOFF_S = 0.5
"""Longest pause between two attempts to reconnect. The library's 30 s added up to 35 s to a 15 s outage."""


def connect(config: Kafka, client: Callable[..., Any], **settings: Any) -> Any:
    """Make a kafka-python client (consumer, producer, admin) that has reached the broker.

    Raises ConfigError for a password or certificate that is refused, TemporaryError when nobody answers.
    """
    started: list[Any] = []

    def network(**keys: Any) -> Any:
        started.append(KafkaNetClient(**keys))
        return started[-1]

    settings = client_settings(config) | settings
    with _complaints() as complaints:
        try:
            return client(**settings, kafka_client=network)
        except (KafkaError, OSError) as error:
            for each in started:
                each.close()
            raise _why(config, error, complaints) from None


def client_settings(config: Kafka) -> dict[str, Any]:
    """What every kafka-python client is given. Raises ConfigError for a missing name or an unreadable file."""
    settings: dict[str, Any] = {
        "bootstrap_servers": config.bootstrap.split(","),
        "client_id": "cdr-detector",
        "bootstrap_timeout_ms": int(CONNECT_S * 1000),
        "reconnect_backoff_max_ms": int(BACKOFF_S * 1000),
        "security_protocol": config.security,
    }
    if config.security.endswith("SSL"):
        settings["ssl_cafile"] = _readable("kafka.ca_file", config.ca_file)
        settings["ssl_certfile"] = _readable("kafka.client_cert_file", config.client_cert_file)
        settings["ssl_keyfile"] = _readable("kafka.client_key_file", config.client_key_file)
    if config.security.startswith("SASL"):
        if not config.username or not config.password_file:
            raise ConfigError(f"kafka.security = {config.security} needs kafka.username and kafka.password_file")
        password = Path(_readable("kafka.password_file", config.password_file) or "").read_text()
        settings["sasl_mechanism"] = config.sasl_mechanism
        settings["sasl_plain_username"] = config.username
        settings["sasl_plain_password"] = password.rstrip("\r\n")
    return settings


def _readable(key: str, name: str) -> str | None:
    """The file's name once it could be opened; None where none is configured."""
    if not name:
        return None
    try:
        Path(name).open("rb").close()
    except OSError as error:
        raise ConfigError(f"{key} = {name}: {error.strerror}; name a file that can be read") from None
    return name


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """What kafka-python logs about connections meanwhile; kept from the operator, who gets one error instead."""
    complaints: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("kafka.net")
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    log.propagate = False
    try:
        yield complaints
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before


def refusal(config: Kafka, error: KafkaError) -> DetectorError:
    """What an error of a client that had reached the broker means for the user."""
    if isinstance(error, AuthorizationError):
        return ConfigError(f"user {config.username!r} at {config.bootstrap} lacks a right: {error!r}")
    if isinstance(error, InvalidReplicationFactorError):
        return ConfigError(f"kafka.replication = {config.replication} asks for more brokers than there are")
    return TemporaryError(f"the broker at {config.bootstrap} did not do what it was asked: {error!r}")


@contextlib.contextmanager
def asking(config: Kafka) -> Iterator[None]:
    """Turns errors of the client into ours, as `refusal` says."""
    try:
        yield
    except KafkaError as error:
        raise refusal(config, error) from None


def _why(config: Kafka, error: Exception, complaints: list[str]) -> DetectorError:
    heard = "\n".join(complaints)
    if "SaslAuthenticationFailed" in heard:
        return ConfigError(
            f"the broker at {config.bootstrap} refused user {config.username!r}: "
            "check kafka.username and what kafka.password_file holds"
        )
    if "CERTIFICATE_VERIFY_FAILED" in heard:
        trusted = f"kafka.ca_file = {config.ca_file}" if config.ca_file else "kafka.ca_file is not set; it"
        return ConfigError(
            f"the certificate of the broker at {config.bootstrap} is not trusted: {trusted} does not cover it"
        )
    reasons = [each for each in complaints if "failed: " in each and "Unable to" not in each] or [str(error)]
    # Over TLS the refusal and the hang-up often arrive together, and the client then sees only the hang-up.
    hung_up = config.security.startswith("SASL") and "socket disconnected" in heard
    hint = "; it hung up, perhaps on what kafka.username and kafka.password_file say" if hung_up else ""
    return TemporaryError(
        f"no broker answered at kafka.bootstrap = {config.bootstrap} for {CONNECT_S:.0f} s "
        f"with kafka.security = {config.security} ({reasons[-1]}){hint}"
    )
