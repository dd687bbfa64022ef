"""The laws that entities are judged by: those fitted on lines, class by class (models/evidence.py)."""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels import layout
from detector.features.kernels.layout import MILLI
from detector.numbering.registry import DECLARED
from models.evidence import CLASSES, ClassParameters, Evidence, Pooled

FAMILY_NAMES = ("novelty", "pace", "script", "answer", "reciprocity", "rotation", "surge", "neighbour", "moved", "told")
"""In the order of the kernels' shares (layout.NOVELTY ...)."""


def laws(
    model: Evidence, class_names: dict[int, str], muted: Collection[str], complaint_share: float = 1e-4
) -> NDArray[np.void]:
    """LAW[CLASSES]. A class without parameters of its own gets those of "any".

    complaint_share     people who complain, of those who answer ordinary calls
    muted  families the feed cannot carry. A declared purpose is calling strangers, with one recording, on many numbers:
           of its holder only answers and call-backs are judged above the line
    """
    table = np.zeros(CLASSES, layout.LAW)
    for number_class in range(CLASSES):
        fitted = model.parameters.classes.get(class_names.get(number_class, "any")) or model.parameters.classes["any"]
        declared = ("novelty", "pace", "script", "rotation") if number_class >= DECLARED else ()
        _fill(table[number_class], fitted, model.parameters.pooled, {*muted, *fitted.muted, *declared})
    table["complaints"] = complaint_share
    return table


def _fill(row: np.void, fitted: ClassParameters, pooled: Pooled, muted: Collection[str]) -> None:
    row["theta"], row["sigma"], row["new_p1"] = pooled.theta, pooled.sigma, pooled.new_p1
    row["ordinary"], row["dialing"] = fitted.outcomes_p0.array(), pooled.outcomes_p1.array()
    row["talk"] = _talk_law(fitted.talk_mu, fitted.talk_sigma)
    row["callback"] = round(fitted.callback * MILLI)
    row["speaks"] = [family not in muted for family in FAMILY_NAMES]


def _talk_law(mu: float, sigma: float) -> NDArray[np.float64]:
    """Share of a log-normal law's talk times in each bin of gather.talk_bin; never under 1 in 10,000."""
    edges = [2.0 * k for k in range(1, 31)] + [60 * 1.5**k for k in range(1, layout.TALKS - 30)]
    below = [0.0, *(0.5 * math.erfc((mu - math.log(edge)) / (sigma * math.sqrt(2))) for edge in edges), 1.0]
    shares: NDArray[np.float64] = np.maximum(np.diff(below), 1e-4)
    return shares
