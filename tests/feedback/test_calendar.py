"""A change comes before the first call of its minute, however the calls are cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.feedback.applied import AppliedRegistry
from detector.feedback.calendar import Calendar, next_minute
from detector.feedback.request import RegistryUpdate


def change(apply_ms: int, name: str) -> AppliedRegistry:
    update = RegistryUpdate(feedback_id=name, at_ms=0, author="ann")
    return AppliedRegistry(apply_ms=apply_ms, partition=0, position=0, update=update)


def places(release_ms: list[int], due_ms: list[int], cuts: list[int]) -> list[tuple[str, int]]:
    """Which change came before which call, the calls handed over in pieces."""
    calendar = Calendar()
    for i, apply_ms in enumerate(due_ms):
        calendar.enter(change(apply_ms, str(i)))
    told, newest, begun = [], -1, 0
    for end in [*sorted({min(cut, len(release_ms)) for cut in cuts}), len(release_ms)]:
        while (at := calendar.reached(np.array(release_ms[begun:end], np.int64), newest)) is not None:
            newest = max([newest, *release_ms[begun : begun + at]])
            begun += at
            left = calendar.leave()
            assert isinstance(left, AppliedRegistry)
            told.append((left.update.feedback_id, begun))
        newest = max([newest, *release_ms[begun:end]])
        begun = end
    return told


@given(
    st.lists(st.integers(0, 500), max_size=40),
    st.lists(st.integers(0, 500), max_size=8),
    st.lists(st.integers(0, 40), max_size=8),
)
def test_cuts_are_invisible(release_ms: list[int], due_ms: list[int], cuts: list[int]) -> None:
    whole = places(release_ms, due_ms, [])
    assert places(release_ms, due_ms, cuts) == whole
    newest = np.maximum.accumulate(np.array([-1, *release_ms]))[1:]
    expected = [
        (str(i), int(np.argmax(newest >= due)))
        for due, i in sorted((due, i) for i, due in enumerate(due_ms))
        if (newest >= due).any()
    ]
    assert whole == expected


def test_the_next_minute_begins_after_the_newest_call() -> None:
    assert [next_minute(ms) for ms in (-1, 0, 59_999, 60_000)] == [0, 60_000, 60_000, 120_000]
