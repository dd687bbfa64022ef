"""Repeats are counted by name, and bounded."""

from detector.entities import repeats
from detector.entities.repeats import Repeats

HOUR = 3_600_000


def test_within_a_week_and_after_a_pause() -> None:
    known = Repeats()
    assert known.opened("tenant", "a", 0) is None
    known.ended("tenant", "a", 10 * HOUR)
    assert known.opened("tenant", "a", 10 * HOUR + HOUR // 2) is None
    assert known.opened("tenant", "a", 15 * HOUR) == 5
    assert known.opened("tenant", "a", 400 * HOUR) is None
    known.moved("holder", "h")
    assert known.of("tenant") == {"a": 1}
    assert known.of("holder") == {"h": 1}
    assert (known.total("tenant"), known.total("holder")) == (1, 1)


def test_names_are_bounded() -> None:
    known = Repeats()
    for i in range(repeats.MOST_NAMES + 50):
        known.ended("tenant", str(i), 0)
        known.moved("tenant", str(i))
    assert len(known.of("tenant")) <= repeats.MOST_NAMES
    assert known.total("tenant") == repeats.MOST_NAMES + 50
