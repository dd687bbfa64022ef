"""Every model that ships, by name: what tests, evaluation and the documents walk over."""

from models.baseline import Baseline
from models.contract import Model
from models.evidence import Evidence


def all_models() -> tuple[Model, ...]:
    """A fresh instance of each."""
    return (Evidence.load(), Baseline())
