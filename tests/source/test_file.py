"""Files: whole lines whatever the block, several files in step, damage named, memory bounded."""

import gzip
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Decode
from detector.errors import InputError
from detector.source.contract import Chunk
from detector.source.file import FileSource, formats


def values(part: Chunk) -> list[bytes]:
    ends = part.starts + part.lengths
    return [part.data[start:end] for start, end in zip(part.starts.tolist(), ends.tolist(), strict=True)]


def closing_chunks(source: FileSource) -> Iterator[list[Chunk]]:
    with closing(source):
        yield from source.chunks()


def read(source: FileSource) -> dict[int, list[tuple[int, bytes]]]:
    """Every (line number, line) of every stream."""
    lines: dict[int, list[tuple[int, bytes]]] = {stream: [] for stream in range(source.streams)}
    for turn in closing_chunks(source):
        assert len({part.stream for part in turn}) == len(turn)
        for part in turn:
            lines[part.stream] += zip(part.offsets.tolist(), values(part), strict=True)
    return lines


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text("ab\r", max_size=9), max_size=20), st.booleans(), st.integers(1, 40), st.booleans())
def test_lines_are_whole_whatever_the_block(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ends: bool, block_bytes: int, zipped: bool
) -> None:
    content = "\n".join(lines).encode() + (b"\n" if ends and lines else b"")
    path = written(tmp_path_factory.mktemp("f"), "a.ndjson" + ".gz" * zipped, content)
    expected = content.split(b"\n")
    expected = expected[:-1] if expected[-1] == b"" else expected
    stripped = [line[:-1] if line.endswith(b"\r") else line for line in expected]
    assert read(FileSource([path], block_bytes=block_bytes))[0] == list(enumerate(stripped, 1))


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 20])
def test_a_line_too_long_is_cut_to_one_byte_over_the_limit(tmp_path: Path, block_bytes: int) -> None:
    long = b"x" * 5_000
    path = written(tmp_path, "a.ndjson", b"one\n" + long + b"\ntwo\n" + b"y" * 21 + b"\nthree\n" + long)
    source = FileSource([path], max_record_bytes=20, block_bytes=block_bytes)
    lines = read(source)[0]
    assert [(number, line[:21]) for number, line in lines] == [
        (1, b"one"),
        (2, b"x" * 21),
        (3, b"two"),
        (4, b"y" * 21),
        (5, b"three"),
        (6, b"x" * 21),
    ]
    assert all(len(line) <= 20 + max(21, block_bytes) for _, line in lines)


def test_memory_does_not_grow_with_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a.ndjson", b"x" * 3_000_000 + b"\nend\n")
    sizes = [
        len(part.data) for turn in FileSource([path], max_record_bytes=100, block_bytes=1_000).chunks() for part in turn
    ]
    assert max(sizes) < 2_300


def test_files_are_read_in_step_and_a_held_one_waits(tmp_path: Path) -> None:
    paths = [written(tmp_path, f"{name}.ndjson", b"line\n" * 40) for name in "ab"]
    source = FileSource(paths, block_bytes=50)
    turns = source.chunks()
    assert [part.stream for part in next(turns)] == [0, 1]
    source.hold(frozenset({0}))
    assert [[part.stream for part in next(turns)] for _ in range(2)] == [[1], [1]]
    assert source.ended() == frozenset()
    source.hold(frozenset())
    assert [part.stream for part in next(turns)] == [0, 1]
    for _ in turns:
        assert source.ended() <= {0, 1}
    assert source.ended() == {0, 1}


def test_a_file_ends_with_its_last_lines_not_a_turn_later(tmp_path: Path) -> None:
    source = FileSource([written(tmp_path, "a.ndjson", b"one\ntwo")])
    turns = [[values(part) for part in turn] for turn in source.chunks()]
    assert turns[-1] == [[b"two"]]
    assert source.ended() == {0}


def test_told_to_stop_it_ends_at_the_next_turn(tmp_path: Path) -> None:
    source = FileSource([written(tmp_path, "a.ndjson", b"line\n" * 40)], block_bytes=50)
    turns = source.chunks()
    next(turns)
    source.stop()
    assert list(turns) == []
    source.close()


def test_the_mark_of_utf8_files_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    for block_bytes in (1, 100):
        path = written(tmp_path, "a.csv", b"\xef\xbb\xbfa,b\n1,2\n")
        assert read(FileSource([path], block_bytes=block_bytes))[0] == [(1, b"a,b"), (2, b"1,2")]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read(FileSource([written(tmp_path, "a.ndjson.gz", b"")]))[0] == []


def test_a_place_is_the_file_and_the_line(tmp_path: Path) -> None:
    source = FileSource([written(tmp_path, "calls.ndjson", b"{}\n")])
    assert source.place(0, 17) == "calls.ndjson:17"
    assert not source.replaying(0, 17)
    assert source.lag() is None
    source.commit({0: 18})
    source.close()
    source.close()


def test_a_file_cut_short_is_named_with_the_line_reached(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(97, 123, 200_000, np.uint8).tobytes()
    content = b"\n".join(noise[i : i + 100] for i in range(0, len(noise), 100))
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(content)[:-2_000])
    with pytest.raises(InputError, match=r"cut\.ndjson\.gz.* line [1-9]\d+"):
        read(FileSource([cut], block_bytes=10_000))


def test_a_file_that_is_not_gzip_or_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.ndjson.gz").write_bytes(b"{}\n")
    damaged = bytearray(gzip.compress(b"line\n" * 100_000))
    damaged[len(damaged) // 2] ^= 0xFF
    (tmp_path / "damaged.ndjson.gz").write_bytes(damaged)
    for name in ("no", "damaged"):
        with pytest.raises(InputError, match=rf"{name}\.ndjson\.gz.* line "):
            read(FileSource([tmp_path / f"{name}.ndjson.gz"]))


@pytest.mark.parametrize("name", ["absent.ndjson", "absent.csv.gz", "."])
def test_a_file_that_cannot_be_opened_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name a file that can be read"):
        FileSource([written(tmp_path, "good.ndjson", b""), tmp_path / name])


def test_formats_go_by_the_name_or_the_configuration() -> None:
    paths = [Path(name) for name in ("a.ndjson", "b.json.gz", "c.csv", "d.csv.gz", "e.v2.csv", "f.jsonl")]
    assert formats(Decode(), paths) == ["json", "json", "csv", "csv", "csv", "json"]
    assert formats(Decode(format="csv"), [Path("a.txt")]) == ["csv"]
    with pytest.raises(InputError, match=r"a\.txt.*decode\.format"):
        formats(Decode(), [Path("a.txt")])
