"""Real calls are read by configuration alone; every record of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from detector.cdr.batch import NEVER_MS, concat
from detector.config import load
from detector.decode.decoder import Decoder
from detector.numbering.plan import NumberPlan
from detector.source.file import FileSource, formats

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy" / "examples"


def real_data() -> Path:
    """The folder of real calls; absent is loud, and a failure where somebody counts on it."""
    named = os.environ.get("DETECTOR_REAL_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "nodobo_dev_users.csv.gz").exists():
        message = f"real calls are not tested: {folder} has no nodobo_dev_users.csv.gz; set DETECTOR_REAL_DATA"
        if named or os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.mark.parametrize(
    ("example", "file", "calls", "answered", "callers"),
    [
        ("nodobo.toml", "nodobo_dev_users.csv.gz", 4_248, 2_776, 198),
        ("copenhagen.toml", "cns_calls_all.csv.gz", 3_600, 2_654, 449),
    ],
)
def test_real_calls_are_read_to_the_last(example: str, file: str, calls: int, answered: int, callers: int) -> None:
    config = load(EXAMPLES / example, {})
    paths = [real_data() / file]
    plan = NumberPlan(config.numbering.plan, b"sixteen bytes at least")
    reads = Decoder(config.decode, plan, formats(config.decode, paths))
    decoded = [reads.decode(part) for turn in FileSource(paths).chunks() for part in turn]
    batch = concat([part for part, _ in decoded])
    assert [reject for _, rejects in decoded for reject in rejects] == []
    assert len(batch) == calls
    assert np.count_nonzero(batch.calls["answer_ms"] != NEVER_MS) == answered
    assert len(np.unique(batch.calls["line_key"])) == callers
    assert set(batch.calls["release_cause"].tolist()) == {16, 19}
    first = batch.record(0)
    assert plan.text(int(batch.calls["callee_key"][0])) == first.b_number
