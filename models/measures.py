"""How well scores tell bad lines from ordinary ones, at the given share of bad lines and at one in a hundred."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

RARE = 0.01
"""Share of bad lines that operators meet; labelled sets are enriched (31 % in the Sichuan one)."""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Shares, 0..1. AUC and recall at a false-positive rate (FPR) do not depend on how many lines are bad."""

    auc: float
    ap: float
    recall_at_fpr_1_percent: float
    recall_at_fpr_01_percent: float
    ap_at_1_percent_bad: float
    precision_at_fpr_1_percent: float  # with RARE of the lines bad
    precision_at_fpr_01_percent: float

    @classmethod
    def mean(cls, several: Sequence["Measures"]) -> "Measures":
        """Of repeated runs, to four digits."""
        return cls(**{f: round(float(np.mean([getattr(m, f) for m in several])), 4) for f in cls.__struct_fields__})


def measure(bad: NDArray[np.bool_], score: NDArray[np.float64]) -> Measures:
    """bad: bool[n], with both kinds; score: float64[n], higher = more like a bad line."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # a second to import, for this command only

    rare = np.where(bad, RARE / bad.mean(), (1 - RARE) / (1 - bad.mean()))
    recall_1, recall_01 = recall_at(bad, score, 0.01), recall_at(bad, score, 0.001)
    return Measures(
        auc=float(roc_auc_score(bad, score)),
        ap=float(average_precision_score(bad, score)),
        recall_at_fpr_1_percent=recall_1[0],
        recall_at_fpr_01_percent=recall_01[0],
        ap_at_1_percent_bad=float(average_precision_score(bad, score, sample_weight=rare)),
        precision_at_fpr_1_percent=precision(*recall_1),
        precision_at_fpr_01_percent=precision(*recall_01),
    )


def recall_at(bad: NDArray[np.bool_], score: NDArray[np.float64], fpr: float) -> tuple[float, float]:
    """(share of bad lines found, share of ordinary lines accused) above the lowest score that accuses `fpr` at most."""
    ordinary = np.sort(score[~bad])
    allowed = int(fpr * len(ordinary))
    above = ordinary[len(ordinary) - allowed - 1]
    return float((score[bad] > above).mean()), float((ordinary > above).mean())


def precision(recall: float, fpr: float) -> float:
    """Share of the accused that are bad, with RARE of all lines bad; 0 when nobody is accused."""
    accused = RARE * recall + (1 - RARE) * fpr
    return RARE * recall / accused if accused > 0 else 0.0
