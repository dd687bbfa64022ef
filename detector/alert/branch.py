"""What the tree of alerts looks at in an alert, and the levels it stands on."""

import msgspec

from detector.alert.revision import Alert, Linked

LEVELS = ("line", "number", "block", "tenant", "trunk", "holder")
"""From the narrowest. An alert carries the names of what it is part of; destinations, callees are part of nothing."""

Entity = tuple[str, str]
"""(kind, name)."""


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree looks at in an alert: some of its fields, under the same names."""

    alert_id: str
    state: str
    severity: str
    entity_kind: str
    entity: str
    number: str | None = None
    block: str | None = None
    tenant: str | None = None
    trunk: str | None = None
    holder: str | None = None
    linked: tuple[Linked, ...] = ()
    harm: float
    calls: int = 0
    first_call_ms: int
    resolved_at_ms: int | None = None

    @property
    def own(self) -> Entity:
        """What the alert is about."""
        return self.entity_kind, self.entity

    def part_of(self) -> list[Entity]:
        """All wider entities, the nearest first."""
        wider = LEVELS[LEVELS.index(self.entity_kind) + 1 :] if self.entity_kind in LEVELS else ()
        named = ((kind, getattr(self, kind)) for kind in wider)
        return [(kind, entity) for kind, entity in named if entity is not None]

    def sources(self) -> list[Entity]:
        """The entities it is linked to, the nearest first."""
        return [(one.entity_kind, one.entity) for one in self.linked]


def branch_of(alert: Alert) -> Branch:
    """What the tree looks at in it."""
    return msgspec.convert(alert, Branch, from_attributes=True)
