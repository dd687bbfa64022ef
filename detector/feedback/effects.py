"""What people's words do to a shard: what a request comes to now, and what changes when its minute has come."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector import metrics
from detector.errors import ConfigError
from detector.features.catalog import FAMILIES
from detector.features.kept import kept_calls
from detector.features.kernels.layout import COLD_TIER, MILLI, Tables
from detector.features.kernels.mixture import begin_life
from detector.features.kernels.tiers import clear_evidence, row_of
from detector.features.kernels.weigh import CRITICAL
from detector.feedback.applied import AppliedRegistry, AppliedVerdict
from detector.feedback.request import BadRequest, RegistryUpdate
from detector.landed.feedback import Verdict
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry, all_classes, class_name
from models.evidence import CLASSES, ClassParameters, Evidence
from models.own import own_life

if TYPE_CHECKING:  # river takes a second to import: only who gets a verdict waits for it
    from models.feedback import Feedback

MOST_OWN = 1_024
"""Lines that can have an ordinary life of their own at the same time."""

AUTHOR_LINES = 10
"""Of them, those that one author alone vouches for."""

ALONE_NATS = 12.0
"""How far above the threshold one family may go when it is measured against the line's own life: the others, unchanged,
speak for the line with up to this much. With 4, a script played by a line that always talked was never found."""

SPEAKS_NATS = 1.0
_CLASS_OF = {name: number_class for number_class, name in all_classes().items()}


@dataclass(frozen=True, slots=True)
class Own:
    """A line with an ordinary life of its own, and who vouches for it."""

    line_key: int
    life: ClassParameters
    author: str


class Effects:
    """The parameters of a shard, as people have changed them.

    tables, registry  of the shard; changed in place
    threshold         nats
    """

    def __init__(
        self,
        tables: Tables,
        model: Evidence,
        plan: NumberPlan,
        registry: Registry,
        muted: tuple[str, ...],
        threshold: float,
        utc_offset_h: float,
    ) -> None:
        self._tables, self._model, self._plan, self._registry = tables, model, plan, registry
        self._muted, self._threshold, self._utc_offset_h = muted, threshold, utc_offset_h
        self.parameters = model.table(all_classes(), muted, spare=MOST_OWN)
        self._own: dict[int, Own] = {}  # by row of the parameters
        self._vouching: dict[int, set[str]] = {}  # line key -> who called it legitimate
        self._learned: Feedback | None = None

    @property
    def version(self) -> str:
        """Of the model, and of what verdicts taught it."""
        learned = self._learned.version if self._learned else ""
        return f"{self._model.version}+{learned}" if learned else self._model.version

    def usual(self, place: int) -> ClassParameters:
        """What is usual by the parameters at this place."""
        return self._own[place].life if place >= CLASSES else self._model.of_class(class_name(place))

    def settle(
        self, request: RegistryUpdate | Verdict, apply_ms: int, partition: int, position: int
    ) -> AppliedRegistry | AppliedVerdict:
        """What a request comes to now. Changes nothing. Raises BadRequest."""
        if isinstance(request, RegistryUpdate):
            try:
                self._registry.check(request.blocks)
            except ConfigError as error:
                raise BadRequest("bad_value", str(error)) from None
            return AppliedRegistry(apply_ms=apply_ms, partition=partition, position=position, update=request)
        return self._settle_verdict(request, apply_ms, partition, position)

    def apply(self, change: AppliedRegistry | AppliedVerdict, now_ms: int) -> int | None:
        """Its minute has come; the evidence row whose episode that ends, None = of none. now_ms: of the next call."""
        metrics.changes.labels(change.__struct_config__.tag).inc()
        if isinstance(change, AppliedRegistry):
            self._registry.update(change.update.blocks, change.update.withdraw)
            return None
        return self._apply_verdict(change, now_ms)

    def _settle_verdict(self, verdict: Verdict, apply_ms: int, partition: int, position: int) -> AppliedVerdict:
        key = self._plan.key(verdict.entity) if verdict.entity_kind == "line" else 0
        place = self._row(key) if key else None
        row = self._tables.rows[place] if place is not None else None
        declared = self._registry.declared_classes(
            np.array([key], np.uint64), np.array([self._plan.classify(verdict.entity)], np.uint8)
        )
        number_class = class_name(int(row["number_class"] if row is not None else declared[0]))
        own = why = None
        if verdict.verdict == "legitimate":
            own, why = self._life_of(place, key, number_class, verdict.author)
        return AppliedVerdict(
            apply_ms=apply_ms,
            partition=partition,
            position=position,
            verdict=verdict,
            line_key=key,
            number_class=number_class,
            shares=self._shares(verdict, place),
            own=own,
            why=why,
        )

    def _life_of(
        self, place: int | None, key: int, number_class: str, author: str
    ) -> tuple[ClassParameters | None, str | None]:
        """The line's own life, or why it gets none."""
        if place is None:
            return None, "not a line that is held in state"
        evidence = self._evidence(place)
        vouching = self._vouching.get(key, set()) | {author}
        if evidence is not None and evidence["severity"] >= CRITICAL and len(vouching) < 2:
            return None, "the alert is critical: a second author must say so"
        alone = sum(
            own.author == author and own.line_key != key and len(self._vouching[own.line_key]) < 2
            for place, own in self._own.items()
            if self._lives(place, own)
        )
        if len(vouching) < 2 and alone >= AUTHOR_LINES:
            return None, f"the author vouches for {AUTHOR_LINES} lines already: a second author must say so"
        row = self._tables.rows[place]
        known = int(row["n_now"]) + int(row["n_before"]), int(row["d_now"]) + int(row["d_before"])
        speaking = [name for name, nats in self._state_shares(place).items() if nats >= SPEAKS_NATS]
        usual = self._model.of_class(number_class)
        dialers = self._model.parameters.pooled.outcomes_p1
        life = own_life(kept_calls(self._tables, row), known, usual, dialers, speaking, self._utc_offset_h)
        return life, None if life else "it has called too few strangers"

    def _apply_verdict(self, change: AppliedVerdict, now_ms: int) -> int | None:
        verdict = change.verdict
        if verdict.verdict in ("dialer", "legitimate") and change.shares:
            self._teach(change)
        if verdict.verdict == "legitimate" and change.line_key:
            self._vouching.setdefault(change.line_key, set()).add(verdict.author)
        if verdict.verdict == "dialer":
            self._vouching.pop(change.line_key, None)
            self._disown(change.line_key)
        if change.own is None:
            return None
        number_class = _CLASS_OF[change.number_class]
        place = int(row_of(self._tables, np.uint64(change.line_key), number_class, now_ms))  # made anew in a recovery
        own = self._place_for(change.line_key) if place >= 0 else None
        if own is None:
            return None
        self._own[own] = Own(change.line_key, change.own, verdict.author)
        self._model.fill(self.parameters[own], change.own, self._muted, alone=self._threshold + ALONE_NATS)
        self._tables.rows[place]["own"] = own
        evidence = self._evidence(place)
        if evidence is None:
            return None
        begin_life(evidence, self.parameters[own])  # a trade that excused it is no life of its own
        if evidence["severity"]:
            return int(self._tables.rows[place]["evidence"])
        clear_evidence(evidence)
        return None

    def _teach(self, change: AppliedVerdict) -> None:
        """A verdict that counts makes a new version of the class's parameters; lives of lines' own stay as they are."""
        if self._learned is None:
            from models.feedback import Feedback

            self._learned = Feedback(self._threshold)
        dialer = change.verdict.verdict == "dialer"
        if not self._learned.teach(change.number_class, change.shares, dialer, change.verdict.author):
            return
        fitted = self._model.of_class(change.number_class)
        trust = self._learned.weights(change.number_class)
        self._model.fill(self.parameters[_CLASS_OF[change.number_class]], fitted, self._muted, trust)

    def _shares(self, verdict: Verdict, place: int | None) -> dict[str, float]:
        """What was judged, nats by family: as the alert said, else as the state says now; within the limits."""
        shares = verdict.shares or (self._state_shares(place) if place is not None else {})
        limits = self._model.parameters.limits
        return {
            name: round(min(max(nats, limits[name].low), limits[name].high), 2)
            for name, nats in shares.items()
            if name in limits and nats
        }

    def _state_shares(self, place: int) -> dict[str, float]:
        evidence = self._evidence(place)
        if evidence is None:
            return {}
        return {family.name: int(evidence["share"][k]) / MILLI for k, family in enumerate(FAMILIES)}

    def _row(self, key: int) -> int | None:
        """The row of a key."""
        found = np.flatnonzero(self._tables.rows["key"] == np.uint64(key))  # a column of a million: 2 ms
        return int(found[0]) if len(found) else None

    def _evidence(self, place: int) -> np.void | None:
        row = self._tables.rows[place]
        if row["tier"] == COLD_TIER or row["evidence"] < 0:
            return None
        evidence: np.void = self._tables.evidence[int(row["evidence"])]
        return evidence

    def _place_for(self, key: int) -> int | None:
        """Row of the parameters for a line: the one it has, a free one, or one of a line that was forgotten since."""
        for place, own in self._own.items():
            if own.line_key == key:
                return place
        for place in range(CLASSES, CLASSES + MOST_OWN):
            if place not in self._own:
                return place
        return next((place for place, own in self._own.items() if not self._lives(place, own)), None)

    def _lives(self, place: int, own: Own) -> bool:
        """Whether the line was not forgotten since; its own life ends with its row."""
        row = self._row(own.line_key)
        return row is not None and int(self._tables.rows[row]["own"]) == place

    def _disown(self, key: int) -> None:
        """The line is judged by its class again."""
        for place, own in list(self._own.items()):
            if own.line_key == key:
                del self._own[place]
                if (row := self._row(key)) is not None:
                    self._tables.rows[row]["own"] = 0
