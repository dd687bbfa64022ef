"""Records that cannot be read: the short list of reasons, and what is kept of each."""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """Why a record became a dead letter; the values are metric labels and never change."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    NOT_CSV = "not_csv"
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    BAD_ORDER = "bad_order"  # release before setup, answer outside the call
    TIME_AHEAD = "time_ahead"  # far from the stream's own time
    TIME_BEHIND = "time_behind"
    EMPTY = "empty"  # null value or blank line inside a value


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was not read, whole.

    stream, offset, item  where it stood (item: which call of a many-in-one value, -1 = the value itself)
    reason                out of RejectReason
    path                  the field, `$.setup_ms`; `$` = the whole record
    detail                what was wrong, one short sentence
    raw                   the record, byte for byte
    """

    stream: int
    offset: int
    item: int
    reason: RejectReason
    path: str
    detail: str
    raw: bytes
