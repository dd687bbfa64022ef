"""What kept calls show is counted as the slow twin counts it, wherever they lie in their ring."""

from hypothesis import example, given
from hypothesis import strategies as st

from detector.config import State
from detector.features.kernels.layout import COLD_TIER, FIRST_TIME, HOT, HOT_TIER, PARTY_SHIFT, TAIL, WARM, WARM_TIER
from detector.features.kernels.look_back import Shown, look_back, new_workspace
from detector.features.state import new_tables
from tests import reference

SIZES = {COLD_TIER: TAIL, WARM_TIER: WARM, HOT_TIER: HOT}
NOW_MS = 1_710_122_400_000
Call = tuple[int, int, int, int, int, int, bool]

ages = st.integers(0, 40) | st.integers(0, 7_300_000)
callees = st.integers(10**11, 10**11 + 60) | st.sampled_from([(1 << 63) + 1, (1 << 63) + 3])
times = st.sampled_from([-1, 0, 2_999, 3_000, 3_001]) | st.integers(0, 30_000)
calls = st.tuples(
    ages.map(lambda age: NOW_MS - age), callees, times, times, st.integers(0, 60_000), st.integers(0, 3), st.booleans()
)


@given(st.sampled_from(sorted(SIZES)), st.lists(calls, max_size=HOT), st.integers(0, HOT - 1), st.sampled_from([0, 8]))
@example(HOT_TIER, [(NOW_MS - 7_000 * i, 10**11 + 3 * i, 20_000, 21_000, 9_000, 1, True) for i in range(HOT)], 77, 8)
def test_kept_calls_are_counted_as_the_twin_does(tier: int, kept: list[Call], head: int, offset_h: int) -> None:
    size = SIZES[tier]
    kept, head = kept[:size], head % size
    tables, work = new_tables(State(line_capacity=4, warm_capacity=1, hot_capacity=1)), new_workspace()
    row = tables.rows[0]
    row["ring"], row["tier"], row["head"], row["kept"] = len(tables.kept) - size, tier, head, len(kept)
    for i, (setup_ms, callee, ring_ms, talk_ms, held_ms, party, new) in enumerate(kept):
        place = row["ring"] + (head - len(kept) + i) % size
        tables.kept[place] = (
            setup_ms,
            callee,
            ring_ms,
            talk_ms,
            held_ms,
            -1,
            party << PARTY_SHIFT | (FIRST_TIME if new else 0),
        )
    look_back(tables, row, NOW_MS, offset_h * 3_600_000, work)
    assert Shown(*work.shown[0].item())._asdict() == reference.shown(kept, NOW_MS, offset_h * 3_600_000)
    assert [call[0] for call in work.calls[: len(kept)].tolist()] == [call[0] for call in kept]
