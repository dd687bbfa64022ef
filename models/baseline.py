"""The plain rule to beat: how many distinct callees in an hour. Card: models/cards/baseline.md."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.features.catalog import COLUMNS


class Baseline:
    """Distinct callees of the last 60 minutes; the classic rule alerts at 10 or 20."""

    name = "baseline"
    columns = ("distinct_60m",)
    warming_up = False

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distinct callees in the hour: float64[n, len(COLUMNS)] -> float64[n]."""
        distinct: NDArray[np.float64] = X[:, COLUMNS.index("distinct_60m")].copy()
        return distinct

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Nothing: the rule has no parameters."""

    def state(self) -> dict[str, Any]:
        """Nothing decides its scores but X."""
        return {}
