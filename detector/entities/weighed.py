"""What closed minutes added to entities, for the trace of a replay."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.layout import DESTINATION, FAMILIES, LINES, NUMBERS, RULES, Entities
from detector.entities.kernels.samples import estimate
from detector.features.kernels.layout import ANSWERED

WEIGHED = np.dtype(
    [
        ("minute", np.int64),  # event-time minutes since 1970
        ("kind", np.uint8),
        ("id", np.uint64),  # as layout.ENTITY
        ("block", np.int32),  # place in the registry; -1 = none
        ("tenant_key", np.uint64),
        ("severity", np.uint8),  # of the open episode before this minute; 0 = none open
        ("calls", np.int32),  # in this minute, as are these
        ("answered", np.int32),
        ("lines", np.int32),  # about so many called
        ("numbers", np.int32),  # about so many were shown
        ("broken", np.int32, (RULES,)),
        ("all_numbers", np.int32),  # known of it by now
        ("share", np.int32, (FAMILIES,)),  # 1/1024 nat
        ("score", np.int32),
    ]
)
"""One entity in one closed minute."""

NOTHING = np.zeros(0, WEIGHED)


def weighed(minute: int, partials: NDArray[np.void], known: Entities) -> NDArray[np.void]:
    """WEIGHED[n] of a minute just closed: entities that called and have evidence, broke a rule, or lie in a block.

    Destinations are left out: they would be most of it. At most five rows a call.
    """
    called = partials[(partials["row"] >= 0) & (partials["calls"] > 0) & (partials["kind"] != DESTINATION)]
    entities = known.rows[called["row"]]
    speaks = (entities["score"] > 0) | (called["broken"] > 0).any(axis=1) | (entities["block"] >= 0)
    called, entities = called[speaks], entities[speaks]
    told = np.zeros(len(called), WEIGHED)
    told["minute"] = minute
    for name in ("kind", "id", "calls", "broken"):
        told[name] = called[name]
    for name in ("block", "tenant_key", "severity", "share", "score"):
        told[name] = entities[name]
    told["answered"] = called["outcome"][:, ANSWERED]
    for i in range(len(told)):
        told[i]["lines"], told[i]["numbers"] = estimate(called[i], LINES), estimate(called[i], NUMBERS)
        told[i]["all_numbers"] = estimate(entities[i], NUMBERS)
    return told
