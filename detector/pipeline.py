"""The one way of the data: source -> decode -> merge -> shard -> sink. Find this first.

An epoch has three numbered steps, the same here, in deploy/runbook.md and in the tests:
  1. process batches: judge calls, hand alerts and dead letters to the sink, and what people want changed from now on
  2. flush: every record sent is safe, or TemporaryError stops the process
  3. commit the source's positions
A crash between 2 and 3 sends the same records again; consumers ignore a revision they have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Protocol

from detector import metrics
from detector.alert.episode import Revision
from detector.alert.revision import encode
from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.shard import Findings, Shard
from detector.sinks.contract import ALERTS, DEAD_LETTER, OutRecord, Sink
from detector.source.contract import Chunk, Source
from detector.source.merge import Merge


class Decoder(Protocol):
    """Reads raw records."""

    def decode(self, chunk: Chunk) -> tuple[CdrBatch, list[Reject]]:
        """Calls in stream order, and what could not be read."""
        ...

    def dead_letter(self, reject: Reject, place: str) -> bytes:
        """The record of the dead-letter topic: the same bytes every time."""
        ...


class Watcher(Protocol):
    """Looks on: metrics, signs of life, the trace of a replay. Changes nothing."""

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """A batch was judged."""
        ...

    def turn(self, rejects: Sequence[Reject]) -> None:
        """A turn of the loop ended, with or without calls."""
        ...


class Changes(Protocol):
    """What people want changed: asked between epochs, and on record before it takes effect."""

    def recall(self, shard: Shard) -> None:
        """Enter what earlier runs applied; called before calls are judged, does something the first time only."""
        ...

    def taken(self, shard: Shard) -> list[OutRecord]:
        """Enter what was asked for since; the records that say so."""
        ...


class _NoChanges:
    """Nobody wants anything changed."""

    def recall(self, shard: Shard) -> None:
        """Nothing."""

    def taken(self, shard: Shard) -> list[OutRecord]:
        """Nothing."""
        return []


NO_CHANGES: Changes = _NoChanges()


@dataclass(slots=True)
class Pipeline:
    """The loop. batch_calls: most calls judged between two looks of the watchers; invisible in the alerts."""

    source: Source
    decoder: Decoder
    merge: Merge
    shard: Shard
    sink: Sink
    watchers: Sequence[Watcher]
    epoch_s: float = 1.0
    batch_calls: int = 65_536
    changes: Changes = NO_CHANGES

    def run(self) -> None:
        """Until the source ends. Raises TemporaryError when the source or the sink stays away."""
        begun = monotonic()
        for chunks in self.source.chunks():
            rejects = self._step(chunks)
            for watcher in self.watchers:
                watcher.turn(rejects)
            if monotonic() - begun >= self.epoch_s:
                self._commit(begun)
                begun = monotonic()
        self._commit(begun)

    def _step(self, chunks: list[Chunk]) -> list[Reject]:
        """Step 1: what arrived is decoded, put in order, judged, and told."""
        if chunks:
            self.changes.recall(self.shard)
        rejects = self._decode(chunks)
        self._send_dead_letters(rejects)
        ordered = self.merge.drain(self.source.ended())
        for batch in _slices(ordered, self.batch_calls):
            started = perf_counter()
            findings = self.shard.process(batch)
            metrics.stage_seconds.labels("judge").inc(perf_counter() - started)
            self._send_alerts(findings.revisions)
            for watcher in self.watchers:
                watcher.judged(batch, findings)
        self.source.hold(self.merge.full())
        return rejects

    def _decode(self, chunks: list[Chunk]) -> list[Reject]:
        started = perf_counter()
        rejects: list[Reject] = []
        for chunk in chunks:
            batch, unread = self.decoder.decode(chunk)
            rejects += unread
            self.merge.add(chunk.stream, batch)
            if len(chunk.offsets):
                self.merge.advance(chunk.stream, int(chunk.offsets[-1]) + 1)
        metrics.stage_seconds.labels("decode").inc(perf_counter() - started)
        return rejects

    def _send_alerts(self, revisions: list[Revision]) -> None:
        self.sink.send(
            [
                OutRecord(ALERTS, revision.alert.entity, encode(revision.alert))
                for revision in revisions
                if not self.source.replaying(revision.stream, revision.offset)
            ]
        )

    def _send_dead_letters(self, rejects: list[Reject]) -> None:
        records = []
        for reject in rejects:
            if not self.source.replaying(reject.stream, reject.offset):
                place = self.source.place(reject.stream, reject.offset)
                records.append(OutRecord(DEAD_LETTER, place, self.decoder.dead_letter(reject, place)))
        self.sink.send(records)

    def _commit(self, begun: float) -> None:
        """The end of step 1, then steps 2 and 3."""
        positions = self.merge.positions()
        if not self.source.recovering() and not any(self.source.replaying(*position) for position in positions.items()):
            self.sink.send(self.changes.taken(self.shard))
        self.sink.flush()
        self.source.commit(positions)
        metrics.epochs.inc()
        metrics.epoch_seconds.observe(monotonic() - begun)


def _slices(batch: CdrBatch | None, most: int) -> Iterator[CdrBatch]:
    if batch is not None:
        for start in range(0, len(batch), most):
            yield batch if len(batch) <= most else batch.take(slice(start, start + most))
