"""Which calls are too far from their stream's own time to be believed."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import njit

BELIEVED, AHEAD, BEHIND = range(3)
NEWEST_MS, CONFIRMED, STRAY_SIDE, STRAYS, STRAY_MIN_MS, STRAY_MAX_MS = range(6)
"""Places in the state of one stream; all zero = nothing seen yet."""

ENOUGH = 10
"""So many strays in a row that agree with each other move the stream; so many believed calls confirm it."""

AGREE_MS = 3_600_000


@njit
def guard(
    release_ms: NDArray[np.int64], ahead_ms: int, behind_ms: int, state: NDArray[np.int64], verdict: NDArray[np.uint8]
) -> None:
    """Judge each call's release time against the newest believed one of its stream, record by record.

    release_ms  int64[n_calls]  in stream order
    ahead_ms, behind_ms         how far from the newest a call may be
    state       int64[6]        of this stream, in place
    verdict     uint8[n_calls]  filled: BELIEVED, AHEAD or BEHIND

    A stray is not believed and does not move the stream, until ENOUGH of them in a row, all on one side and
    within AGREE_MS of each other, show that the stream itself has moved; the last of these is believed.
    Forward that holds always (a feed that stood still for long), backward only while fewer than ENOUGH calls
    confirm the present time (an absurd first record): a confirmed stream never goes back.
    """
    for i in range(release_ms.shape[0]):
        at_ms = release_ms[i]
        side = BELIEVED
        if state[CONFIRMED] > 0 and at_ms > state[NEWEST_MS] + ahead_ms:
            side = AHEAD
        elif state[CONFIRMED] > 0 and at_ms < state[NEWEST_MS] - behind_ms:
            side = BEHIND
        if side == BELIEVED:
            state[NEWEST_MS] = max(state[NEWEST_MS], at_ms)
            state[CONFIRMED] += 1
            state[STRAYS] = 0
        else:
            low_ms = min(state[STRAY_MIN_MS], at_ms)
            high_ms = max(state[STRAY_MAX_MS], at_ms)
            if state[STRAYS] == 0 or state[STRAY_SIDE] != side or high_ms - low_ms > AGREE_MS:
                state[STRAYS] = 0
                low_ms = high_ms = at_ms
            state[STRAY_SIDE] = side
            state[STRAYS] += 1
            state[STRAY_MIN_MS] = low_ms
            state[STRAY_MAX_MS] = high_ms
            if state[STRAYS] >= ENOUGH and (side == AHEAD or state[CONFIRMED] < ENOUGH):
                side = BELIEVED
                state[NEWEST_MS] = at_ms
                state[CONFIRMED] = 1
                state[STRAYS] = 0
        verdict[i] = side
