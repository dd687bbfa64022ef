"""Whom nothing may happen to: the never-list, and the numbers that stay reachable whatever happens."""

from collections.abc import Callable, Iterable
from pathlib import Path

from detector.alert.revision import Alert
from detector.config import Hooks
from detector.errors import ConfigError

EMERGENCY = ("110", "112", "119", "120", "122", "911", "999", "12110", "12119", "12395", "95110")
"""Police, fire, ambulance, traffic accidents, forest fire, rescue at sea, and what handsets dial for them abroad.

Nothing is ever done to them, and every order names them as `keep_open`: a suspended line may still call them.
"""

Normalise = Callable[[str], str]
"""A number as the numbering plan writes it; any other name as it is."""


class NeverList:
    """Entities nothing is done to: whole names, or the beginning of names (`4008*`).

    Whole numbers may be written in any way (`+86 138...`). Raises ConfigError for an entry that could never match.
    """

    def __init__(self, entries: Iterable[str], normalise: Normalise, key: str = "hooks.never") -> None:
        self._normalise = normalise
        self._names = {*EMERGENCY, *map(normalise, EMERGENCY)}  # and the plan is compiled now, not at the first alert
        prefixes: list[str] = []
        for entry in entries:
            if entry.endswith("*"):
                prefixes.append(_prefix(entry[:-1], key))
            elif not entry.strip():
                raise ConfigError(f"{key}: an entry is empty; name an entity or remove the entry")
            else:
                self._names.update((entry, normalise(entry)))
        self._prefixes = tuple(prefixes)

    def lists(self, name: str | None) -> bool:
        """Whether this entity is on the list, as it stands or normalised."""
        if name is None:
            return False
        written = (name, self._normalise(name))
        return any(w in self._names or w.startswith(self._prefixes) for w in written)

    def protects(self, alert: Alert, target: str) -> bool:
        """Whether nothing may be done about this alert: its target, entity, tenant or trunk is listed.

        Those the network knows. What callers merely assert (a number they present) is `names_listed`.
        """
        return any(map(self.lists, (target, alert.entity, alert.tenant, alert.trunk)))

    def names_listed(self, alert: Alert) -> bool:
        """Whether it names somebody on the list by an identity that callers can forge: then a person decides."""
        return any(map(self.lists, (alert.line, alert.number, alert.block, alert.holder)))


def load(settings: Hooks, normalise: Normalise) -> NeverList:
    """The list of the configuration: `hooks.never` and the lines of `hooks.never_file` (`#` begins a comment)."""
    NeverList(settings.never, normalise)  # names the right key when one of these is wrong
    entries = [*settings.never, *_lines(settings.never_file)]
    return NeverList(entries, normalise, key="hooks.never_file")


def _lines(name: str) -> list[str]:
    if not name:
        return []
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"hooks.never_file: {name}: {error}; name a text file, one entity a line") from None
    entries = (line.partition("#")[0].strip() for line in text.splitlines())
    return [entry for entry in entries if entry]


def _prefix(prefix: str, key: str) -> str:
    if prefix.startswith(("+", "0086")) or not prefix.strip():
        raise ConfigError(f"{key}: {prefix}* can never match; write it as the numbering plan does (139*, 021*, 0044*)")
    return prefix
