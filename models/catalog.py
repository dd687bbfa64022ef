"""Every model that ships, by name: what tests, evaluation and the documents walk over."""

from models.baseline import Baseline
from models.boosted import Boosted
from models.contract import Model
from models.evidence import Evidence
from models.feedback import Feedback
from models.shape import Shape


def all_models() -> tuple[Model, ...]:
    """A fresh instance of each."""
    return (Evidence.load(), Boosted.load(), Shape(), Feedback(), Baseline())
