"""Evidence that grows call by call: the model that opens alerts.

How much more likely is what the line just did if it mass-dials than if it lives an ordinary life? The
kernels add up the answers (detector/features/kernels/evidence.py); this file holds the fitted numbers they
use, the tail of the score on benign traffic, and the threshold that follows. Card: models/cards/evidence.md.
"""

import hashlib
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.features.catalog import COLUMNS, FAMILIES
from detector.features.kernels import layout
from detector.features.kernels.layout import DIALS, LIVES, MILLI, PEOPLE

SHIPPED = Path(__file__).parent / "parameters" / "evidence.json"
_COPIED = (
    *("theta", "sigma", "talk_least_spread", "own_script"),
    *("ring_mu", "ring_sigma", "short_p0", "near_p0", "beside_p0", "hour_p0"),
)
"""Fields of ClassParameters that the kernels read as they are."""

LEAST_GROUPS = 2
MAY_STAND_ALONE = ("pace", "script")
"""Families in which a line that has a life of its own leaves it."""

CLASSES = 256
"""Rows of the parameter table: one for every value a number class can have."""


class Outcomes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How calls to first-time callees end; shares that add up to 1."""

    answered: float
    unanswered: float
    busy: float
    invalid: float

    def array(self) -> NDArray[np.float64]:
        """float64[OUTCOMES], in the order of layout.ANSWERED ..."""
        return np.array([self.answered, self.unanswered, self.busy, self.invalid])


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one family's share may go, in nats."""

    low: float
    high: float
    weight: float = 1.0


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """p0 of lines that call strangers for a living. Of people each class of number has its own (ClassParameters)."""

    of: tuple[str, ...]  # classes of line it was fitted on
    prior: float  # share of lines that lead it, as believed before the first call: a choice
    new: float  # share of calls to new callees
    gap_shape: float  # gaps between them, Lomax
    gap_scale_s: float
    talk_mu: float  # talk with them: mean and spread of log seconds
    talk_sigma: float
    outcomes: Outcomes


class Dialing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """p1 of one way of dialing."""

    of: tuple[str, ...]  # kinds of campaign it was fitted on; none: all that no other names
    new: float  # share of calls to new callees
    plays: float  # share of talks that are its script: a choice
    outcomes: Outcomes


