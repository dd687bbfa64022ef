"""The laws that entities are judged by: those fitted on lines, class by class (models/evidence.py)."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels import layout
from detector.features.kernels.layout import MILLI
from detector.numbering.registry import DECLARED
from models.evidence import CLASSES, ClassParameters, Evidence

FAMILY_NAMES = ("novelty", "pace", "script", "answer", "reciprocity", "rotation", "surge")
"""In the order of the kernels' shares (layout.NOVELTY ...)."""


def laws(model: Evidence, class_names: dict[int, str], muted: Collection[str]) -> NDArray[np.void]:
    """LAW[CLASSES]. A class without parameters of its own gets those of "any".

    muted  families the feed cannot carry. A declared purpose is calling strangers, with one recording, on many numbers:
           of its holder only answers and call-backs are judged above the line
    """
    table = np.zeros(CLASSES, layout.LAW)
    for number_class in range(CLASSES):
        fitted = model.parameters.classes.get(class_names.get(number_class, "any")) or model.parameters.classes["any"]
        declared = ("novelty", "pace", "script", "rotation") if number_class >= DECLARED else ()
        _fill(table[number_class], fitted, {*muted, *fitted.muted, *declared})
    return table


def _fill(row: np.void, fitted: ClassParameters, muted: Collection[str]) -> None:
    for name in ("theta", "sigma", "new_p1", "talk_mu", "talk_sigma"):
        row[name] = getattr(fitted, name)
    row["ordinary"], row["dialing"] = fitted.outcomes_p0.array(), fitted.outcomes_p1.array()
    row["callback"] = round(fitted.callback * MILLI)
    row["speaks"] = [family not in muted for family in FAMILY_NAMES]
