"""What `detector evaluate` plays: scenarios with seeds that training never uses."""

from pathlib import Path

import pyarrow as pa

from detector.errors import InputError
from detector.source.file import Format
from detector.traffic.registry import write_registry
from detector.traffic.scenario import preset
from detector.traffic.source import TrafficSource
from detector.traffic.traffic import Traffic, generate
from detector.traffic.world import Scenario

FIRST_SEED = 201
"""Training uses 101."""

SUITES = {
    # name: (scenarios as (preset, people, days), seeds unless told otherwise)
    "small": ((("evaluation", 3_000, 2.0),), 1),
    "full": ((("evaluation", 20_000, 4.0),), 5),
}


class World:
    """One scenario with one seed, played once."""

    format: Format = "json"

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.name, self.seed, self.days, self.start_ms = scenario.name, seed, scenario.days, scenario.start_ms
        self._scenario = scenario
        self._traffic: Traffic | None = None

    def source(self) -> TrafficSource:
        """Its calls; a new world that was not played yet."""
        self._traffic = generate(self._scenario, self.seed)
        return TrafficSource(self._traffic)

    def truth(self) -> pa.Table:
        """`Traffic.truth()`: every line, from the start on; what they did, once the calls were given out."""
        return self._played().truth()

    def handovers(self) -> pa.Table:
        """`Traffic.handovers()`: who probed whom for which line, once the calls were given out."""
        return self._played().handovers()

    def write_registry(self, file: Path) -> None:
        """What the owners of its numbers declare, as `numbering.registry` reads it."""
        write_registry(self._played().population.blocks, file)

    def _played(self) -> Traffic:
        if self._traffic is None:
            raise ValueError(f"{self.name} with seed {self.seed}: no source() was asked for")
        return self._traffic


def worlds(suite: str, seeds: int | None = None) -> list[World]:
    """The worlds of a suite, each seed playing every scenario. Raises InputError for an unknown name."""
    if suite not in SUITES:
        raise InputError(f"no suite '{suite}': choose one of {', '.join(SUITES)}")
    scenarios, usual_seeds = SUITES[suite]
    return [
        World(preset(name, people, days), FIRST_SEED + i)
        for i in range(seeds or usual_seeds)
        for name, people, days in scenarios
    ]
