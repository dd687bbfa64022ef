"""The tree of alerts once more, slowly: every alert looks at all others."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from detector.alert.branch import LEVELS, Branch
from detector.alert.revision import Linked

Parents = dict[str, str | None]


def overlap(a: Branch, b: Branch) -> bool:
    """They live at the same time."""
    ends_before = any(
        one.resolved_at_ms is not None and one.resolved_at_ms < other.first_call_ms for one, other in ((a, b), (b, a))
    )
    return not ends_before


def slow_parents(alerts: list[Branch]) -> Parents:
    """alert_id -> alert_id of the alert above; None = it stands alone."""
    parent: Parents = {one.alert_id: None for one in alerts}
    by_id = {one.alert_id: one for one in alerts}

    def root(one: Branch) -> Branch:
        above = parent[one.alert_id]
        return one if above is None else root(by_id[above])

    def could_hold(above: Branch, below: Branch) -> bool:
        alive = above.state == "open" or below.state != "open"
        return above is not below and above.severity != "info" and alive and overlap(above, below)

    def loudest(found: list[Branch]) -> Branch:
        return min(found, key=lambda one: (-one.harm, one.first_call_ms, one.alert_id))

    def hang(below: Branch, wanted: list[tuple[str, str | None]]) -> None:
        for kind, entity in wanted:
            found = [
                one
                for one in alerts
                if (one.entity_kind, one.entity) == (kind, entity) and could_hold(one, below) and root(one) is not below
            ]
            if found:
                parent[below.alert_id] = loudest(found).alert_id
                return

    for one in alerts:
        wider = LEVELS[LEVELS.index(one.entity_kind) + 1 :] if one.entity_kind in LEVELS else ()
        hang(one, [(kind, getattr(one, kind)) for kind in wider])
    for one in sorted(alerts, key=lambda one: (-one.first_call_ms, one.alert_id)):
        if parent[one.alert_id] is None:
            hang(one, [(link.entity_kind, link.entity) for link in one.linked])
    for one in sorted(alerts, key=lambda one: (-one.harm, one.first_call_ms, one.alert_id)):
        same = [other for other in alerts if (other.entity_kind, other.entity) == (one.entity_kind, one.entity)]
        same = [other for other in same if parent[other.alert_id] is not None or loudest([one, other]) is other]
        same = [other for other in same if could_hold(other, one) and root(other) is not one]
        if parent[one.alert_id] is None and same:
            parent[one.alert_id] = loudest(same).alert_id
    follow(alerts, parent, could_hold, loudest)
    before = dict(parent)
    for one in alerts:
        if before[one.alert_id] is None and one.alert_id not in before.values() and one.entity_kind in LEVELS:
            narrower = LEVELS[: LEVELS.index(one.entity_kind)]
            roots = Counter[str]()
            for other in sorted(alerts, key=lambda one: (-one.harm, one.first_call_ms, one.alert_id)):
                is_part = other.entity_kind in narrower and getattr(other, one.entity_kind) == one.entity
                alive = one.state == "open" or other.state != "open"
                if is_part and before[other.alert_id] is not None and alive and overlap(one, other):
                    top = other
                    while (above := before[top.alert_id]) is not None:
                        top = by_id[above]
                    roots[top.alert_id] += 1
            for name, _ in roots.most_common():
                if (by_id[name].state == "open" or one.state != "open") and overlap(by_id[name], one):
                    parent[one.alert_id] = name
                    break
    return parent


def follow(
    alerts: list[Branch],
    parent: Parents,
    could_hold: Callable[[Branch, Branch], bool],
    loudest: Callable[[list[Branch]], Branch],
) -> None:
    """What holds others goes where at least half of its linked parts are linked."""
    before = dict(parent)

    def root(name: str, tree: Parents) -> str:
        while (above := tree[name]) is not None:
            name = above
        return name

    def target(part: Branch) -> str | None:
        for link in part.linked:
            named = [one for one in alerts if (one.entity_kind, one.entity) == (link.entity_kind, link.entity)]
            named = [one for one in named if could_hold(one, part)]
            if named:
                return root(loudest(named).alert_id, before)
        return None

    for top in sorted(alerts, key=lambda one: (-one.first_call_ms, one.alert_id)):
        parts = [one for one in alerts if one is not top and root(one.alert_id, before) == top.alert_id and one.linked]
        parts.sort(key=lambda one: (-one.harm, one.first_call_ms, one.alert_id))
        targets = [target(part) for part in parts]
        if not targets:
            continue
        wanted = max(targets, key=targets.count)  # of equally many the first
        above = next((one for one in alerts if one.alert_id == wanted), None)
        if above is None or above is top or 2 * targets.count(wanted) < len(targets):
            continue
        if could_hold(above, top) and root(above.alert_id, parent) != top.alert_id:
            parent[top.alert_id] = above.alert_id


@st.composite
def branches(draw: st.DrawFn) -> list[Branch]:
    """Alerts on every level of small, overlapping trees, some of them linked to others or to nothing."""
    made = []
    for i in range(draw(st.integers(1, 12))):
        fields: dict[str, Any] = {kind: draw(st.sampled_from([None, f"{kind}-1", f"{kind}-2"])) for kind in LEVELS[1:]}
        kind = draw(st.sampled_from([*LEVELS, "callee"]))
        entity = f"{kind}-{draw(st.integers(1, 2))}"
        sources = draw(st.lists(st.tuples(st.sampled_from(LEVELS), st.integers(1, 2)), max_size=2))
        ended = draw(st.booleans()) and draw(st.booleans())
        begin_ms = draw(st.integers(0, 20))
        made.append(
            Branch(
                alert_id=f"alert-{i:02}",
                state="resolved" if ended else "open",
                severity=draw(st.sampled_from(["critical", "warning", "info"])),
                entity_kind=kind,
                entity=entity,
                **(fields | ({kind: entity} if kind in fields else {})),
                linked=tuple(Linked(entity_kind=kind, entity=f"{kind}-{n}") for kind, n in sources),
                harm=float(draw(st.integers(0, 3))),
                first_call_ms=begin_ms,
                resolved_at_ms=begin_ms + draw(st.integers(0, 20)) if ended else None,
            )
        )
    return made
