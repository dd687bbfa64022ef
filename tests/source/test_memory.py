"""The source of tests: turns as listed, death where ABORT stands, positions as committed."""

import pytest

from detector.source.contract import Chunk
from detector.source.memory import ABORT, Abort, MemorySource, chunk


def test_it_hands_out_its_turns_and_dies_where_told() -> None:
    turns: list[list[Chunk] | Abort] = [[chunk([b"a", None, b"bc"])], [], ABORT, [chunk([b"d"], first_offset=4)]]
    source = MemorySource(turns)
    told = source.chunks()
    (first,) = next(told)
    assert (first.data, first.starts.tolist(), first.lengths.tolist()) == (b"abc", [0, 1, 1], [1, -1, 2])
    assert first.offsets.tolist() == [1, 2, 3]
    assert next(told) == []
    assert source.lag() == 1
    with pytest.raises(Abort):
        next(told)


def test_streams_end_with_their_last_chunk() -> None:
    source = MemorySource([[chunk([b"a"], stream=0)], [chunk([b"b"], stream=1)]], streams=2)
    assert [source.ended() for _ in source.chunks()] == [{0}, {0, 1}]


def test_what_was_committed_is_replayed_by_the_next() -> None:
    source = MemorySource([[chunk([b"a", b"b"])]])
    source.commit({0: 2})
    assert not source.replaying(0, 1)
    again = MemorySource([[chunk([b"a", b"b"])]], committed=source.committed)
    assert (again.replaying(0, 1), again.replaying(0, 2)) == (True, False)
    assert again.place(0, 2) == "memory[0]@2"
