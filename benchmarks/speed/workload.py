"""Made-up calls for the clock, not for the models: many lines, few of them busy, a thousandth of them dialers.

Lines follow a bounded Zipf law with exponent 0.5 at half a call an hour each; dialers make a fifth of all calls, to
strangers, by the same law: were all equally fast, their alerts would grow in step. Of the other calls three quarters
go to six favourites. Time only goes forward, no call comes twice.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CALLS_A_LINE_AND_HOUR = 0.625
"""Half a call an hour of the others, and the dialers' fifth of all."""

DIALERS = 0.2
"""Share of calls that dialers make."""

START_MS = 1_700_000_000_000
_RECORD = (
    b'{"call_id":"%012x","a_number":"139%08d","b_number":"%d","setup_ms":%d,"ring_ms":%d,"answer_ms":%s,'
    b'"release_ms":%d,"release_cause":%d,"release_party":"%s","trunk_in":"T%03d","trunk_out":"T017"}'
)
"""The normal form, as Kafka or a file brings it: 235 bytes."""


def records(n_lines: int, n_calls: int, size: int, seed: int = 1) -> Iterator[list[bytes]]:
    """Calls as flat JSON in order of release, `size` at a time."""
    rng = np.random.default_rng([seed, n_lines])
    columns = _columns(rng, n_lines, n_calls)
    for start in range(0, n_calls, size):
        rows = zip(*(column[start : start + size].tolist() for column in columns), strict=True)
        yield [_record(*row) for row in rows]


def _columns(rng: np.random.Generator, n_lines: int, n_calls: int) -> list[NDArray[Any]]:
    """Call number, line, callee, setup, answer (-1 = none), release."""
    dials = rng.random(n_calls) < DIALERS
    rank = rng.random(n_calls) ** 2
    ranked = rng.permutation(n_lines)[(rank * n_lines).astype(np.int64)]
    line = np.where(dials, (rank * max(n_lines // 1000, 1)).astype(np.int64), ranked)
    favourite = (line * 7919 + rng.integers(0, 6, n_calls) * 104_729) % n_lines
    known = np.where(rng.random(n_calls) < 0.75, favourite, rng.integers(0, n_lines, n_calls))
    callee = np.where(dials, 13_800_000_000 + rng.integers(0, 10**8, n_calls), 13_900_000_000 + known)
    last_ms = n_calls / (CALLS_A_LINE_AND_HOUR * n_lines) * 3_600_000
    release = START_MS + np.sort(rng.uniform(0, last_ms, n_calls)).astype(np.int64)
    answered = rng.random(n_calls) < np.where(dials, 0.3, 0.7)
    talk = (np.minimum(rng.lognormal(3.6, 1.2, n_calls), 3000.0) * 1000).astype(np.int64)
    answer = np.where(answered, release - talk, -1)
    setup = np.where(answered, answer, release) - rng.integers(2_000, 20_000, n_calls)
    return [np.arange(n_calls), line, callee, setup, answer, release]


def _record(number: int, line: int, callee: int, setup: int, answer: int, release: int) -> bytes:
    told = b"%d" % answer if answer >= 0 else b"null"
    cause, party = (16, b"caller") if answer >= 0 else (19, b"network")
    return _RECORD % (number, line, callee, setup, setup + 1_000, told, release, cause, party, line % 64)
