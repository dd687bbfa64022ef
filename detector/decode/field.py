"""One field of the user's record: where it is found, how it is written there, and what it says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from detector.decode.rejects import RejectReason

EARLIEST_MS = 946_684_800_000  # 2000-01-01
LATEST_MS = 4_102_444_800_000  # 2100-01-01

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?")
_YES_NO = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}


class Unreadable(Exception):
    """One record cannot be read: reason, path of the field, and what is wrong with it."""

    def __init__(self, reason: RejectReason, path: str, detail: str) -> None:
        super().__init__(reason, path, detail)
        self.reason, self.path, self.detail = reason, path, detail


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field is found and how it is written there.

    converted  the user's own way of writing: numbers may be text and text may be numbers. Fields that are not
               mapped must have the normal form's types, except in CSV, where everything is text.
    """

    source: str
    unit: str
    zone: tzinfo
    words: dict[str, str]
    converted: bool

    @property
    def path(self) -> str:
        """Where it is, as rejects say it."""
        return f"$.{self.source}"

    def find(self, values: Mapping[str, Any]) -> Any:
        """The raw value with the user's words replaced; None = absent, null or blank."""
        value = values.get(self.source)
        if value is None and "." in self.source:
            value = self._walk(values)
        if isinstance(value, str):
            value = value.strip(" \t\r\n")
        if self.words and value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            value = self.words.get(text, value)
        return None if value == "" else value

    def text(self, values: Mapping[str, Any]) -> str | None:
        """A text."""
        value = self.find(values)
        if self.converted and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None and not isinstance(value, str):
            raise self.wrong_type("text", value)
        return value

    def texts(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """A list of texts; where values are converted also one text, its parts separated by |."""
        value = self.find(values)
        if self.converted and isinstance(value, str):
            value = value.split("|")
        if value is not None and not (isinstance(value, list) and all(isinstance(part, str) for part in value)):
            raise self.wrong_type("a list of texts", value)
        return tuple(part for part in value or () if part.strip())

    def number(self, values: Mapping[str, Any]) -> int | float | None:
        """A number."""
        value = self.find(values)
        if self.converted and isinstance(value, str):
            if not _NUMBER.fullmatch(value):
                raise self.bad("a number", value)
            return float(value) if "." in value else int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.wrong_type("a number", value)
        return value

    def span_ms(self, values: Mapping[str, Any]) -> int | None:
        """A time or duration in milliseconds."""
        value = self.number(values)
        if value is None:
            return None
        if self.unit == "s":
            value *= 1000
        elif isinstance(value, float) and not (self.converted or value.is_integer()):
            raise self.wrong_type("a whole number", value)
        if not -1e15 < value < 1e15:
            raise self.bad("a number of a sensible size", value)
        return round(value)

    def time_ms(self, values: Mapping[str, Any]) -> int | None:
        """A time as UTC epoch milliseconds, between 2000 and 2100."""
        at_ms = self._iso_ms(values) if self.unit == "iso8601" else self.span_ms(values)
        if at_ms is not None and not EARLIEST_MS <= at_ms < LATEST_MS:
            raise self.bad("a time between 2000 and 2100", at_ms)
        return at_ms

    def yes_no(self, values: Mapping[str, Any]) -> bool | None:
        """True or false, also as 1 and 0 or yes and no."""
        value = self.find(values)
        if value is None or isinstance(value, bool):
            return value
        answer = _YES_NO.get(str(value).lower())
        if answer is None:
            raise self.bad("yes or no", value)
        return answer

    def bad(self, expected: str, value: object) -> Unreadable:
        """The error for a value that is none of those it may be."""
        return Unreadable(RejectReason.BAD_VALUE, self.path, f"expected {expected}, got {_shown(value)}")

    def wrong_type(self, expected: str, value: object) -> Unreadable:
        """The error for a value of another type."""
        return Unreadable(RejectReason.WRONG_TYPE, self.path, f"expected {expected}, got {_shown(value)}")

    def _walk(self, values: Any) -> Any:
        for part in self.source.split("."):
            if not isinstance(values, dict):
                return None
            values = values.get(part)
        return values

    def _iso_ms(self, values: Mapping[str, Any]) -> int | None:
        value = self.find(values)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong_type("an ISO 8601 time", value)
        if len(value) <= 10:  # a date alone
            raise self.bad("an ISO 8601 time", value)
        try:
            at = datetime.fromisoformat(value)
            return ((at if at.tzinfo else at.replace(tzinfo=self.zone)) - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            raise self.bad("an ISO 8601 time", value) from None


def _shown(value: object) -> str:
    """A value in a reject's detail: short, and quoted where it is text."""
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
