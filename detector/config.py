"""The whole configuration: one frozen struct per stage, read from TOML, environment and flags.

A key is `section.name`. A file is overridden by `DETECTOR__SECTION__NAME`, that by a flag. Unknown keys
and unknown `DETECTOR__*` names stop the start with exit 78. `deploy/detector.toml` is the commented
reference of every key; a test holds it complete.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from detector.errors import ConfigError

Positive = Annotated[int, msgspec.Meta(gt=0)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the file; unknown keys are refused."""


class FieldMap(_Section, frozen=True):
    """Where one field of the normal form is found in a user's record."""

    source: str  # dotted path (JSON) or column name (CSV)
    unit: Literal["ms", "s", "iso8601"] = "ms"
    zone: str = "UTC"  # of iso8601 times without an offset
    values: dict[str, str] = {}  # words of the user's system -> words or numbers of the normal form


class Decode(_Section, frozen=True):
    """How records are read."""

    format: Literal["auto", "json", "csv"] = "auto"  # auto: by file name; json from Kafka
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    header: bool = True  # CSV: the first line names the columns
    columns: tuple[str, ...] = ()  # CSV without a header
    fields: dict[str, FieldMap] = {}  # normal-form field -> where it is found; none: same name
    max_record_bytes: Positive = 65_536
    max_ahead_h: PositiveFloat = 720.0  # further ahead of the stream's own time: dead letter
    max_behind_h: PositiveFloat = 720.0


class Numbering(_Section, frozen=True):
    """How numbers are normalised and classed."""

    plan: Literal["china", "plain"] = "china"
    registry: str = ""  # file of blocks (JSON or CSV); none: no holders, no purposes


class Privacy(_Section, frozen=True):
    """What keys the hashes of callees and of identities that are not digits."""

    secret_file: str = ""  # file with at least 16 bytes; none: a fixed key, hashes can be guessed


class Feed(_Section, frozen=True):
    """What the feed carries; a family that it cannot carry is muted, never read as silence."""

    unanswered_calls: bool = True  # false mutes answer
    calls_to_numbers: bool = True  # false mutes reciprocity
    duration_rounding_s: PositiveFloat = 1.0  # above 1 mutes script and short
    ring_times: bool = True  # false (no ring_ms, or not who hung up) mutes ring and short
    number_order: bool = True  # false (pseudonyms: neighbours mean nothing) mutes targeting
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 8.0  # local time, for the hours family


class Order(_Section, frozen=True):
    """How streams become one order of calls."""

    lateness_s: NotNegative = 60
    idle_s: PositiveFloat = 5.0  # a partition at its end this long is not waited for


class State(_Section, frozen=True):
    """How much is remembered; all bounds, nothing grows past them."""

    line_capacity: Positive = 1_000_000
    warm_capacity: Positive = 65_536
    hot_capacity: Positive = 4_096
    line_idle_h: Positive = 24 * 14
    warm_idle_h: Positive = 72
    dedup_calls: Positive = 2_000_000
    entity_capacity: Positive = 262_144  # numbers on other lines, blocks, tenants, trunks, holders, destinations
    list_entries: Positive = 524_288  # callees on the contact lists of suspects, kept for a week
    probes: Positive = 262_144  # people whom suspects called shortly, kept for three days
    followers: Positive = 65_536  # numbers that called such people at length
    targets: Positive = 8_192  # callees with several new callers in the last minutes
    heard_calls: Positive = 524_288  # answered calls that a complaint can mean, kept for three days
    complaints: Positive = 16_384  # complaints that count, each for a week


class Alerting(_Section, frozen=True):
    """How eager the detector is, and how episodes end."""

    false_alerts_per_day: PositiveFloat = 0.3
    active_lines: Positive = 10_000
    quiet_min: Positive = 30
    entity_nats: PositiveFloat = 14.0  # score above which a block, tenant, trunk ... alerts
    complaint_share: PositiveFloat = 0.0001  # people who complain, of those who answer ordinary calls
    evidence_calls: Annotated[int, msgspec.Meta(ge=1, le=256)] = 32


class Model(_Section, frozen=True):
    """Which fitted parameters judge."""

    file: str = ""  # none: the parameters that ship with the program


