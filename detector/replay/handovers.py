"""handovers.csv of a run: who was probed by which line, and who called then."""

import csv
from collections.abc import Iterable
from pathlib import Path

from detector.entities.handover import Follower
from detector.numbering.plan import NumberPlan

COLUMNS = (
    "probe_line",
    "callee",
    "probe_ms",
    "probe_talk_s",
    "follow_line",
    "follow_number",
    "follow_ms",
    "follow_talk_s",
    "lift",
)


def write_handovers(suspects: Iterable[Follower], plan: NumberPlan, file: Path) -> None:
    """One row a pair of a suspect, in order of suspects' numbers, then of time. Callees are masked; times UTC ms."""
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(COLUMNS)
        for follower in suspects:
            lift = round(follower.lift[0], 2)
            for pair in sorted(follower.pairs.values(), key=lambda pair: (pair.follow_ms, pair.callee_key)):
                rows.writerow(
                    (
                        pair.probe_line,
                        plan.mask(pair.callee_key),
                        pair.probe_ms,
                        pair.probe_talk_s,
                        pair.follow_line,
                        follower.text,
                        pair.follow_ms,
                        round(pair.follow_talk_s, 3),
                        lift,
                    )
                )
