"""The merge against its slow twin: one heap of all calls, and a rule that anybody can read."""

from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cdr.batch import CDR, CallRecord, CdrBatch
from detector.source import merge as merge_module
from detector.source.merge import Merge

Call = tuple[int, int, int, int]
"""(stream, offset, item, release_ms)"""


class TwinMerge:
    """The same, so obvious that it needs no proof: sort what waits, let the first go while nobody may come before."""

    def __init__(self, streams: int) -> None:
        self.newest = [-1] * streams
        self.brought = [-1] * streams
        self.waiting: list[tuple[tuple[int, int, int, int], Call]] = []

    def add(self, call: Call) -> None:
        stream, offset, item, release_ms = call
        self.newest[stream] = max(self.newest[stream], release_ms)
        self.brought[stream] = offset + 1
        self.waiting.append(((self.newest[stream], stream, offset, item), call))

    def drain(self, ended: Collection[int]) -> list[Call]:
        self.waiting.sort()
        left = []
        while self.waiting:
            (order_ms, stream, _, _), call = self.waiting[0]
            others = [s for s in range(len(self.newest)) if s != stream and s not in ended]
            if any((self.newest[other], other) < (order_ms, stream) for other in others):
                break
            left.append(call)
            self.waiting.pop(0)
        return left

    def position(self, stream: int) -> int:
        return min((c[1] for _, c in self.waiting if c[0] == stream), default=self.brought[stream])


def describe(raw: bytes, stream: int) -> CallRecord:
    return CallRecord(a_number=raw.decode(), b_number=str(stream), setup_ms=0, release_ms=0)


def batch_of(calls: list[Call]) -> CdrBatch:
    """A batch whose raw bytes name the call, one segment a batch."""
    rows = np.zeros(len(calls), CDR)
    raw = b""
    for row, (stream, offset, item, release_ms) in zip(rows, calls, strict=True):
        text = f"{stream}:{offset}:{item}".encode()
        row["stream"], row["offset"], row["item"], row["release_ms"] = stream, offset, item, release_ms
        row["raw_start"], row["raw_len"] = len(raw), len(text)
        raw += text
    return CdrBatch(rows, [raw], describe)


def calls_of(batch: CdrBatch | None) -> list[Call]:
    if batch is None:
        return []
    calls = [(int(c["stream"]), int(c["offset"]), int(c["item"]), int(c["release_ms"])) for c in batch.calls]
    for i, (stream, offset, item, _) in enumerate(calls):
        assert batch.raw(i) == f"{stream}:{offset}:{item}".encode()
    return calls


@st.composite
def streams_of_calls(draw: st.DrawFn) -> list[list[Call]]:
    """1-4 streams; release times run on with many ties and late calls; a value holds 1-3 calls."""
    streams = []
    for stream in range(draw(st.integers(1, 4))):
        steps = draw(st.lists(st.tuples(st.integers(-3, 5), st.booleans()), max_size=30))
        calls: list[Call] = []
        offset, item, now = draw(st.integers(0, 5)), 0, 1_000
        for step, same_value in steps:
            now += step
            offset, item = (offset, item + 1) if same_value and calls and item < 2 else (offset + 1, 0)
            calls.append((stream, offset, item, now))
        streams.append(calls)
    return streams


@given(streams_of_calls(), st.data())
def test_any_chunking_gives_what_the_twin_gives_at_every_turn(streams: list[list[Call]], data: st.DataObject) -> None:
    merge, twin = Merge(len(streams)), TwinMerge(len(streams))
    left = {stream: list(calls) for stream, calls in enumerate(streams) if calls}
    merged: list[Call] = []
    while left:
        stream = data.draw(st.sampled_from(sorted(left)))
        n = data.draw(st.integers(1, 8))
        chunk, left[stream] = left[stream][:n], left[stream][n:]
        if not left[stream]:
            del left[stream]
        merge.add(stream, batch_of(chunk))
        for call in chunk:
            twin.add(call)
        if data.draw(st.booleans()):
            some, expected = calls_of(merge.drain()), twin.drain(())
            assert some == expected
            merged += some
        for stream, position in merge.positions().items():
            assert position == twin.position(stream)
    merged += calls_of(merge.drain(range(len(streams))))
    whole = TwinMerge(len(streams))
    for calls in streams:
        for call in calls:
            whole.add(call)
    assert merged == whole.drain(range(len(streams)))


def test_a_stream_that_brought_nothing_is_waited_for_until_it_ended() -> None:
    merge = Merge(2)
    merge.add(0, batch_of([(0, 7, -1, 1_000)]))
    assert merge.drain() is None
    assert merge.positions() == {0: 7}
    assert calls_of(merge.drain({1})) == [(0, 7, -1, 1_000)]
    assert merge.positions() == {0: 8}


def test_a_late_call_stays_behind_those_it_came_after() -> None:
    merge = Merge(2)
    merge.add(0, batch_of([(0, 0, -1, 1_000), (0, 1, -1, 400)]))
    merge.add(1, batch_of([(1, 0, -1, 500), (1, 1, -1, 2_000)]))
    assert calls_of(merge.drain()) == [(1, 0, -1, 500), (0, 0, -1, 1_000), (0, 1, -1, 400)]


def test_rejected_values_move_the_position_only_behind_calls_that_left() -> None:
    merge = Merge(2)
    merge.advance(1, 40)
    merge.add(0, batch_of([(0, 5, -1, 1_000)]))
    merge.advance(0, 9)
    assert merge.positions() == {0: 5, 1: 40}
    merge.drain({1})
    assert merge.positions() == {0: 9, 1: 40}


def test_a_value_that_left_in_part_is_read_again() -> None:
    merge = Merge(2)
    merge.add(0, batch_of([(0, 5, 0, 1_000), (0, 5, 1, 3_000)]))
    merge.add(1, batch_of([(1, 0, -1, 2_000)]))
    assert calls_of(merge.drain()) == [(0, 5, 0, 1_000), (1, 0, -1, 2_000)]
    assert merge.positions() == {0: 5, 1: 1}


def test_a_stream_of_nothing_but_unreadable_values_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_module, "UNREADABLE_VALUES", 100)
    merge = Merge(2)
    merge.add(0, batch_of([(0, 0, -1, 1_000)]))
    merge.advance(1, 5_000_000)  # counted from where the stream began
    merge.advance(1, 5_000_099)
    assert merge.drain() is None
    merge.advance(1, 5_000_100)
    assert calls_of(merge.drain()) == [(0, 0, -1, 1_000)]
    merge.add(1, batch_of([(1, 5_000_100, -1, 1_500)]))
    merge.add(0, batch_of([(0, 1, -1, 1_600)]))
    assert calls_of(merge.drain()) == [(1, 5_000_100, -1, 1_500)]


def test_a_stream_far_ahead_is_full_and_one_that_is_waited_for_never() -> None:
    merge = Merge(2, buffered_calls=20)
    merge.add(0, batch_of([(0, i, -1, 2_000 + i) for i in range(10)]))
    merge.add(1, batch_of([(1, i, -1, 1_000 + i) for i in range(10)]))
    assert len(calls_of(merge.drain())) == 10
    assert merge.full() == {0}
    merge.add(1, batch_of([(1, 10, -1, 9_000)]))
    merge.drain()
    assert merge.full() == frozenset()


def test_one_stream_is_handed_through_without_a_copy() -> None:
    merge = Merge(1)
    batch = batch_of([(0, 0, -1, 1_000), (0, 1, -1, 900)])
    merge.add(0, batch)
    assert merge.drain() is batch
    merge.add(0, batch.take(slice(0, 0)))
    assert merge.drain() is None
