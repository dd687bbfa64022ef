"""People who complain about calls: late, about a time they half remember, about a number as they heard it."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS
from detector.traffic.clock import HOUR_MS
from detector.traffic.numbers import text_of

_MISHEARD = 0.1  # share of numbers with one digit wrong
_WORDS = ("they wanted my bank card", "a machine talked to me", "they call every day", "somebody sold me a loan")


class Complaint(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="complaint"):
    """One complaint. Times are UTC epoch ms.

    at_ms     when it was made
    callee    who complains; verified
    about_ms  when the call was, within some minutes
    number    the number as heard
    """

    at_ms: int
    callee: str
    about_ms: int
    number: str
    text: str


class Complaints:
    """Collects complaints about the bad calls that are shown to it.

    share  of answered bad calls that lead to one
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._draw = np.random.default_rng([seed, 4])
        self._made: list[Complaint] = []

    def hear(self, calls: NDArray[np.void]) -> None:
        """CALL[n], in order of release."""
        rows = np.flatnonzero(calls["bad"] & (calls["answer_ms"] != NEVER_MS))
        angry = calls[rows[self._draw.random(len(rows)) < self._share]]
        seen = np.where(angry["presented"] != 0, angry["presented"], angry["caller"])
        texts = zip(text_of(angry["callee"]).to_pylist(), text_of(seen).to_pylist(), strict=True)
        for (callee, number), released in zip(texts, angry["release_ms"].tolist(), strict=True):
            self._made.append(self._complaint(callee, number, released))

    def in_order(self) -> list[Complaint]:
        """What was heard so far, by the time at which it was made."""
        return sorted(self._made, key=lambda complaint: (complaint.at_ms, complaint.callee))

    def _complaint(self, callee: str, number: str, released_ms: int) -> Complaint:
        draw = self._draw
        if draw.random() < _MISHEARD:
            place = int(draw.integers(1, len(number)))
            number = f"{number[:place]}{draw.integers(10)}{number[place + 1 :]}"
        off_ms, late_ms = draw.normal(0, HOUR_MS / 10), draw.exponential(3 * HOUR_MS)
        return Complaint(
            at_ms=released_ms + 600_000 + int(late_ms),
            callee=callee,
            about_ms=(released_ms + int(off_ms)) // 60_000 * 60_000,
            number=number,
            text=str(draw.choice(_WORDS)),
        )
