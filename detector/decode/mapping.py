"""From one record of the user's own system to one call in normal form, and the rules a call must keep."""

from collections.abc import Mapping as Values
from datetime import UTC, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from detector.cdr.batch import CallRecord
from detector.config import FieldMap
from detector.decode import causes
from detector.decode.field import Field, Unreadable
from detector.decode.rejects import RejectReason
from detector.errors import ConfigError

LONGEST_CALL_MS = 48 * 3_600_000
PARTIES = ("caller", "callee", "network")
NORMAL = CallRecord.__struct_fields__
DERIVED = ("duration", "answered", "disposition")
"""What a user's system may have in place of release and answer: talk time, yes or no, and a word."""

Value = TypeVar("Value")


class Mapping:
    """Reads records by `decode.fields`.

    fields  normal-form field (or one of DERIVED) -> where it is found; without an entry, under its own name
    text    every value is text (CSV), also those of fields that are not mapped

    Raises ConfigError for a field that does not exist and for a zone that is not known.
    """

    def __init__(self, fields: Values[str, FieldMap], text: bool) -> None:
        self._fields = {name: Field(name, "ms", UTC, {}, text) for name in NORMAL}
        for name, found in fields.items():
            if name not in NORMAL + DERIVED:
                raise ConfigError(f"decode.fields.{name}: no such field; there are {', '.join(NORMAL + DERIVED)}")
            self._fields[name] = Field(found.source, found.unit, _zone(name, found.zone), found.values, True)
        self.sources = tuple(found.source for found in fields.values())

    @property
    def release_path(self) -> str:
        """Where the event time is, as rejects say it."""
        return self._fields["release_ms"].path

    def read(self, values: Values[str, Any]) -> CallRecord:
        """One call in normal form; raises Unreadable with the field that is missing or wrong."""
        field = self._fields
        setup_ms = self._required("setup_ms", field["setup_ms"].time_ms(values))
        ring_ms = field["ring_ms"].time_ms(values)
        answer_ms = field["answer_ms"].time_ms(values)
        release_ms = field["release_ms"].time_ms(values)
        answered, cause = self._outcome(values)
        if "duration" in field or answered is not None:
            talk_ms = field["duration"].span_ms(values) if "duration" in field else None
            answer_ms, release_ms = _derive(setup_ms, ring_ms, answer_ms, release_ms, answered, talk_ms)
        record = CallRecord(
            a_number=self._required("a_number", field["a_number"].text(values)),
            b_number=self._required("b_number", field["b_number"].text(values)),
            setup_ms=setup_ms,
            ring_ms=ring_ms,
            answer_ms=answer_ms,
            release_ms=self._required("release_ms", release_ms),
            release_cause=cause,
            release_party=self._party(values),
            call_id=field["call_id"].text(values),
            trunk_in=field["trunk_in"].text(values),
            trunk_out=field["trunk_out"].text(values),
            line_id=field["line_id"].text(values),
            presented=field["presented"].text(values),
            tenant=field["tenant"].text(values),
            resellers=field["resellers"].texts(values),
        )
        self._check(record)
        return record

    def _required(self, name: str, value: Value | None) -> Value:
        if value is None:
            raise Unreadable(RejectReason.MISSING_FIELD, self._fields[name].path, "required, but absent or empty")
        return value

    def _outcome(self, values: Values[str, Any]) -> tuple[bool | None, int | None]:
        """Was it answered (None = only the times tell), and the Q.850 cause."""
        answered = self._fields["answered"].yes_no(values) if "answered" in self._fields else None
        cause = self._cause(values)
        word = self._fields["disposition"].text(values) if "disposition" in self._fields else None
        if word is not None:
            said = causes.disposition(word)
            if said is None:
                raise self._fields["disposition"].bad("a known disposition (or map it with `values`)", word)
            answered = said.answered if answered is None else answered
            cause = said.cause if cause is None else cause
        return answered, cause

    def _cause(self, values: Values[str, Any]) -> int | None:
        field = self._fields["release_cause"]
        value = field.find(values)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | (str if field.converted else int)):
            raise field.wrong_type("a Q.850 cause", value)
        cause = causes.cause(value)
        if cause is None:
            raise field.bad("a Q.850 cause, SIP status or known word (or map it with `values`)", value)
        return cause

    def _party(self, values: Values[str, Any]) -> str | None:
        field = self._fields["release_party"]
        party = field.text(values)
        if party is not None and party not in PARTIES:
            raise field.bad("caller, callee or network (or map it with `values`)", party)
        return party

    def _check(self, call: CallRecord) -> None:
        """The order is setup, ring, answer, release, and no call lasts for days."""
        if call.release_ms < call.setup_ms:
            raise self._disorder("release_ms", "release before setup")
        if call.release_ms - call.setup_ms > LONGEST_CALL_MS:
            raise self._fields["release_ms"].bad("a call of at most 48 hours", call.release_ms - call.setup_ms)
        if call.answer_ms is not None and not call.setup_ms <= call.answer_ms <= call.release_ms:
            raise self._disorder("answer_ms", "answer outside the call")
        until_ms = call.release_ms if call.answer_ms is None else call.answer_ms
        if call.ring_ms is not None and not call.setup_ms <= call.ring_ms <= until_ms:
            raise self._disorder("ring_ms", "ringing outside setup and answer")

    def _disorder(self, name: str, detail: str) -> Unreadable:
        return Unreadable(RejectReason.BAD_ORDER, self._fields[name].path, detail)


def _derive(
    setup_ms: int,
    ring_ms: int | None,
    answer_ms: int | None,
    release_ms: int | None,
    answered: bool | None,
    talk_ms: int | None,
) -> tuple[int | None, int | None]:
    """Answer and release out of what the feed has; a feed without ring and answer times has talk begin at setup."""
    if answered is None:
        answered = answer_ms is not None or bool(talk_ms)
    began_ms = setup_ms if ring_ms is None else ring_ms
    if not answered:
        return None, began_ms + (talk_ms or 0) if release_ms is None else release_ms
    if answer_ms is None:
        answer_ms = began_ms if release_ms is None or talk_ms is None else release_ms - talk_ms
    if release_ms is None and talk_ms is not None:
        release_ms = answer_ms + talk_ms
    return answer_ms, release_ms


def _zone(name: str, zone: str) -> tzinfo:
    if zone == "UTC":
        return UTC
    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ConfigError(f"decode.fields.{name}.zone: {zone!r} is not known; write it like Asia/Shanghai") from None
