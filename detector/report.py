"""Signs of life of a running loop: metrics, and a status record every few seconds. Changes no alert."""

import socket
import threading
from collections.abc import Callable, Sequence
from time import time

import msgspec
import numpy as np

from detector import metrics
from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.entities.complaint_rates import worst_rates
from detector.features.feeds import counts as feed_counts
from detector.features.feeds import feeds
from detector.features.feeds import given_up as trunks_given_up
from detector.features.kernels.layout import COLD_TIER, HOT_TIER, WARM_TIER
from detector.shard import Findings, Shard
from detector.sinks.contract import STATUS, OutRecord, Sink
from detector.source.contract import Source
from detector.status import Status

EVERY_S = 5.0
ALIVE_S = 30.0
"""A loop that has not turned for this long is not healthy."""

_TIERS = {COLD_TIER: "cold", WARM_TIER: "warm", HOT_TIER: "hot"}


class Reporter:
    """Watches the loop. `phase` tells recovering from live; `warnings` are of the model; `now`: wall clock, seconds."""

    def __init__(
        self,
        shard: Shard,
        source: Source,
        sink: Sink,
        phase: Callable[[], str],
        speed: float = 1.0,
        warnings: Callable[[], tuple[str, ...]] = tuple,
        now: Callable[[], float] = time,
    ) -> None:
        self._shard, self._source, self._sink = shard, source, sink
        self._phase, self._speed, self._warnings, self._now = phase, speed, warnings, now
        self._started_ms = int(now() * 1000)
        self._calls = self._rejected = 0
        self._told = 0.0
        self._turned = now()
        self._counted: dict[str, int] = {}
        self._lock = threading.Lock()
        metrics.threshold.set(shard.threshold)
        for family in shard.muted:
            metrics.muted.labels(family).set(1)
        metrics.build_info.labels(shard.versions.code, shard.versions.model, shard.versions.config).set(1)

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Count what a batch brought."""
        self._calls += len(batch)
        metrics.calls.inc(len(batch))
        for revision in findings.revisions:
            alert = revision.alert
            metrics.revisions.labels(alert.state).inc()
            if alert.revision == 1:
                metrics.alerts.labels(alert.kind, alert.severity).inc()

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Count the rejects; every EVERY_S seconds bring the gauges up to date and send a status record."""
        self._rejected += len(rejects)
        for reject in rejects:
            metrics.rejected.labels(reject.reason.value).inc()
        with self._lock:
            self._turned = self._now()
        if self._turned - self._told >= EVERY_S:
            self.tell(self._phase())

    def tell(self, phase: str) -> None:
        """Bring the gauges up to date and send a status record."""
        self._told = self._now()
        status = self.status(phase)
        self._set_gauges(status)
        self._sink.send([OutRecord(STATUS, status.instance, msgspec.json.encode(status))])

    def healthy(self) -> bool:
        """Has the loop turned lately? May be asked from another thread."""
        with self._lock:
            return self._now() - self._turned < ALIVE_S

    def status(self, phase: str) -> Status:
        """The state of things now."""
        newest_ms = self._shard.newest_ms
        return Status(
            instance=socket.gethostname(),
            wall_ms=int(self._now() * 1000),
            started_ms=self._started_ms,
            phase=phase,
            newest_release_ms=newest_ms if newest_ms >= 0 else None,
            watermark_ms=self._shard.watermark_ms if newest_ms >= 0 else None,
            calls=self._calls,
            rejected=self._rejected,
            lag=self._source.lag(),
            open_alerts=len(self._shard.episodes) + len(self._shard.entity_episodes),
            lines=len(self._shard.tables.rows) - int(self._shard.tables.meta[0]["free_n"][0]),
            muted=self._shard.muted,
            feeds=feeds(self._shard.tables, newest_ms, self._shard.roll_ups.trunk_text),
            warnings=self._warnings(),
            speed=self._speed,
        )

    def _set_gauges(self, status: Status) -> None:
        meta = self._shard.tables.meta[0]
        if status.newest_release_ms is not None and status.watermark_ms is not None:
            metrics.newest_release.set(status.newest_release_ms / 1000)
            metrics.watermark.set(status.watermark_ms / 1000)
        if status.lag is not None:
            metrics.source_lag.set(status.lag)
        metrics.open_alerts.labels("line").set(len(self._shard.episodes))
        for kind, count in self._shard.entity_episodes.open_by_kind().items():
            metrics.open_alerts.labels(kind).set(count)
        metrics.open_alerts.labels("callee").set(len(self._shard.bombings))
        counts = self._shard.roll_ups.entities.counts[0]
        metrics.entities.set(int(counts["partials"]))
        self._count(metrics.entities_refused.inc, "entities refused", int(counts["refused"]))
        given_up = {"lists": self._shard.roll_ups.moved.refused, "handovers": self._shard.handovers.lost}
        given_up["targets"] = self._shard.bombings.lost
        complaints = self._shard.roll_ups.complaints
        given_up["trunks"] = trunks_given_up(self._shard.tables)
        for state, count in feed_counts(self._shard.tables, self._shard.newest_ms).items():
            metrics.feed_trunks.labels(state).set(count)
        given_up |= {"answered calls": complaints.overwritten, "complaints": complaints.forgotten}
        for kind, worst in worst_rates(self._shard.roll_ups).items():
            metrics.complaint_ratio.labels(kind).set(worst / 10_000)
        for of, count in given_up.items():
            self._count(metrics.links_given_up.labels(of).inc, f"given up {of}", count)
        self._count(metrics.bombings_held_back.inc, "bombings held back", self._shard.bombings.held_back)
        for of in ("tenant", "holder"):
            repeats = self._shard.entity_episodes.repeats.total(of)
            self._count(metrics.repeats.labels(of).inc, f"repeats {of}", repeats)
        tables = self._shard.tables
        sizes = (len(tables.rows), len(tables.free_warm), len(tables.free_hot))
        for tier, name in _TIERS.items():
            free = int(meta["free_n"][tier])
            metrics.lines.labels(name).set(sizes[tier] - free)
            metrics.table_free.labels(name).set(free / sizes[tier])
            self._count(metrics.capacity_evictions.labels(name).inc, f"evicted {name}", int(meta["evicted"][tier]))
        self._count(metrics.doorkeeper_active.inc, "no_row", int(meta["no_row"]))
        self._count(metrics.duplicates.inc, "duplicates", int(meta["duplicates"]))
        self._count(metrics.late_calls.inc, "late", int(meta["late"]))
        for phase in ("standby", "recovering", "live", "stopping"):
            metrics.phase.labels(phase).set(np.float64(phase == status.phase))

    def _count(self, add: Callable[[float], None], name: str, total: int) -> None:
        """Carry a count of the kernels over to its counter."""
        add(total - self._counted.get(name, 0))
        self._counted[name] = total
