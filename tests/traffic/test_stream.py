"""The calls as a stream: reproducible, in order, in bounded memory, readable by the real decoder, true to the truth."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from detector.cdr.batch import CDR, CallRecord
from detector.config import Decode
from detector.decode.decoder import Decoder
from detector.numbering.plan import NumberPlan
from detector.traffic.render import CSV_HEADER, FIELDS, block_bytes
from detector.traffic.scenario import preset
from detector.traffic.traffic import generate
from detector.traffic.world import Scenario
from tests.traffic.conftest import Played

PLAN = NumberPlan("china", b"sixteen bytes at least")
SMALL = preset("evaluation", 600, 0.5)


def ndjson(scenario: Scenario, seed: int) -> bytes:
    return b"".join(chunk.data for chunk in generate(scenario, seed).source_chunks())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = ndjson(SMALL, 3)
    assert ndjson(SMALL, 3) == first
    other = ndjson(SMALL, 4)
    assert other != first
    assert abs(len(other) / len(first) - 1) < 0.2


def test_calls_are_ordered_by_release_over_all_chunks(attack: Played, town: Played) -> None:
    for played in (attack, town):
        assert (np.diff(played.calls["release_ms"]) >= 0).all()
        assert (played.calls["serial"] == np.arange(len(played.calls))).all()


def test_times_of_a_call_follow_each_other_and_stay_in_the_scenario(attack: Played) -> None:
    calls, scenario = attack.calls, attack.traffic.scenario
    rang, answered = calls["ring_ms"] >= 0, calls["answer_ms"] >= 0
    assert (calls["ring_ms"] >= calls["setup_ms"])[rang].all()
    assert (rang | ~answered).all()
    assert (calls["answer_ms"] >= calls["ring_ms"])[answered].all()
    assert (calls["release_ms"] > np.maximum(calls["answer_ms"], calls["setup_ms"])).all()
    assert calls["setup_ms"].min() >= scenario.start_ms
    assert calls["setup_ms"].max() < scenario.end_ms
    assert (calls["cause"][answered] == 16).all()


def test_the_decoder_takes_every_record(attack: Played) -> None:
    traffic = generate(SMALL, 3)
    decoder, calls = Decoder(Decode(), PLAN, ["json"]), []
    for chunk in traffic.source_chunks():
        batch, rejects = decoder.decode(chunk)
        assert rejects == []
        calls.append(batch.calls)
    read = np.concatenate(calls)
    assert read.dtype == CDR
    played = np.concatenate(list(generate(SMALL, 3).chunks()))
    for name in ("setup_ms", "ring_ms", "answer_ms", "release_ms"):
        assert (read[name] == played[name]).all()
    assert (read["release_cause"] == played["cause"]).all()
    assert (read["release_party"] == played["party"]).all()
    assert (read["offset"] == np.arange(1, len(read) + 1)).all()
    assert len(np.unique(read["call_hash"])) == len(read)
    assert (read["authenticated"] == (played["presented"] != 0)).all()


def test_ndjson_and_csv_say_the_same() -> None:
    traffic = generate(SMALL, 3)
    calls = next(iter(traffic.chunks()))
    decoder = msgspec.json.Decoder(CallRecord)
    records = [decoder.decode(line) for block in traffic.render.ndjson(calls) for line in block.to_pylist()]
    rows = b"".join(block_bytes(block) for block in traffic.render.csv(calls)).decode().splitlines()
    assert CSV_HEADER.decode().strip().split(",") == list(FIELDS)
    assert len(records) == len(rows) == len(calls)
    for record, row in zip(records, rows, strict=True):
        for name, text in zip(FIELDS, row.split(","), strict=True):
            value = getattr(record, name)
            said = ";".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
            assert said == text


def test_lines_are_what_the_record_shows(attack: Played) -> None:
    calls = attack.calls[:20_000]
    render = attack.traffic.render
    decoder = msgspec.json.Decoder(CallRecord)
    records = [decoder.decode(line) for block in render.ndjson(calls) for line in block.to_pylist()]
    assert render.lines(calls).to_pylist() == [record.line for record in records]


def test_the_truth_is_true(attack: Played) -> None:
    truth = {row["line"]: row for row in attack.traffic.truth().to_pylist()}
    assert len(truth) == len(attack.population.lines)
    lines = attack.traffic.render.lines(attack.calls).to_pylist()
    calls: dict[str, int] = {}
    bad: dict[str, list[int]] = {}
    for line, is_bad, setup_ms in zip(
        lines, attack.calls["bad"].tolist(), attack.calls["setup_ms"].tolist(), strict=True
    ):
        calls[line] = calls.get(line, 0) + 1
        if is_bad:
            bad.setdefault(line, []).append(setup_ms)
    elsewhere = set(lines) - truth.keys()
    assert not elsewhere & bad.keys()
    for line, row in truth.items():
        assert row["calls"] == calls.get(line, 0)
        assert row["bad_calls"] == len(bad.get(line, ()))
        assert row["first_bad_call_ms"] == min(bad.get(line, ()), default=None)
        assert row["label"] == "bad" or line not in bad
        assert (row["campaign"] is not None) == (row["label"] == "bad")
        assert row["evasive"] == (row["techniques"] is not None)


def test_presets_leave_out_of_training_what_evaluation_meets() -> None:
    from detector.traffic.campaigns import HELD_OUT_TECHNIQUE
    from detector.traffic.look_alikes import HELD_OUT_CLASS

    training, evaluation = preset("training"), preset("evaluation")
    used, met = ({name for c in s.campaigns for name in c.techniques} for s in (training, evaluation))
    assert HELD_OUT_TECHNIQUE in met - used
    assert HELD_OUT_CLASS in evaluation.look_alikes.keys() - training.look_alikes.keys()


_PEAK = """
import resource, sys
from detector.traffic.scenario import preset
from detector.traffic.traffic import generate
for chunk in generate(preset("ordinary", 60_000, float(sys.argv[1])), 1).source_chunks():
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_days() -> None:
    peaks = [
        int(subprocess.run([sys.executable, "-c", _PEAK, days], check=True, capture_output=True, text=True).stdout)
        for days in ("0.8", "3.2")
    ]
    assert peaks[1] - peaks[0] < 40_000  # KiB; the calls of the additional days are 70 MB of columns, 160 MB of text


def test_an_unknown_class_is_refused() -> None:
    from detector.errors import InputError

    with pytest.raises(InputError, match="no look-alike class 'wizard'"):
        generate(Scenario(name="x", days=0.1, people=10, look_alikes={"wizard": 1}), 1)
    with pytest.raises(InputError, match="no traffic preset 'y'"):
        preset("y")
