"""Absurd times are dead letters and never move the stream; a stream that has really moved is followed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.decode.kernels.clock import guard
from detector.decode.rejects import RejectReason
from detector.source.memory import chunk
from tests.decode import reference
from tests.decode.records import SETUP_MS, call, decoder

HOUR_MS = reference.HOUR_MS
DAY_MS = 24 * HOUR_MS
WORDS = ("believed", "ahead", "behind")


def verdicts(release_ms: list[int], *cuts: int) -> list[str]:
    """The kernel's answers, the stream cut into chunks at some places."""
    state = np.zeros(6, np.int64)
    told: list[str] = []
    for part in np.split(np.array(release_ms, np.int64), sorted(cuts)):
        verdict = np.empty(len(part), np.uint8)
        guard(part, 30 * DAY_MS, 30 * DAY_MS, state, verdict)
        told += [WORDS[v] for v in verdict]
    return told


def days(*numbers: float) -> list[int]:
    return [SETUP_MS + int(number * DAY_MS) for number in numbers]


def test_a_stray_is_not_believed_and_moves_nothing() -> None:
    assert verdicts(days(0, 31, 1, -31, 30, 59)) == ["believed", "ahead", "believed", "behind", "believed", "believed"]


def test_ten_in_a_row_that_agree_have_moved_the_stream() -> None:
    assert verdicts(days(0, *[40] * 11, 1, 41)) == [
        "believed",
        *["ahead"] * 9,
        "believed",
        "believed",
        "behind",
        "believed",
    ]


def test_strays_that_do_not_agree_move_nothing() -> None:
    assert verdicts(days(*[0] * 12, *range(40, 60))) == ["believed"] * 12 + ["ahead"] * 20


def test_a_believed_call_breaks_the_row() -> None:
    assert verdicts(days(*[0] * 12, *[40] * 9, 0, *[40] * 9))[12:] == ["ahead"] * 9 + ["believed"] + ["ahead"] * 9


def test_an_absurd_first_record_is_repaired() -> None:
    assert verdicts(days(9_000, *[0] * 11)) == ["believed", *["behind"] * 9, "believed", "believed"]


def test_a_confirmed_stream_never_goes_back() -> None:
    assert verdicts(days(*[40] * 10, *[0] * 30)) == ["believed"] * 10 + ["behind"] * 30


moves = st.sampled_from([0, 0, 0, 1_000, HOUR_MS, HOUR_MS + 1, 31 * DAY_MS, -31 * DAY_MS])
streams = st.lists(st.tuples(moves, st.integers(1, 12)), max_size=12)


@settings(max_examples=300, deadline=None)
@given(streams, st.lists(st.integers(0, 100), max_size=4))
def test_the_kernel_judges_as_its_twin_however_the_stream_is_cut(
    stream: list[tuple[int, int]], cuts: list[int]
) -> None:
    release_ms = [SETUP_MS + move for move, times in stream for _ in range(times)]
    assert verdicts(release_ms, *cuts) == reference.verdicts(release_ms, 30 * DAY_MS, 30 * DAY_MS)


def test_each_stream_has_its_own_time() -> None:
    later = dict.fromkeys(("setup_ms", "ring_ms", "answer_ms", "release_ms"), SETUP_MS + 100 * DAY_MS)
    reads = decoder("json", "json")
    for stream, record in ((0, call()), (1, call(**later)), (0, call()), (1, call(**later))):
        batch, rejects = reads.decode(chunk([record], stream=stream))
        assert (len(batch), rejects) == (1, [])
    batch, rejects = reads.decode(chunk([call(**later), call()], stream=0, first_offset=7))
    assert [(r.offset, r.reason, r.path) for r in rejects] == [(7, RejectReason.TIME_AHEAD, "$.release_ms")]
    assert batch.calls["offset"].tolist() == [8]
    _, rejects = reads.decode(chunk([call()], stream=1))
    assert [r.reason for r in rejects] == [RejectReason.TIME_BEHIND]
