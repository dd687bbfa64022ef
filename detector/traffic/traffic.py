"""One run of a scenario: its calls, chunk by chunk, then the truth about its lines."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detector.source.contract import Chunk
from detector.traffic.clock import FAR_MS
from detector.traffic.complaints import Complaints
from detector.traffic.engine import Engine
from detector.traffic.numbers import text_of
from detector.traffic.population import Population
from detector.traffic.render import Renderer, block_bytes, record_ends
from detector.traffic.town import populate
from detector.traffic.world import Scenario


class Traffic:
    """The calls of a scenario, made as they are asked for. One run: `chunks()` or `source_chunks()`, once."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.population: Population = populate(scenario, seed)
        self.render = Renderer(self.population, seed)
        self._engine = Engine(scenario, self.population, seed)
        n = len(self.population.lines)
        self._calls, self._bad_calls = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.given_out = 0
        self.complaints = Complaints(scenario.complaints, seed)
        self._first_bad_ms = np.full(n, FAR_MS)

    def chunks(self) -> Iterator[NDArray[np.void]]:
        """calls.CALL[n] by chunk, ordered by release_ms; never empty; some hundred thousand calls at most."""
        for calls in self._engine.play():
            if len(calls):
                calls["serial"] = self.given_out + np.arange(len(calls))
                self.given_out += len(calls)
                self._count(calls)
                self.complaints.hear(calls)
                yield calls

    def source_chunks(self, stream: int = 0) -> Iterator[Chunk]:
        """The same calls as a source hands them to decode: JSON values, up to 65,536 a chunk, offsets from 1."""
        for calls in self.chunks():
            first = int(calls["serial"][0]) + 1
            for block in self.render.ndjson(calls):
                ends = record_ends(block)
                starts = np.append(0, ends[:-1]).astype(np.int64)
                lengths = (ends - starts - 1).astype(np.int32)  # without the line end
                yield Chunk(stream, bytes(block_bytes(block)), starts, lengths, first + np.arange(len(block)))
                first += len(block)

    def truth(self) -> pa.Table:
        """What every line of the scenario is; counts are of the calls given out so far.

        line, class, label (bad, benign), declared (its numbers are in the registry), evasive, techniques (+ between
        them), campaign (its place in the scenario, null = none), was (class before it was taken over, null), tenant,
        calls, bad_calls, first_bad_call_ms (setup; null = never). Lines not in the table belong to other operators:
        benign, ordinary.
        """
        population, lines = self.population, self.population.lines
        groups = population.groups
        campaigns = {id(campaign): i for i, campaign in enumerate(self.scenario.campaigns)}
        was, now = pa.array(lines["group"]), pa.array(lines["becomes"])
        names = pa.array([group.habit.name for group in groups])
        techniques = ["+".join(group.campaign.techniques) if group.campaign else "" for group in groups]
        tenants = pa.array([name for name, _ in population.tenants], pa.string())
        return pa.table(
            {
                "line": self._line_texts(),
                "class": names.take(now),
                "label": pa.array(["bad" if group.habit.bad else "benign" for group in groups]).take(now),
                "declared": pa.array([group.habit.declared is not None for group in groups]).take(was),
                "evasive": pa.array([bool(used) for used in techniques]).take(now),
                "techniques": pa.array([used or None for used in techniques], pa.string()).take(now),
                "campaign": pa.array([campaigns.get(id(group.campaign)) for group in groups], pa.int16()).take(now),
                "was": pc.if_else(pc.equal(was, now), None, names.take(was)),
                "tenant": tenants.take(pa.array(lines["tenant"], mask=lines["tenant"] < 0)),
                "calls": self._calls,
                "bad_calls": self._bad_calls,
                "first_bad_call_ms": pa.array(self._first_bad_ms, mask=self._first_bad_ms == FAR_MS),
            }
        )

    def handovers(self) -> pa.Table:
        """Who probed whom, and which line was then to call: probe_line, callee, follow_line."""
        probe, callee, follow = self._engine.handovers()
        lines = self._line_texts()
        return pa.table(
            {
                "probe_line": lines.take(pa.array(probe)),
                "callee": text_of(callee),
                "follow_line": lines.take(pa.array(follow)),
            }
        )

    def _line_texts(self) -> pa.StringArray:
        """What the records show as the line, of every line."""
        lines, named = self.population.lines, self.population.line_ids
        line_ids = pa.array([named.get(i) for i in range(len(lines))], pa.string())
        return pc.coalesce(line_ids, text_of(lines["calling"]))

    def _count(self, calls: NDArray[np.void]) -> None:
        line = calls["line"]
        np.add.at(self._calls, line[line >= 0], 1)
        bad = calls[calls["bad"] & (line >= 0)]
        np.add.at(self._bad_calls, bad["line"], 1)
        np.minimum.at(self._first_bad_ms, bad["line"], bad["setup_ms"])


def generate(scenario: Scenario, seed: int) -> Traffic:
    """Seeded traffic: the same scenario and seed give the same calls. Raises InputError for unknown names."""
    return Traffic(scenario, seed)
