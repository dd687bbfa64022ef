"""An ordinary life of one line's own: p0 fitted to its kept calls, as far as it goes and no further.

A verdict "legitimate" asks for it. What the line does now becomes what is expected of it; twice the rate, another
script, other outcomes are still told from it. p1 follows: a dialer would be 2, 5, 20 or 100 times as fast.
"""

from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.features.kept import Kept, first_time_calls, next_to_recent, ultra_short
from detector.features.kernels.observe import outcome_of
from detector.features.kernels.traits import NEAR_P1, SHORT_P1
from models.evidence import ClassParameters, Outcomes

LEAST_STRANGERS = 8
"""Calls to first-time callees without which a line has shown no life of its own."""

CLASS_WEIGHT = 2.0
"""Pseudo-observations of the class in every share."""

FASTER = (2.0, 5.0, 20.0, 100.0)
LONGEST_GAP_S = 4 * 3600.0
"""Longer gaps between strangers are pauses and say nothing about the pace."""

LEAST_SPREAD = 0.1
MOST_SIGMA = 0.99
SCALES_S = np.geomspace(10.0, 1e6, 41)
"""Scales of the gap law that are tried; the best shape for each is known."""

COVERABLE = ("ring", "pacing")
"""Traits that a verdict covers where the line has them: their laws look at the line's own past already."""


def own_life(
    kept: Kept,
    known: tuple[int, int],
    usual: ClassParameters,
    dialers: Outcomes,
    speaking: Collection[str],
    utc_offset_h: float,
) -> ClassParameters | None:
    """p0 and p1 of one line; None = it called too few strangers.

    kept      KEPT[n], oldest first
    known     calls and callees on the line's map: n and d of the novelty family
    usual     parameters of its class
    dialers   how calls of dialers end; of a line that is answered no more than they are, answers say nothing
    speaking  families that speak against it now
    """
    strangers = first_time_calls(kept)
    if len(strangers) < LEAST_STRANGERS:
        return None
    gap_shape, gap_scale_s, rate_per_hour = _gaps(strangers, usual)
    mu, sigma, least = _talk(strangers, usual)
    outcomes = _outcomes(strangers, usual)
    one, two, three, four = (round(rate_per_hour * faster, 3) for faster in FASTER)
    return msgspec.structs.replace(
        usual,
        sigma=_sigma(len(strangers), len(kept), known, usual),
        gap_shape=gap_shape,
        gap_scale_s=gap_scale_s,
        rates_per_hour=(one, two, three, four),
        talk_mu=mu,
        talk_sigma=sigma,
        talk_least_spread=least,
        outcomes_p0=outcomes,
        short_p0=min(_share(ultra_short(strangers), usual.short_p0), SHORT_P1),
        near_p0=min(_share(next_to_recent(kept), usual.near_p0), NEAR_P1),
        beside_p0=_beside(kept, usual),
        hour_p0=_hours(strangers, usual, utc_offset_h),
        muted=tuple(sorted({*usual.muted, *_covered(outcomes, dialers, speaking)})),
    )


def _covered(outcomes: Outcomes, dialers: Outcomes, speaking: Collection[str]) -> set[str]:
    """Families that the verdict covers."""
    covered = {family for family in COVERABLE if family in speaking}
    return covered | {"answer"} if outcomes.answered <= dialers.answered else covered


def _share(seen: NDArray[np.bool_], usual: float) -> float:
    return round(float((seen.sum() + CLASS_WEIGHT * usual) / (len(seen) + CLASS_WEIGHT)), 5)


def _sigma(new: int, calls: int, known: tuple[int, int], usual: ClassParameters) -> float:
    """Pitman-Yor's sigma that makes the line's share of new callees what it is, at what its map knows."""
    n, d = known
    expected = (usual.theta + usual.sigma * d) / (usual.theta + n) if n else 1.0
    share = (new + CLASS_WEIGHT * expected) / (calls + CLASS_WEIGHT)
    if d == 0:
        return usual.sigma
    return round(min(max((share * (usual.theta + n) - usual.theta) / d, usual.sigma), MOST_SIGMA), 4)


def _gaps(strangers: Kept, usual: ClassParameters) -> tuple[float, float, float]:
    """Lomax shape and scale (s) of the gaps between strangers, by maximum likelihood; and strangers an hour."""
    gaps = np.maximum(np.diff(np.sort(strangers["setup_ms"])) / 1000.0, 0.5)
    logs = np.log1p(gaps[:, None] / SCALES_S).sum(axis=0)
    shape = len(gaps) / logs
    likelihood = len(gaps) * np.log(shape / SCALES_S) - (shape + 1.0) * logs
    best = int(np.argmax(likelihood))
    within = gaps[gaps <= LONGEST_GAP_S]
    rate = 3600.0 / float(within.mean()) if len(within) else usual.rates_per_hour[0] / FASTER[0]
    return round(float(shape[best]), 4), round(float(SCALES_S[best]), 2), rate


def _talk(strangers: Kept, usual: ClassParameters) -> tuple[float, float, float]:
    """Mean and spread of log talk with strangers, and the least spread that is expected of the line."""
    talks = strangers["talk_ms"][strangers["talk_ms"] >= 0] // 1000
    logs = np.log(talks + 0.5)
    n = len(logs)
    mu = float((logs.sum() + CLASS_WEIGHT * usual.talk_mu) / (n + CLASS_WEIGHT))
    if n < LEAST_STRANGERS:
        return round(mu, 3), usual.talk_sigma, usual.talk_least_spread
    mu, sigma = float(logs.mean()), max(float(logs.std()), LEAST_SPREAD)
    return round(mu, 3), round(sigma, 3), round(min(sigma, usual.talk_least_spread), 3)


def _outcomes(strangers: Kept, usual: ClassParameters) -> Outcomes:
    ended = [
        outcome_of(talk >= 0, cause)
        for talk, cause in zip(strangers["talk_ms"].tolist(), strangers["cause"].tolist(), strict=True)
    ]
    counts = np.bincount(ended, minlength=5)[:4] + 2 * CLASS_WEIGHT * usual.outcomes_p0.array()
    answered, unanswered, busy, invalid = (round(float(share), 4) for share in counts / counts.sum())
    return Outcomes(answered=answered, unanswered=unanswered, busy=busy, invalid=invalid)


def _beside(kept: Kept, usual: ClassParameters) -> tuple[float, float, float]:
    begin, end = kept["setup_ms"], kept["setup_ms"] + kept["held_ms"]
    at_once = [int((end[:i] > begin[i]).sum()) for i in range(len(kept))]
    counts = np.bincount(np.minimum(at_once, 2), minlength=3) + CLASS_WEIGHT * np.array(usual.beside_p0)
    none, one, more = (round(float(share), 5) for share in counts / counts.sum())
    return none, one, more


def _hours(strangers: Kept, usual: ClassParameters, utc_offset_h: float) -> tuple[float, ...]:
    hours = ((strangers["setup_ms"] / 3_600_000 + utc_offset_h) // 1 % 24).astype(int)
    counts = np.bincount(hours, minlength=24) + 12.0 * np.array(usual.hour_p0)
    return tuple(round(float(share), 5) for share in counts / counts.sum())