class Pooled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One law for all lives and one for all dialing: for numbers, tenants, trunks, whose lines may lead any life."""

    theta: float  # novelty p0, Pitman-Yor
    sigma: float
    new_p1: float
    outcomes_p1: Outcomes


class ClassParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """p0 of the people of one class of number, and what every life shares."""

    theta: float  # novelty p0, Pitman-Yor
    sigma: float
    gap_shape: float  # pace p0, Lomax
    gap_scale_s: float
    rates_per_hour: tuple[float, float, float, float]  # pace p1
    talk_mu: float  # script p0: mean and spread of log seconds
    talk_sigma: float
    talk_least_spread: float  # narrower than this a line's own talk is never taken to be
    outcomes_p0: Outcomes
    callback: float  # nats for each person who calls back
    silence: float  # nats for each new callee: some of them would have called back
    ring_mu: float  # ring p0: mean and spread of log seconds
    ring_sigma: float
    short_p0: float  # share of ultra-short calls to strangers
    near_p0: float  # share of strangers whose number is next to a recent one
    beside_p0: tuple[float, float, float]  # share of calls with none, one, more of the line's calls at the same time
    hour_p0: tuple[float, ...]  # share of calls to strangers by local hour, 24 of them
    muted: tuple[str, ...] = ()  # families that the class's declaration covers
    own_script: bool = False  # declared: it leads no other life, and only a change of its script speaks


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often benign lines reach a score: alerts per line-day at each level (nats), falling."""

    levels: tuple[float, ...]
    per_line_day: tuple[float, ...]
    line_days: float  # behind the figures


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fitted parameter file. `fitted` tells by what command, on what, when to distrust it."""

    schema: int
    fitted: dict[str, Any]
    classes: dict[str, ClassParameters]  # number class in lower case; "any" for all others
    lives: dict[str, Life]  # LIVES - 1, beside people's
    dialing: dict[str, Dialing]  # DIALS
    pooled: Pooled
    limits: dict[str, Limits]  # by family
    tail: Tail


class Evidence:
    """The families' evidence with fitted parameters."""

    name = "evidence"
    columns = tuple(family.name for family in FAMILIES)
    warming_up = False

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    @classmethod
    def load(cls, path: Path | None = None) -> "Evidence":
        """The parameters of a file, or those that ship. Raises ConfigError naming model.file."""
        file = path or SHIPPED
        try:
            parameters = msgspec.json.decode(file.read_bytes(), type=Parameters)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(f"model.file {file}: {error}; fit one with `detector train`") from None
        if (len(parameters.lives), len(parameters.dialing)) != (LIVES - 1, DIALS):
            raise ConfigError(f"model.file {file}: {LIVES - 1} lives and {DIALS} ways of dialing are mixed")
        return cls(parameters)

    @property
    def version(self) -> str:
        """Hash of everything that decides a score."""
        return hashlib.blake2b(msgspec.json.encode(self.state(), order="sorted"), digest_size=4).hexdigest()

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of the families' shares, nats: float64[n, len(COLUMNS)] -> float64[n]."""
        shares: NDArray[np.float64] = X[:, [COLUMNS.index(name) for name in self.columns]]
        total: NDArray[np.float64] = shares.sum(axis=1)
        return total

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Nothing: the live stream never moves the threshold; `detector train` fits a new version."""

    def state(self) -> dict[str, Any]:
        """Everything that decides its scores."""
        state: dict[str, Any] = msgspec.to_builtins(self.parameters)
        del state["fitted"]
        return state

    def table(self, class_names: dict[int, str], muted: Collection[str], spare: int = 0) -> NDArray[np.void]:
        """PARAMETERS[CLASSES + spare] for the kernels.

        class_names  number class -> its name; a class without parameters of its own gets those of "any"
        muted        families the feed cannot carry; their weight is 0
        spare        rows left for single lines
        """
        table = np.zeros(CLASSES + spare, layout.PARAMETERS)
        for number_class in range(CLASSES):
            self.fill(table[number_class], self.of_class(class_names.get(number_class, "any")), muted)
        return table

    def of_class(self, name: str) -> ClassParameters:
        """Parameters of a class of number; one without its own has those of "any"."""
        return self.parameters.classes.get(name) or self.parameters.classes["any"]

    def fill(
        self,
        row: Any,
        fitted: ClassParameters,
        muted: Collection[str],
        trust: Mapping[str, float] | None = None,
        alone: float = 0.0,
    ) -> None:
        """Write one row of PARAMETERS. In place.

        trust  family -> factor on what it says and on how far it may go against a line; none: 1
        alone  nats that one group may reach, and alert, on its own: for a line whose ordinary life is its own, so
               that a pace or a script which is not its own needs no second witness. 0: two groups must speak
        """
        for name in _COPIED:
            row[name] = getattr(fitted, name)
        row["rate_per_s"] = np.array(fitted.rates_per_hour) / 3600.0
        self._fill_lives(row, fitted, only=fitted.own_script or alone > 0.0)
        for j, dialing in enumerate(self.parameters.dialing.values()):
            row["dial_new"][j], row["dial_plays"][j] = dialing.new, dialing.plays
            row["dial_outcome"][j] = dialing.outcomes.array()
        row["silence"] = round(fitted.silence * MILLI)
        row["callback"] = round(fitted.callback * MILLI)
        for k, family in enumerate(FAMILIES):
            limits, factor = self.parameters.limits[family.name], (trust or {}).get(family.name, 1.0)
            high = max(limits.high, alone) if family.name in MAY_STAND_ALONE else limits.high
            row["weight"][k] = 0.0 if family.name in (*muted, *fitted.muted) else limits.weight * factor
            row["low"][k] = round(limits.low * MILLI)
            row["high"][k] = round(high * min(factor, 1.0) * MILLI)
        row["groups"] = 1 if alone else LEAST_GROUPS

    def _fill_lives(self, row: Any, fitted: ClassParameters, *, only: bool) -> None:
        """People first. In their place stands what a line declared, or a life of its own: the only one it leads."""
        row["life_gap_shape"][PEOPLE], row["life_gap_scale_s"][PEOPLE] = fitted.gap_shape, fitted.gap_scale_s
        row["life_talk_mu"][PEOPLE], row["life_talk_sigma"][PEOPLE] = fitted.talk_mu, fitted.talk_sigma
        row["life_outcome"][PEOPLE] = fitted.outcomes_p0.array()
        for i, life in enumerate(self.parameters.lives.values(), start=PEOPLE + 1):
            row["life_prior"][i] = 0.0 if only else life.prior
            row["life_new"][i] = life.new
            row["life_gap_shape"][i], row["life_gap_scale_s"][i] = life.gap_shape, life.gap_scale_s
            row["life_talk_mu"][i], row["life_talk_sigma"][i] = life.talk_mu, life.talk_sigma
            row["life_outcome"][i] = life.outcomes.array()
        row["life_prior"][PEOPLE] = 1.0 - row["life_prior"][PEOPLE + 1 :].sum()

    def threshold(self, false_alerts_per_day: float, active_lines: int, muted: Collection[str]) -> float:
        """The score (nats) that benign lines pass `false_alerts_per_day` times a day, out of the fitted tail.

        Between levels the logarithm of the rate is interpolated; beyond the last one it goes on with the slope
        of the last three. Raises ConfigError when no score of the families that speak can reach it.
        """
        wanted = math.log(false_alerts_per_day / active_lines)
        levels = np.array(self.parameters.tail.levels)
        rates = np.log(np.array(self.parameters.tail.per_line_day))
        if wanted >= rates[-1]:
            nats = float(np.interp(-wanted, -rates, levels))
        else:
            slope = (rates[-1] - rates[-3]) / (levels[-1] - levels[-3])
            nats = float(levels[-1] + (wanted - rates[-1]) / slope)
        highest = sum(self.parameters.limits[f.name].high for f in FAMILIES if f.name not in muted)
        if nats > highest:
            raise ConfigError(
                f"alerting.false_alerts_per_day = {false_alerts_per_day:g} with alerting.active_lines = {active_lines}"
                f" asks for a score of {nats:.1f} nats, but the families that the feed carries reach {highest:.1f};"
                " allow more false alerts"
            )
        return nats
