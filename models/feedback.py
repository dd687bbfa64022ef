"""What operators' verdicts teach: how far each family is to be trusted for each class of number.

Logistic regression (river) over the families' shares, one for each class. The score minus the threshold is the log odds
to begin with, so every weight starts at 1 and moves only when a verdict contradicts them. Learned weights become a new
version of the evidence parameters (`detector.feedback`); they never open an alert by themselves. Card:
models/cards/feedback.md.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.optim.initializers import Constant

from detector.features.catalog import COLUMNS, FAMILIES

LEAST_WEIGHT, MOST_WEIGHT = 0.5, 1.25
"""No number of verdicts silences a family, or lets call-backs buy much more than they do."""

RATE = 0.015
AUTHOR_VERDICTS = 10
"""Verdicts of one author that count; beyond, no more of them than of all others together."""

EVERY_CLASS = "any"
USUAL_THRESHOLD = 14.0


class Feedback:
    """Log odds that a call is one of a mass dialer, from the shares as verdicts have weighted them.

    threshold  nats; the log odds are 0 there before any verdict
    """

    name = "feedback"
    columns = tuple(family.name for family in FAMILIES)

    def __init__(self, threshold: float = USUAL_THRESHOLD) -> None:
        self._threshold = threshold
        self._of_class: dict[str, LogisticRegression] = {}
        self._by_author: Counter[str] = Counter()

    @property
    def warming_up(self) -> bool:
        """True until a verdict counted."""
        return not self._of_class

    @property
    def version(self) -> str:
        """Hash of everything that was learned; "" while that is nothing."""
        if self.warming_up:
            return ""
        return hashlib.blake2b(msgspec.json.encode(self.state(), order="sorted"), digest_size=4).hexdigest()

    def teach(self, number_class: str, shares: Mapping[str, float], dialer: bool, author: str) -> bool:
        """Learn one verdict about a line of a class, by its shares (nats); whether it counted."""
        mine = self._by_author[author]
        if mine >= max(AUTHOR_VERDICTS, self._by_author.total() - mine):
            return False
        self._by_author[author] += 1
        self._learn(number_class, {name: shares.get(name, 0.0) for name in self.columns}, dialer)
        return True

    def weights(self, number_class: str) -> dict[str, float]:
        """Family -> how far it is trusted for this class; empty = as fitted."""
        model = self._of_class.get(number_class)
        return dict(model.weights) if model else {}

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, len(COLUMNS)] -> float64[n]: log odds (nats) by the weights of EVERY_CLASS; 0 while warming up."""
        weights = self.weights(EVERY_CLASS)
        if not weights:
            return np.zeros(len(X))
        shares = X[:, [COLUMNS.index(name) for name in self.columns]]
        # family by family, so that a row's score does not depend on the rows beside it
        return sum(
            (shares[:, k] * weights[name] for k, name in enumerate(self.columns)), np.full(len(X), -self._threshold)
        )

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Labelled rows, as verdicts about lines of EVERY_CLASS without an author."""
        shares = X[:, [COLUMNS.index(name) for name in self.columns]]
        for row, dialer in zip(shares.tolist(), y.tolist(), strict=True):
            self._learn(EVERY_CLASS, dict(zip(self.columns, row, strict=True)), dialer)

    def state(self) -> dict[str, Any]:
        """Everything that decides its scores."""
        weights = {name: self.weights(name) for name in sorted(self._of_class)}
        return {"threshold": self._threshold, "weights": weights, "verdicts": dict(sorted(self._by_author.items()))}

    def _learn(self, number_class: str, shares: dict[str, float], dialer: bool) -> None:
        model = self._of_class.setdefault(number_class, self._fresh())
        model.learn_one(shares, dialer)
        for name, weight in model.weights.items():
            model._weights[name] = min(max(weight, LEAST_WEIGHT), MOST_WEIGHT)

    def _fresh(self) -> LogisticRegression:
        return LogisticRegression(
            SGD(RATE), intercept_init=-self._threshold, intercept_lr=0.0, initializer=Constant(1.0)
        )
