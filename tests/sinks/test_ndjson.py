"""The run folder as topics: what is sent is what lands, whatever stops in between."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import InputError
from detector.landed.contract import Landed
from detector.landed.ndjson import NdjsonFollower
from detector.sinks.contract import ALERTS, DEAD_LETTER, FEEDBACK, STATUS, TOPICS, OutRecord
from detector.sinks.ndjson import NdjsonSink, file_name


def records(topic: str, *values: bytes) -> list[OutRecord]:
    return [OutRecord(topic, "key", value) for value in values]


def values(landed: list[Landed]) -> list[bytes]:
    return [record.value for record in landed]


def test_file_names() -> None:
    assert [file_name(topic) for topic in TOPICS] == [
        "alerts.ndjson",
        "dead-letter.ndjson",
        "feedback.ndjson",
        "applied.ndjson",
        "actions.ndjson",
        "status.json",
    ]


def test_values_land_byte_for_byte_in_order(tmp_path: Path) -> None:
    sink = NdjsonSink(tmp_path / "run")
    sink.send(records(ALERTS, b'{"a":1}', b'{"a":2}') + records(DEAD_LETTER, b"{}"))
    sink.flush()
    assert (tmp_path / "run/alerts.ndjson").read_bytes() == b'{"a":1}\n{"a":2}\n'
    follower = NdjsonFollower(tmp_path / "run", [ALERTS, DEAD_LETTER, FEEDBACK], {})
    assert [(r.topic, r.value, r.partition, r.position) for r in follower.poll(0)] == [
        (ALERTS, b'{"a":1}', 0, 8),
        (ALERTS, b'{"a":2}', 0, 16),
        (DEAD_LETTER, b"{}", 0, 3),
    ]
    assert follower.poll(0) == []
    sink.close()
    sink.close()


def test_a_line_break_inside_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"detector\.alerts holds a line break"):
        NdjsonSink(tmp_path).send(records(ALERTS, b"{\n}"))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts.ndjson").mkdir()
    with pytest.raises(InputError, match=r"alerts\.ndjson"):
        NdjsonSink(tmp_path).send(records(ALERTS, b"{}"))


@pytest.mark.parametrize("torn", [b'{"torn', b"x" * 200_000])
@pytest.mark.parametrize("whole", [b"", b'{"whole":1}\n'])
def test_a_torn_last_line_is_cut_before_the_next_append(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    (tmp_path / "alerts.ndjson").write_bytes(whole + torn)
    sink = NdjsonSink(tmp_path)
    sink.send(records(ALERTS, b'{"again":1}'))
    sink.close()
    assert (tmp_path / "alerts.ndjson").read_bytes() == whole + b'{"again":1}\n'


def test_status_is_one_file_with_the_newest_record(tmp_path: Path) -> None:
    sink, follower = NdjsonSink(tmp_path), NdjsonFollower(tmp_path, [STATUS], {})
    assert follower.poll(0) == []
    sink.send(records(STATUS, b'{"n":1}', b'{"n":2}'))
    assert (tmp_path / "status.json").read_bytes() == b'{"n":2}'
    assert values(follower.poll(0)) == [b'{"n":2}']
    assert follower.poll(0) == []
    sink.send(records(STATUS, b'{"n":3}'))
    assert values(follower.poll(0)) == [b'{"n":3}']
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    follower = NdjsonFollower(tmp_path, [ALERTS], {})
    with (tmp_path / "alerts.ndjson").open("ab") as file:
        file.write(b'{"a":1}\n{"a"')
        file.flush()
        assert values(follower.poll(0)) == [b'{"a":1}']
        file.write(b":2}\n")
        file.flush()
        assert values(follower.poll(0)) == [b'{"a":2}']


@given(lines=st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), stop=st.integers(0, 30))
def test_reading_on_from_any_position_gives_the_rest(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], stop: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    sink = NdjsonSink(folder)
    sink.send(records(ALERTS, *lines))
    sink.close()
    landed = NdjsonFollower(folder, [ALERTS], {}).poll(0)
    assert values(landed) == lines
    read = landed[:stop]
    positions = {(ALERTS, 0): read[-1].position} if read else {}
    assert NdjsonFollower(folder, [ALERTS], positions).poll(0) == landed[stop:]


@pytest.mark.parametrize("fresh", [b"n\n", b'{"new":1}\n{"new":2}\n{"new":3}\n'])
def test_a_file_started_anew_is_read_from_its_beginning(tmp_path: Path, fresh: bytes) -> None:
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(b'{"old":100}\n')
    follower = NdjsonFollower(tmp_path, [ALERTS], {})
    follower.poll(0)
    path.write_bytes(fresh)
    assert b"\n".join(values(follower.poll(0))) + b"\n" == fresh


def test_a_long_history_is_read_in_turns(tmp_path: Path) -> None:
    (tmp_path / "alerts.ndjson").write_bytes((b"x" * 999 + b"\n") * 3000)
    follower = NdjsonFollower(tmp_path, [ALERTS], {})
    turns = []
    while landed := follower.poll(0):
        turns.append(len(landed))
    assert sum(turns) == 3000
    assert max(turns) < 1100


def test_poll_waits_for_a_line(tmp_path: Path) -> None:
    follower, got = NdjsonFollower(tmp_path, [ALERTS], {}), []
    reader = threading.Thread(target=lambda: got.extend(follower.poll(60)))
    reader.start()
    (tmp_path / "alerts.ndjson").write_bytes(b"{}\n")
    reader.join(10)
    assert values(got) == [b"{}"]


def test_close_ends_a_wait(tmp_path: Path) -> None:
    follower = NdjsonFollower(tmp_path, [ALERTS], {})
    reader = threading.Thread(target=follower.poll, args=[60])
    reader.start()
    follower.close()
    follower.close()
    reader.join(10)
    assert not reader.is_alive()


def test_a_line_that_grows_while_it_is_read_comes_once_and_whole(tmp_path: Path) -> None:
    follower = NdjsonFollower(tmp_path, [ALERTS], {})
    values = [b'{"n":%d,"text":"%s"}' % (n, b"x" * 9000) for n in range(400)]  # longer than a write buffer
    done = threading.Event()

    def write() -> None:
        sink = NdjsonSink(tmp_path)
        for value in values:
            sink.send([OutRecord(ALERTS, "", value)])
        sink.close()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    landed: list[bytes] = []
    while not done.is_set() or len(landed) < len(values):
        more = [record.value for record in follower.poll(0.2)]
        landed += more
        assert more or len(landed) == len(values) or not done.is_set(), (
            f"{len(values) - len(landed)} of the records never came"
        )
    writer.join()
    assert landed == values
