"""Repeat after notice: customers and holders whose alert ended and who began again."""

from collections import Counter

WITHIN_MS = 7 * 86_400_000
"""A new alert within a week of the end of the one before is a repeat."""

PAUSE_MS = 3_600_000
"""An alert that opens again within an hour goes on; it is no repeat."""

MOST_NAMES = 16_384


class Repeats:
    """Counts repeats by holder and tenant; bounded, the name whose alert ended longest ago leaves first."""

    def __init__(self) -> None:
        self._ended_ms: dict[tuple[str, str], int] = {}
        self.count: Counter[tuple[str, str]] = Counter()
        self._total: Counter[str] = Counter()

    def opened(self, kind: str, name: str, now_ms: int) -> int | None:
        """An alert was opened; hours since the one before ended, where it is a repeat."""
        before_ms = self._ended_ms.get((kind, name))
        if before_ms is None or not PAUSE_MS <= now_ms - before_ms <= WITHIN_MS:
            return None
        self.moved(kind, name)
        return round((now_ms - before_ms) / 3_600_000)

    def moved(self, kind: str, name: str) -> None:
        """Somebody else works through the list of this customer or holder: it began again under another name."""
        self.count[kind, name] += 1
        self._total[kind] += 1
        if len(self.count) > MOST_NAMES:
            del self.count[next(iter(self.count))]

    def total(self, kind: str) -> int:
        """All repeats of tenants, or of holders."""
        return self._total[kind]

    def ended(self, kind: str, name: str, now_ms: int) -> None:
        """An alert ended; of tenants and holders it is remembered."""
        if kind not in ("tenant", "holder"):
            return
        self._ended_ms.pop((kind, name), None)
        self._ended_ms[kind, name] = now_ms
        if len(self._ended_ms) > MOST_NAMES:
            oldest = next(iter(self._ended_ms))
            del self._ended_ms[oldest]
            self.count.pop(oldest, None)

    def of(self, kind: str) -> dict[str, int]:
        """Repeats by name, the most first."""
        found = [(name, count) for (of, name), count in self.count.items() if of == kind]
        return dict(sorted(found, key=lambda one: (-one[1], one[0])))