class Kafka(_Section, frozen=True):
    """The broker, the topics and the group."""

    bootstrap: str = "localhost:9092"
    topics: tuple[str, ...] = ("cdr",)
    group: str = "detector"
    epoch_s: PositiveFloat = 1.0
    session_s: Annotated[float, msgspec.Meta(ge=1)] = 15.0  # a process silent this long loses its partitions
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    outage_s: PositiveFloat = 300.0  # a broker away longer than this ends the process with exit 75
    replication: Positive = 1  # of topics that `detector topics` creates
    cdr_partitions: Positive = 4


class Recovery(_Section, frozen=True):
    """How state comes back after a start."""

    lookback_h: NotNegative = 24


class Hooks(_Section, frozen=True):
    """Who is told, and what may be done."""

    mode: Literal["off", "dry-run", "approve", "auto"] = "dry-run"
    urls: tuple[str, ...] = ()
    secret_file: str = ""  # whsec_... for signing; needed as soon as a url is set
    ca_file: str = ""  # authorities that vouch for the receivers; none: the public ones
    approval_secret_file: str = ""  # shared with the page, signs people's orders; approve and auto need it
    never: tuple[str, ...] = ()  # entities that are never acted on; `4008*` = all that begin so
    never_file: str = ""
    max_actions_per_hour: Positive = 20
    max_actions_per_tenant_per_hour: Positive = 5
    timeout_s: PositiveFloat = 5.0
    ttl_s: Positive = 3600
    database: str = "hooks.sqlite"


class Web(_Section, frozen=True):
    """The NOC page."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8765
    database: str = "ledger.sqlite"
    retention_days: Positive = 30
    stale_after_s: Positive = 30  # no sign of life from `run` for this long: the badge says dead
    quiet_after_s: Positive = 120  # no call newer than this: the badge says quiet
    role: Literal["viewer", "operator"] = "operator"  # what whoever reaches the page may do
    allowed_hosts: tuple[str, ...] = ()  # beside loopback names


class Metrics(_Section, frozen=True):
    """Where `run` and `hooks` answer /metrics and /healthz."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9108  # of `run`
    hooks_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9109


class Log(_Section, frozen=True):
    """How the programs speak to their operator."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "logfmt", "json"] = "auto"


class Config(_Section, frozen=True):
    """Everything."""

    decode: Decode = Decode()
    numbering: Numbering = Numbering()
    privacy: Privacy = Privacy()
    feed: Feed = Feed()
    order: Order = Order()
    state: State = State()
    model: Model = Model()
    alerting: Alerting = Alerting()
    kafka: Kafka = Kafka()
    recovery: Recovery = Recovery()
    hooks: Hooks = Hooks()
    web: Web = Web()
    metrics: Metrics = Metrics()
    log: Log = Log()

    @property
    def version(self) -> str:
        """Hash of every value that can change an alert."""
        judged = (self.decode, self.numbering, self.feed, self.order, self.state, self.model, self.alerting)
        return hashlib.blake2b(msgspec.json.encode(judged), digest_size=4).hexdigest()


ENVIRONMENT_PREFIX = "DETECTOR__"


def load(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """File, then environment, then flags (`{"section.key": value}`).

    Raises ConfigError with the key and what to do.
    """
    return read(layered(path, environment, flags)[0])


def layered(
    path: Path | None, environment: Mapping[str, str] | None, flags: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The merged values, and where each `section.key` came from (file name, variable, flag)."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if path is not None:
        values = _read_file(path)
        for section, keys in values.items():
            for key in keys if isinstance(keys, dict) else ():
                origins[f"{section}.{key}"] = str(path)
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name[len(ENVIRONMENT_PREFIX) :].lower().replace("__", ".")
            _put(values, key, toml_value(text), name)
            origins[key] = name
    for key, value in (flags or {}).items():
        if value is not None:
            _put(values, key, value, f"flag for {key}")
            origins[key] = "flag"
    return values, origins


def read(values: Mapping[str, Any]) -> Config:
    """Check merged values and build the Config."""
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"configuration: {error}; `deploy/detector.toml` lists every key") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"configuration file {path}: {error.strerror}; name one that can be read") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration file {path} is not TOML: {error}") from None


def toml_value(text: str) -> Any:
    """A variable's text as a TOML value (`3`, `true`, `["a"]`); anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(values: dict[str, Any], key: str, value: Any, origin: str) -> None:
    section, dot, name = key.partition(".")
    if not dot or not name:
        raise ConfigError(f"{origin}: write it as {ENVIRONMENT_PREFIX}SECTION__KEY")
    target = values.setdefault(section, {})
    for part in name.split(".")[:-1]:
        target = target.setdefault(part, {})
    target[name.split(".")[-1]] = value
