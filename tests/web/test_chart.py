"""The pictures say what the figures say."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.alert.revision import EvidenceCall
from detector.web import chart
from tests.web.sample import MINUTE_MS, NOW_MS, alert, calls


def test_growth_rises_from_the_first_call_over_the_threshold() -> None:
    times = (NOW_MS - 20 * MINUTE_MS, NOW_MS - 10 * MINUTE_MS, NOW_MS)
    scores = (13.4, 16.0, 18.8)
    steps = [
        msgspec.structs.replace(alert(), revision=n, updated_at_ms=at, score=score)
        for n, (at, score) in enumerate(zip(times, scores, strict=True), start=1)
    ]
    picture = chart.growth(steps)
    assert [mark.x for mark in picture.marks] == sorted(mark.x for mark in picture.marks)
    assert [mark.y for mark in picture.marks] == sorted((mark.y for mark in picture.marks), reverse=True)
    assert all(mark.y < picture.threshold_y for mark in picture.marks)
    assert picture.line.startswith("40.0,128.0 ")
    assert picture.marks[0].text == "revision 1, 2026-11-24 08:40:00 UTC: score 13.4 after 41 calls"
    assert [tick.label for tick in picture.ticks_x] == ["08:30 UTC", "+15 min", "+30 min"]


def test_talk_is_height_and_the_unanswered_lie_below() -> None:
    picture = chart.calls(calls(NOW_MS))
    assert len(picture.answered) == 8
    assert len(picture.unanswered) == 16
    assert all(mark.y < picture.base_y for mark in picture.answered)
    assert all(mark.y > picture.base_y for mark in picture.unanswered)


@given(order=st.permutations(calls(NOW_MS)))
def test_the_order_of_evidence_does_not_matter(order: list[EvidenceCall]) -> None:
    assert chart.calls(order) == chart.calls(calls(NOW_MS))
