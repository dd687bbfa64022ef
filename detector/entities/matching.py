"""Which of the calls somebody answered a complaint means: by how wrong reported times are, and by the number as heard.

P(call) is proportional to time law x number law, over the callee's calls of the look-back and "none of them": a call
that was not seen, or never happened.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.heard import LOOK_BACK_MS
from detector.numbering.kernels.number import HASHED

USUAL_ERROR_MS = 600_000
"""Half of all reported times are within ten minutes, one in twenty is off by more than two hours (Cauchy). Assumed:
no published figure was found."""

NONE = 0.1
"""Complaints of ten that mean a call which is not known, before time and number are looked at."""

EQUAL, TAIL, UNHEARD, OTHER = 100.0, 10.0, 1.0, 1e-4
"""How much more often the number as heard is told of the call that is meant than of none: it is the number shown; it
ends as that, or differs in one digit; it was withheld or not told; it is another one. Assumed, as above."""

TAIL_DIGITS = 4
LEAST_SHARE = 0.05
"""A call that is meant with less than this is not named."""

_HASHED = int(HASHED)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a complaint may mean. setup_ms: UTC; share: probability that it is this one."""

    setup_ms: int
    line_key: int
    number_key: int
    tenant_key: int
    share: float


def match(calls: NDArray[np.void], about_ms: int, number_key: int) -> tuple[Match, ...]:
    """The calls that are meant with LEAST_SHARE or more, in the order given; shares rounded to 1/1,000.

    calls       HEARD[n]  answered by the complainant in the look-back
    about_ms    when the call was, as reported; UTC
    number_key  of the number as heard; 0 = withheld, or not told
    """
    if not len(calls):
        return ()
    likely = [
        (1 - NONE)
        / len(calls)
        * time_law(int(call["setup_ms"]) - about_ms)
        * number_law(int(call["number"]), number_key)
        for call in calls
    ]
    total = NONE / LOOK_BACK_MS + sum(likely)
    shares = [round(one / total, 3) for one in likely]
    return tuple(
        Match(
            setup_ms=int(call["setup_ms"]),
            line_key=int(call["line"]),
            number_key=int(call["number"]),
            tenant_key=int(call["tenant"]),
            share=share,
        )
        for call, share in zip(calls, shares, strict=True)
        if share >= LEAST_SHARE
    )


def time_law(error_ms: int) -> float:
    """Density, per ms, of how wrong a reported time is."""
    return 1 / (math.pi * USUAL_ERROR_MS * (1 + (error_ms / USUAL_ERROR_MS) ** 2))


def number_law(shown: int, heard: int) -> float:
    """Likelihood ratio of what was heard, given what was shown; both keys of numbers (numbering.plan)."""
    if heard == 0:
        return UNHEARD
    if shown == heard:
        return EQUAL
    if shown >= _HASHED or heard >= _HASHED:
        return OTHER
    return TAIL if _alike(str(shown)[1:], str(heard)[1:]) else OTHER


def _alike(shown: Sequence[str], heard: Sequence[str]) -> bool:
    """They end the same, or one digit differs."""
    if min(len(shown), len(heard)) > TAIL_DIGITS and shown[-TAIL_DIGITS:] == heard[-TAIL_DIGITS:]:
        return True
    return len(shown) == len(heard) and sum(a != b for a, b in zip(shown, heard, strict=True)) == 1


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint and the calls it may mean. Times UTC ms.

    at_ms, about_ms  when it was made, and when the call was as reported
    complainant      masked (numbering.plan): equal people are seen, nobody is named
    number           as heard, in the complainant's writing; "" = withheld or not told
    """

    at_ms: int
    about_ms: int
    complainant: str
    number: str
    text: str
    matches: tuple[Match, ...]
