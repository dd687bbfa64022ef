"""Calls in turns through the loop, with `detector.feedback` and `detector.applied` in memory."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from detector.alert.revision import Alert
from detector.app import new_pipeline, new_shard
from detector.config import Config
from detector.feedback.inbox import Inbox
from detector.landed.contract import Landed, Positions
from detector.shard import Shard
from detector.sinks.contract import APPLIED, FEEDBACK, OutRecord
from detector.source.contract import Chunk
from detector.source.memory import Abort, MemorySource, chunk
from tests.calls import Kept, small_config


class Topics(Kept):
    """A sink whose records can be followed: what was flushed stands in the topics."""

    def __init__(self) -> None:
        super().__init__()
        self.feedback: list[bytes] = []
        self.waiting: list[OutRecord] = []

    def send(self, records: Iterable[OutRecord]) -> None:
        self.waiting += records

    def flush(self) -> None:
        self.records += self.waiting
        self.waiting = []

    @property
    def applied(self) -> list[bytes]:
        return [record.value for record in self.records if record.topic == APPLIED]

    def inbox(self) -> Inbox:
        return Inbox(self._journal, lambda at: Reader(self.feedback, at))

    def _journal(self) -> list[Landed]:
        records = [record for record in self.records if record.topic == APPLIED]
        return [Landed(APPLIED, record.key, record.value, 0, i + 1) for i, record in enumerate(records)]


class Reader:
    """A follower of what people say."""

    def __init__(self, feedback: list[bytes], positions: Positions) -> None:
        self._feedback, self._next = feedback, positions.get((FEEDBACK, 0), 0)

    def poll(self, timeout_s: float) -> list[Landed]:
        begin, self._next = self._next, len(self._feedback)
        return [Landed(FEEDBACK, "", self._feedback[i], 0, i + 1) for i in range(begin, self._next)]

    def close(self) -> None:
        pass


class Telling(MemorySource):
    """Turns of calls; what people say during a turn is in `detector.feedback` before the epoch ends."""

    def __init__(
        self,
        turns: Sequence[list[Chunk] | Abort],
        topics: Topics,
        said: dict[int, list[bytes]],
        committed: dict[int, int] | None = None,
    ) -> None:
        super().__init__(turns, committed=committed)
        self._topics, self._said = topics, said

    def chunks(self) -> Any:
        for number, turn in enumerate(super().chunks()):
            self._topics.feedback += self._said.pop(number, [])
            yield turn


def turns_of(calls: list[dict[str, Any]], turn: int) -> list[list[Chunk] | Abort]:
    values = [json.dumps(record).encode() for record in sorted(calls, key=lambda record: record["release_ms"])]
    return [[chunk(values[i : i + turn], first_offset=i)] for i in range(0, len(values), turn)]


def live(
    turns: Sequence[list[Chunk] | Abort],
    topics: Topics,
    said: dict[int, list[bytes]],
    committed: dict[int, int] | None = None,
    config: Config | None = None,
) -> Telling:
    """One run of the program, an epoch a turn; the source, for what it committed."""
    config = config or small_config()
    source = Telling(turns, topics, said, committed)
    loop = new_pipeline(config, source, ["json"], new_shard(config, source), topics, [], changes=topics.inbox())
    loop.epoch_s = 0.0
    loop.run()
    return source


def obeyed(
    turns: Sequence[list[Chunk] | Abort],
    applied: Iterable[Any],
    config: Config | None = None,
    batch_calls: int = 65_536,
) -> tuple[list[Alert], Shard]:
    """The same calls again, with the changes on record: alerts, and the shard."""
    config = config or small_config()
    source, sink = MemorySource(turns), Kept()
    shard = new_shard(config, source)
    for change in applied:
        shard.calendar.enter(change)
    new_pipeline(config, source, ["json"], shard, sink, [], batch_calls).run()
    return sink.alerts, shard
