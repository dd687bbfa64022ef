"""Fitting p0 and p1 of the evidence families to judged calls with known truth: maximum likelihood, no randomness.

Fits read the observations of a trace (layout.SCORED columns), which do not depend on any fitted number. Limits,
weights, priors, the scripted share and the law of people's gaps are not fitted: they are choices (DECISIONS.md).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from detector.features.kernels.layout import ANSWERED, BUSY, INVALID, UNANSWERED
from models.evidence import ClassParameters, Dialing, Life, Outcomes, Pooled

MOST_CALLS_PER_LINE = 50
"""Calls of one line that count, so that a few busy look-alikes do not become ordinary life."""

COVERED = ("pace", "pacing", "hours", "ring")
"""Families that a declaration for outbound calls covers."""

LEAST_CALLS = 500
"""Calls a class needs for parameters of its own."""

Columns = Mapping[str, NDArray[np.generic]]
"""line_key, kind of line, and what layout.SCORED says of each call; one entry a call, in order."""


def fit_class(benign: Columns, start: ClassParameters, *, declared: bool = False) -> ClassParameters:
    """Parameters of one class of number. What too few calls tell stays as in `start`.

    benign  calls of people of that class of number, or of lines of a purpose

    declared  the class of a purpose in the registry: how much and how evenly such lines dial is what they declared, so
              COVERED is muted, and a played script is theirs; what changes in a takeover still speaks
    """
    benign = benign if declared else first_calls(benign)  # of a purpose there are few lines, and all of them count
    theta, sigma = fit_novelty(benign, start)
    mu, spread = fit_logs(benign["talk_s"][answered_strangers(benign)], start.talk_mu, start.talk_sigma)
    strangers: Columns = {name: column[benign["first_time"].astype(bool)] for name, column in benign.items()}
    ring = fit_logs(_known(strangers["ring_s"]), start.ring_mu, start.ring_sigma)
    return ClassParameters(
        theta=theta,
        sigma=sigma,
        gap_shape=start.gap_shape,
        gap_scale_s=start.gap_scale_s,
        rates_per_hour=start.rates_per_hour,
        talk_mu=mu,
        talk_sigma=spread,
        talk_least_spread=fit_least_spread(benign, start) if declared else start.talk_least_spread,
        outcomes_p0=fit_outcomes(benign, start.outcomes_p0),
        callback=start.callback,
        silence=0.0 if declared else start.silence,
        ring_mu=ring[0],
        ring_sigma=ring[1],
        short_p0=fit_share(strangers["ultra_short"], start.short_p0),
        near_p0=fit_share(strangers["near"], start.near_p0),
        beside_p0=fit_beside(benign, start),
        hour_p0=fit_hours(strangers["hour"], start),
        muted=_covered(len(benign["line_key"])) if declared else (),
        own_script=declared,
    )


def fit_life(calls: Columns, start: Life) -> Life:
    """A life that is led for a living, out of the calls of all honest lines."""
    own = first_calls(_of(calls, start.of))
    strangers: Columns = {name: column[own["first_time"].astype(bool)] for name, column in own.items()}
    shape, scale_s = fit_gaps(strangers["gap_new_s"], start.gap_shape, start.gap_scale_s)
    mu, sigma = fit_logs(own["talk_s"][answered_strangers(own)], start.talk_mu, start.talk_sigma)
    return Life(
        of=start.of,
        prior=start.prior,
        new=fit_new_share(own, start.new),
        gap_shape=shape,
        gap_scale_s=scale_s,
        talk_mu=mu,
        talk_sigma=sigma,
        outcomes=fit_outcomes(own, start.outcomes),
    )


def fit_dialing(calls: Columns, start: Dialing, others: Collection[str]) -> Dialing:
    """A way of dialing, out of the calls of all campaigns. others: kinds of campaign that have a way of their own."""
    kinds = start.of or tuple(set(np.unique(calls["kind"]).tolist()) - set(others))
    own = first_calls(_of(calls, kinds))
    return Dialing(
        of=start.of,
        new=fit_new_share(own, start.new),
        plays=start.plays,
        outcomes=fit_outcomes(own, start.outcomes),
    )


def fit_pooled(benign: Columns, bad: Columns, start: Pooled) -> Pooled:
    """One law of all honest lines, trades included, and one of all campaigns."""
    theta, sigma = fit_novelty(first_calls(benign), start)
    return Pooled(
        theta=theta,
        sigma=sigma,
        new_p1=fit_new_share(bad, start.new_p1),
        outcomes_p1=fit_outcomes(bad, start.outcomes_p1),
    )


def people(calls: Columns, lives: Iterable[Life]) -> dict[str, NDArray[Any]]:
    """The calls of lines that lead none of these lives."""
    apart = np.isin(calls["kind"], [kind for life in lives for kind in life.of])
    return {name: column[~apart] for name, column in calls.items()}


def _of(calls: Columns, kinds: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """The calls of lines of these kinds."""
    chosen = np.isin(calls["kind"], list(kinds))
    return {name: column[chosen] for name, column in calls.items()}


def _covered(calls: int) -> tuple[str, ...]:
    """Families that are muted for a purpose; with too few calls to fit on, novelty and script too."""
    return COVERED if calls >= LEAST_CALLS else (*COVERED, "novelty", "script")


def first_calls(calls: Columns, most: int = MOST_CALLS_PER_LINE) -> dict[str, NDArray[np.generic]]:
    """The first `most` calls of each line."""
    _, line, counts = np.unique(calls["line_key"], return_inverse=True, return_counts=True)
    order = np.argsort(line, kind="stable")
    rank = np.empty(len(line), np.int64)
    rank[order] = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    return {name: column[rank < most] for name, column in calls.items()}


def fit_novelty(calls: Columns, start: ClassParameters | Pooled) -> tuple[float, float]:
    """Theta and sigma of P(new) = (theta + sigma d) / (theta + n), calls with n > 0 (Pitman & Yor 1997)."""
    n, d = calls["known_calls"].astype(float), calls["known_callees"].astype(float)
    seen = n > 0
    n, d, new = n[seen], d[seen], calls["first_time"][seen].astype(bool)
    if len(n) < LEAST_CALLS:
        return start.theta, start.sigma

    def loss(x: NDArray[np.float64]) -> float:
        theta, sigma = np.exp(x[0]), 1 / (1 + np.exp(-x[1]))
        p = np.clip((theta + sigma * d) / (theta + n), 1e-6, 1 - 1e-6)
        return -float(np.mean(np.where(new, np.log(p), np.log1p(-p))))

    best = minimize(loss, [np.log(start.theta), 0.0], method="Nelder-Mead").x
    return round(float(np.exp(best[0])), 3), round(float(1 / (1 + np.exp(-best[1]))), 3)


def answered_strangers(calls: Columns) -> NDArray[np.bool_]:
    """Answered calls to first-time callees."""
    chosen: NDArray[np.bool_] = (calls["outcome"] == ANSWERED) & calls["first_time"].astype(bool)
    return chosen


def fit_logs(seconds: NDArray[np.generic], mu: float, sigma: float) -> tuple[float, float]:
    """Mean and spread of log seconds."""
    if len(seconds) < LEAST_CALLS:
        return mu, sigma
    logs = np.log(np.floor(seconds.astype(float)) + 0.5)
    return round(float(logs.mean()), 3), round(float(logs.std()), 3)


def _known(column: NDArray[np.generic]) -> NDArray[np.float64]:
    """The values that are not -1."""
    values = column.astype(np.float64)
    return values[values >= 0]


def fit_least_spread(calls: Columns, start: ClassParameters) -> float:
    """Spread of log talk within lines of the class, at least 0.1: small where every line plays one script."""
    chosen = answered_strangers(calls)
    logs = np.log(np.floor(calls["talk_s"][chosen].astype(float)) + 0.5)
    _, line = np.unique(calls["line_key"][chosen], return_inverse=True)
    if len(logs) < LEAST_CALLS // 10:
        return start.talk_least_spread
    means = np.bincount(line, logs) / np.bincount(line)
    within = float(np.sqrt(np.mean((logs - means[line]) ** 2)))
    return round(min(max(within, 0.1), start.talk_least_spread), 3)


def fit_share(seen: NDArray[np.generic], start: float) -> float:
    """Share of 1 among what is known (not -1), with one pseudo-observation in a hundred of the start."""
    known = _known(seen)
    if len(known) < LEAST_CALLS:
        return start
    return round(float((known.sum() + LEAST_CALLS / 100 * start) / (len(known) + LEAST_CALLS / 100)), 5)


def fit_beside(calls: Columns, start: ClassParameters) -> tuple[float, float, float]:
    """Shares of calls with none, one, or more calls of the line at the same time; each at least 1 in 1,000."""
    beside = np.minimum(calls["beside"].astype(int), 2)
    if len(beside) < LEAST_CALLS:
        return start.beside_p0
    shares = np.maximum(np.bincount(beside, minlength=3) / len(beside), 0.001)
    none, one, more = (round(float(share), 4) for share in shares / shares.sum())
    return none, one, more


def fit_hours(hours: NDArray[np.generic], start: ClassParameters) -> tuple[float, ...]:
    """Share of calls by local hour, half from the start profile where calls are few."""
    counts = np.bincount(hours.astype(int), minlength=24) + LEAST_CALLS * np.array(start.hour_p0)
    return tuple(round(float(share), 4) for share in counts / counts.sum())


def fit_new_share(calls: Columns, start: float) -> float:
    """Share of the calls that go to new callees, kept off 0 and 1."""
    if len(calls["first_time"]) < LEAST_CALLS:
        return start
    return round(float(np.clip(calls["first_time"].astype(float).mean(), 0.8, 0.97)), 3)


def fit_gaps(gap_s: NDArray[np.generic], shape: float, scale_s: float) -> tuple[float, float]:
    """Shape and scale of the Lomax law of the gaps between first-time callees; -1 = no gap."""
    gaps = np.maximum(_known(gap_s), 0.5)
    if len(gaps) < LEAST_CALLS:
        return shape, scale_s

    def loss(x: NDArray[np.float64]) -> float:
        a, b = np.exp(x)
        return -float(np.mean(np.log(a / b) - (a + 1) * np.log1p(gaps / b)))

    found = np.exp(minimize(loss, np.log([shape, scale_s]), method="Nelder-Mead").x)
    return round(float(found[0]), 3), round(float(found[1]), 1)


def fit_outcomes(calls: Columns, start: Outcomes) -> Outcomes:
    """Shares of how calls to first-time callees ended; each at least half a per cent."""
    ended = calls["outcome"][calls["first_time"].astype(bool)]
    counts = np.array([(ended == value).sum() for value in (ANSWERED, UNANSWERED, BUSY, INVALID)], float)
    if counts.sum() < LEAST_CALLS:
        return start
    shares = np.maximum(counts / counts.sum(), 0.005)
    answered, unanswered, busy, invalid = (round(float(share), 4) for share in shares / shares.sum())
    return Outcomes(answered=answered, unanswered=unanswered, busy=busy, invalid=invalid)
