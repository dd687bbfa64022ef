"""Traffic that several tests look at, made once."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.traffic.population import Population
from detector.traffic.scenario import preset
from detector.traffic.traffic import Traffic, generate
from detector.traffic.world import MONDAY_MS, Scenario, natural_look_alikes


@dataclass(frozen=True)
class Played:
    """A scenario whose calls were all given out; `calls` is CALL[n], ordered by release."""

    traffic: Traffic
    calls: NDArray[np.void]

    @property
    def population(self) -> Population:
        return self.traffic.population

    def of(self, name: str, techniques: tuple[str, ...] | None = None) -> NDArray[np.void]:
        """Calls that lines of this class made (of this variant, where given)."""
        return self.calls[np.isin(self.calls["line"], self.lines(name, techniques))]

    def lines(self, name: str, techniques: tuple[str, ...] | None = None) -> NDArray[np.int64]:
        groups = [
            i
            for i, group in enumerate(self.population.groups)
            if group.habit.name == name
            and (techniques is None or (group.campaign is not None and group.campaign.techniques == techniques))
        ]
        return np.flatnonzero(np.isin(self.population.lines["becomes"], groups))


def play(scenario: Scenario, seed: int) -> Played:
    traffic = generate(scenario, seed)
    return Played(traffic, np.concatenate(list(traffic.chunks())))


def script_share(calls: NDArray[np.void]) -> float:
    """Share of answered calls within 3 s of the most usual length above 10 s."""
    answered = calls[calls["answer_ms"] >= 0]
    talk = (answered["release_ms"] - answered["answer_ms"]) / 1000
    usual = np.bincount(talk[talk > 10].astype(np.int64)).argmax() + 0.5
    return float((np.abs(talk - usual) <= 3).mean())


@pytest.fixture(scope="session")
def month() -> Played:
    """Three weeks of 1,500 people, and nobody else."""
    return play(Scenario(name="month", start_ms=MONDAY_MS, days=21.0, people=1_500), 5)


@pytest.fixture(scope="session")
def town() -> Played:
    """Three days of people and plenty of every look-alike, nothing bad."""
    look_alikes = {name: lines * 8 for name, lines in natural_look_alikes(3_000).items()}
    return play(Scenario(name="town", days=3.0, people=3_000, teenagers=40, look_alikes=look_alikes), 6)


@pytest.fixture(scope="session")
def attack() -> Played:
    """Two days with every bad kind, plain and evasive, and lines of every class."""
    return play(preset("evaluation", 3_000, 3.0), 7)
