"""Boosted trees over judged calls: a challenger for the evidence to beat. It never opens an alert.

scikit-learn fits, a kernel scores: what is kept is plain arrays, so a fitted file is JSON and the program that
reads it needs no pickle and no scikit-learn. Card: models/cards/boosted.md.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.features.catalog import COLUMNS
from models.kernels.trees import add_leaves

SHIPPED = Path(__file__).parent / "parameters" / "boosted.json"
SEED = 1
LEAST_ROWS = 100
"""Rows of each kind before it fits."""

MOST_ROWS = 500_000
"""Rows it keeps to learn from; the oldest go."""


class Trees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fitted trees, one after another; nodes are numbered through all of them, parents before children.

    columns   names of the columns that `column` counts
    baseline  log odds before the first tree
    root      first node of each tree
    column, threshold, left, right, value  by node; X <= threshold goes left; left and right of a leaf are -1
    """

    columns: tuple[str, ...]
    baseline: float
    root: list[int]
    column: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    value: list[float]

    def damage(self) -> str:
        """Why these are no trees that end, or nothing."""
        nodes = len(self.column)
        if any(len(of_node) != nodes for of_node in (self.threshold, self.left, self.right, self.value)):
            return "lists of different lengths"
        if not all(0 <= i < nodes for i in self.root) or not all(0 <= c < len(self.columns) for c in self.column):
            return "a root or a column that does not exist"
        forward = all(
            left == right == -1 or (node < left < nodes and node < right < nodes)
            for node, (left, right) in enumerate(zip(self.left, self.right, strict=True))
        )
        return "" if forward else "a node before its parent"


NO_TREES = Trees(COLUMNS, 0.0, [], [], [], [], [], [])


class Boosted:
    """Log odds that a call is one of a mass dialer, from the shares and features of that call alone."""

    name = "boosted"

    def __init__(self, trees: Trees = NO_TREES) -> None:
        self._trees = trees
        self._X = np.zeros((0, len(COLUMNS)))
        self._y = np.zeros(0, bool)

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "Boosted":
        """The trees of a file, or those that ship. Raises ConfigError when it is none, or of other features."""
        try:
            trees = msgspec.json.decode(path.read_bytes(), type=Trees)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(f"{path}: {error}; fit one with `detector train --boosted`") from None
        return cls._checked(trees, str(path))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Boosted":
        """The model whose `state()` this is. Raises ConfigError when it is none, or of other features."""
        try:
            return cls._checked(msgspec.convert(state, Trees), "state of boosted")
        except msgspec.ValidationError as error:
            raise ConfigError(f"state of boosted: {error}") from None

    @classmethod
    def _checked(cls, trees: Trees, source: str) -> "Boosted":
        gone = ", ".join(sorted(set(trees.columns) - set(COLUMNS)))
        why = f"fitted on features that are gone: {gone}" if gone else trees.damage()
        if why:
            raise ConfigError(f"{source}: {why}; fit it again with `detector train --boosted`")
        return cls(trees)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it was fitted on."""
        return self._trees.columns

    @property
    def warming_up(self) -> bool:
        """True until it was fitted."""
        return not self._trees.root

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log odds (nats): float64[n, len(COLUMNS)] -> float64[n]; the same sum, in the same order, as sklearn's."""
        trees = self._trees
        total = np.full(len(X), trees.baseline)
        add_leaves(
            np.ascontiguousarray(X[:, [COLUMNS.index(name) for name in trees.columns]]),
            np.array(trees.root, np.intp),
            np.array(trees.column, np.intp),
            np.array(trees.threshold, np.float64),
            np.column_stack([trees.left, trees.right]).astype(np.intp),
            np.array(trees.value, np.float64),
            total,
        )
        return total

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Fit to these rows and the ones before, as far as they are kept; nothing while one kind is rare."""
        self._X = np.concatenate([self._X, X])[-MOST_ROWS:]
        self._y = np.concatenate([self._y, y])[-MOST_ROWS:]
        if min(self._y.sum(), (~self._y).sum()) >= LEAST_ROWS:
            self._trees = exported(fit(new_booster(SEED), self._X, self._y))

    def state(self) -> dict[str, Any]:
        """Everything that decides its scores."""
        state: dict[str, Any] = msgspec.to_builtins(self._trees)
        return state


def new_booster(seed: int) -> Any:
    """Gradient boosting as everywhere here: shallow trees, no early stopping, so the same rows give the same trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # 3 s to import, for fitting only

    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def fit(model: Any, X: NDArray[np.float64], y: NDArray[np.bool_]) -> Any:
    """The scikit-learn model, fitted on one thread: sums in one order on every machine, no spinning on shared cores.

    Measured on a busy 2-core machine, 3,000 rows: 0.3 s of CPU in place of 10.
    """
    from threadpoolctl import threadpool_limits  # comes with scikit-learn; limits only what is loaded already

    with threadpool_limits(1):
        return model.fit(X, y)


def exported(fitted: Any) -> Trees:
    """A fitted HistGradientBoostingClassifier of two classes, over columns without missing values, as plain lists."""
    nodes_of = [predictors[0].nodes for predictors in fitted._predictors]
    starts = np.cumsum([0, *(len(nodes) for nodes in nodes_of)])
    nodes, shift = np.concatenate(nodes_of), np.repeat(starts[:-1], np.diff(starts))
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        columns=COLUMNS,
        baseline=float(fitted._baseline_prediction.item()),
        root=starts[:-1].tolist(),
        column=np.where(leaf, 0, nodes["feature_idx"]).tolist(),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).tolist(),
        left=np.where(leaf, -1, nodes["left"] + shift).tolist(),
        right=np.where(leaf, -1, nodes["right"] + shift).tolist(),
        value=np.where(leaf, nodes["value"], 0.0).tolist(),
    )
