"""What every learner of the detector can do, whatever is inside it."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Model(Protocol):
    """One learner. Higher scores are more unusual. Rows of X are `detector.features.catalog.COLUMNS`."""

    @property
    def name(self) -> str:
        """What it is called in tables and cards."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of X it reads; the others may hold anything."""
        ...

    @property
    def warming_up(self) -> bool:
        """True while scores mean nothing yet."""
        ...

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, n_columns] -> float64[n]; changes nothing, so the same X gives the same scores."""
        ...

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Take labelled rows in, True = mass dialing. A model that only `detector train` fits ignores them."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that decides its scores, as JSON; equal states score equally."""
        ...
