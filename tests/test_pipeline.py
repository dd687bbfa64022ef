"""The loop: epochs in their three steps, a crash anywhere, and memory that the files do not decide."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from detector.app import new_pipeline, new_shard
from detector.decode.rejects import RejectReason
from detector.errors import TemporaryError
from detector.sinks.contract import ALERTS, DEAD_LETTER
from detector.source.memory import ABORT, Abort, MemorySource, chunk
from tests.calls import START_MS, Kept, small_config, strangers

DIALER = "13900000001"


def values(n: int = 60) -> list[bytes]:
    return [json.dumps(record).encode() for record in strangers(DIALER, n, 20.0)]


def run(source: MemorySource, sink: Kept, epoch_s: float = 0.0) -> None:
    loop = new_pipeline(small_config(), source, ["json"], new_shard(small_config(), source), sink, [])
    loop.epoch_s = epoch_s
    loop.run()


def test_every_epoch_processes_flushes_and_then_commits() -> None:
    log: list[str] = []

    class Logged(Kept):
        def flush(self) -> None:
            log.append("2 flush")

    class LoggedSource(MemorySource):
        def commit(self, positions: dict[int, int]) -> None:
            log.append(f"3 commit {positions}")
            super().commit(positions)

    lines = values(9)
    run(LoggedSource([[chunk(lines[i : i + 3], first_offset=i)] for i in (0, 3, 6)]), Logged())
    assert log[::2] == ["2 flush"] * 4
    assert log[1::2] == ["3 commit {0: 3}", "3 commit {0: 6}", "3 commit {0: 9}", "3 commit {0: 9}"]


def test_nothing_is_committed_when_the_flush_fails() -> None:
    class Away(Kept):
        def flush(self) -> None:
            raise TemporaryError("the broker is away")

    source = MemorySource([[chunk(values(), first_offset=0)]])
    with pytest.raises(TemporaryError):
        run(source, Away())
    assert source.committed == {}


@pytest.mark.parametrize("died_after", [1, 4, 7])
def test_after_a_crash_the_same_records_are_told_again_or_not_at_all(died_after: int) -> None:
    lines = values()
    turns = [[chunk(lines[i : i + 6], first_offset=i)] for i in range(0, 60, 6)]
    whole = Kept()
    run(MemorySource(turns), whole)
    dying = MemorySource([*turns[:died_after], ABORT])
    before = Kept()
    with pytest.raises(Abort):
        run(dying, before)
    after = Kept()
    run(MemorySource(turns, committed=dying.committed), after)  # look-back: read again from the start
    told = {(a.alert_id, a.revision): a for a in before.alerts}
    for alert in after.alerts:
        assert told.setdefault((alert.alert_id, alert.revision), alert) == alert
    assert list(told.values()) == whole.alerts
    already = [alert for alert in whole.alerts if int(alert.position.split("@")[1]) < dying.committed[0]]
    assert after.alerts == whole.alerts[len(already) :]


def test_a_caller_who_writes_the_same_call_id_on_every_call_hides_none() -> None:
    named, unnamed = Kept(), Kept()
    run(
        MemorySource(
            [[chunk([json.dumps(call | {"call_id": "me"}).encode() for call in strangers(DIALER, 60, 20.0)])]]
        ),
        named,
    )
    run(MemorySource([[chunk(values())]]), unnamed)
    assert [(a.revision, a.calls, a.score) for a in named.alerts] == [
        (a.revision, a.calls, a.score) for a in unnamed.alerts
    ]
    assert named.alerts


def test_a_call_told_again_is_dropped_also_when_its_end_was_corrected() -> None:
    calls = [call | {"call_id": f"c{i}"} for i, call in enumerate(strangers(DIALER, 60, 20.0))]
    again = [call | {"release_ms": call["release_ms"] + 1} for call in calls]
    once, twice = Kept(), Kept()
    run(MemorySource([[chunk([json.dumps(call).encode() for call in calls])]]), once)
    run(
        MemorySource(
            [[chunk([json.dumps(call).encode() for pair in zip(calls, again, strict=True) for call in pair])]]
        ),
        twice,
    )
    assert [(a.alert_id, a.revision, a.calls) for a in twice.alerts] == [
        (a.alert_id, a.revision, a.calls) for a in once.alerts
    ]


def test_dead_letters_are_whole_and_the_stream_goes_on() -> None:
    bad = b'{"a_number": "13900000001", "b_number": "1", "setup_ms": "soon", "release_ms": 1710122400000}'
    source, sink = MemorySource([[chunk([*values(20), bad, b"{", *values(40)[20:]], first_offset=100)]]), Kept()
    run(source, sink)
    letters = [json.loads(record.value) for record in sink.records if record.topic == DEAD_LETTER]
    assert [letter["reason"] for letter in letters] == [RejectReason.WRONG_TYPE, RejectReason.NOT_JSON]
    assert letters[0]["raw"] == bad.decode()
    assert letters[0]["place"] == "memory[0]@120 $.setup_ms"
    assert any(record.topic == ALERTS for record in sink.records)


def test_a_replay_larger_than_its_memory_limit(tmp_path: Path) -> None:
    """220 MB of calls in a process whose data may grow by 150 MB after start-up, state included."""
    with (tmp_path / "calls.ndjson").open("w") as file:
        for n in range(60):
            for i in range(20_000):
                record = _call_template % (i, i, *(START_MS + n * 40_000 + i + after_ms for after_ms in _TIMES))
                file.write(record)
    assert (tmp_path / "calls.ndjson").stat().st_size > 200_000_000
    script = """
import resource
from pathlib import Path
from detector.config import load
from detector.warm_up import warm_up
from detector.replay.run import replay
warm_up()
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 150_000_000, used + 150_000_000))
room = {"line_capacity": 50_000, "warm_capacity": 2000, "hot_capacity": 200, "entity_capacity": 4000}
room |= {"list_entries": 20_000, "probes": 20_000, "followers": 4000}
config = load(None, {}, {f"state.{name}": n for name, n in room.items()})
print(replay(config, [Path("calls.ndjson")], Path("run")).calls)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == 1_200_000


_TIMES = (0, 1000, 8000, 38_000)
_call_template = (
    '{"a_number": "1390%07d", "b_number": "1380%07d", "setup_ms": %d, "ring_ms": %d, "answer_ms": %d,'
    ' "release_ms": %d, "release_cause": 16, "release_party": "caller", "trunk_in": "GW-EAST-0001"}\n'
)
