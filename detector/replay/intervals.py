"""Figures with their 95 % intervals.

Shares and rates: exact (Clopper & Pearson 1934, Garwood 1936). Quantiles: bootstrap over seeds and, within them,
lines (Efron & Tibshirani 1993), from a fixed seed, so that the same worlds give the same figures.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2

RESAMPLES = 200


class Estimate(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval. Null: not reached, or nothing to count."""

    value: float | None
    low: float | None = None
    high: float | None = None


def share_of(hits: int, of: int) -> Estimate:
    """A share and its interval."""
    if of == 0:
        return Estimate(None)
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return Estimate(rounded(hits / of), rounded(low), rounded(high))


def rate_of(events: int, exposure: float) -> Estimate:
    """Events per exposure and the interval, the events independent of each other."""
    if exposure <= 0:
        return Estimate(None)
    low = float(chi2.ppf(0.025, 2 * events)) / 2 if events else 0.0
    high = float(chi2.ppf(0.975, 2 * events + 2)) / 2
    return Estimate(rounded(events / exposure), rounded(low / exposure), rounded(high / exposure))


def quantile_of(values: NDArray[np.float64], seeds: NDArray[np.int64], q: float) -> Estimate:
    """A quantile of values, each of one seed; infinite values count as such."""
    if not len(values):
        return Estimate(None)
    draw = np.random.default_rng(1)
    by_seed = [values[seeds == seed] for seed in np.unique(seeds)]
    resampled = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        chosen = [by_seed[j] for j in draw.integers(len(by_seed), size=len(by_seed))]
        drawn = np.sort(np.concatenate([draw.choice(part, len(part)) for part in chosen]))
        resampled[i] = drawn[_place(q, len(drawn))]
    return Estimate(quantile(values, q), quantile(resampled, 0.025), quantile(resampled, 0.975))


def quantile(values: NDArray[np.float64], q: float) -> float | None:
    """A value that occurs, at least a share q of the others not above it; None where infinite, or there is none."""
    if not len(values):
        return None
    value = float(np.sort(values)[_place(q, len(values))])
    return rounded(value) if np.isfinite(value) else None


def rounded(value: float) -> float:
    """Four digits: what two runs are compared by."""
    return float(f"{value:.4g}")


def _place(q: float, n: int) -> int:
    return max(int(np.ceil(q * n - 1e-9)) - 1, 0)
