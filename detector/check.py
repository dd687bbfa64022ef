"""What can be known about a configuration without running it: `detector check-config`."""

import os
import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Values
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from detector.broker import client_settings, connect
from detector.config import Config, layered, read
from detector.decode.decoder import Decoder
from detector.errors import ConfigError, DetectorError
from detector.hooks import never, orders
from detector.hooks.run import normaliser
from detector.hooks.webhook import check_url, read_secrets
from detector.numbering.plan import NumberPlan, read_secret
from detector.numbering.registry import Registry
from detector.shard import muted_families
from detector.sinks.contract import TOPICS
from detector.web.guard import check_loopback
from models.evidence import Evidence

CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Value:
    """One key with its value and where that came from: `default`, a file, a variable or a flag."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Report:
    """values: every key. checked: what held. problems: what did not, each naming its key."""

    values: list[Value]
    checked: list[str]
    problems: list[str]
    version: str

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong, else 78."""
        return ConfigError.exit_code if self.problems else 0

    def as_json(self) -> str:
        """One JSON object, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def as_text(self, show: bool) -> str:
        """Lines for a person; `show` adds every value."""
        lines = [f"{v.key} = {msgspec.json.encode(v.value).decode()}  # {v.origin}" for v in self.values if show]
        lines += [f"ok       {text}" for text in self.checked]
        lines += [f"PROBLEM  {text}" for text in self.problems]
        return "\n".join([*lines, f"configuration {self.version}: {len(self.problems)} problem(s)"])


def check(path: Path | None, flags: Values[str, Any], *, network: bool) -> Report:
    """Load the configuration and look at everything it names.

    Raises ConfigError when it cannot even be read; whatever is found after that stands in the report.
    """
    merged, origins = layered(path, os.environ, flags)
    config = read(merged)
    checked: list[str] = []
    problems: list[str] = []
    for look in (*CHECKS, *([_broker] if network else [])):
        try:
            checked.append(look(config))
        except DetectorError as error:
            problems.append(str(error))
    return Report(list(_values(config, origins)), checked, problems, config.version)


def _values(config: Config, origins: Values[str, str]) -> Iterator[Value]:
    for section, keys in msgspec.to_builtins(config).items():
        for name, value in keys.items():
            key = f"{section}.{name}"
            origin = next((o for k, o in origins.items() if k == key or k.startswith(key + ".")), "default")
            shown = msgspec.json.decode(CREDENTIALS_IN_URL.sub("***", msgspec.json.encode(value).decode()))
            yield Value(key, shown, origin)


def _plan(config: Config) -> NumberPlan:
    return NumberPlan(config.numbering.plan, read_secret(config.privacy.secret_file))


def _decoding(config: Config) -> str:
    Decoder(config.decode, _plan(config), ["json", "csv"])
    return f"decode: {len(config.decode.fields)} field(s) mapped"


def _secret(config: Config) -> str:
    read_secret(config.privacy.secret_file)
    if not config.privacy.secret_file:
        return "privacy: no secret_file, so masked callees can be guessed by trying; set one before real calls"
    return "privacy: the secret is long enough"


def _registry(config: Config) -> str:
    registry = Registry.load(config.numbering.registry, _plan(config))
    return f"numbering: plan {config.numbering.plan}, {len(registry.blocks)} block(s) registered"


def _threshold(config: Config) -> str:
    alerting = config.alerting
    model = Evidence.load(Path(config.model.file) if config.model.file else None)
    nats = model.threshold(alerting.false_alerts_per_day, alerting.active_lines, muted_families(config.feed))
    return (
        f"alerting: threshold {nats:.2f} nats for {alerting.false_alerts_per_day:g} false alert(s) a day"
        f" on {alerting.active_lines} lines; model {model.version}"
    )


def _hooks(config: Config) -> str:
    hooks = config.hooks
    never.load(hooks, normaliser(config))
    orders.read_secret(hooks)
    for url in hooks.urls:
        check_url(url)
    if hooks.urls or hooks.secret_file:
        read_secrets(hooks)
    return f"hooks: {hooks.mode}, {len(hooks.urls)} receiver(s)"


def _page(config: Config) -> str:
    check_loopback(config.web.host)
    return f"web: {config.web.role} on {config.web.host}:{config.web.port}"


def _kafka(config: Config) -> str:
    client_settings(config.kafka)
    return f"kafka: {config.kafka.security} to {config.kafka.bootstrap}"


def _broker(config: Config) -> str:
    from kafka import KafkaAdminClient

    client = connect(config.kafka, KafkaAdminClient)
    try:
        missing = sorted({*config.kafka.topics, *TOPICS} - set(client.list_topics()))
    finally:
        client.close()
    if missing:
        raise ConfigError(f"kafka: the broker has no topic {', '.join(missing)}; `detector topics` creates them")
    return f"kafka: {config.kafka.bootstrap} answers and has every topic"


CHECKS: tuple[Callable[[Config], str], ...] = (_decoding, _secret, _registry, _threshold, _hooks, _page, _kafka)
"""Each says what holds, or raises; the broker is asked last, and only if it may be."""
