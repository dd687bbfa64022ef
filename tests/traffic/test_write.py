"""Traffic in a folder, and handed to a sink."""

import gzip
import json
from pathlib import Path

import pyarrow.csv

from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry
from detector.traffic.scenario import preset
from detector.traffic.write import fill, write

SMALL = preset("demo", 300, 0.1)


def test_a_folder_holds_calls_truth_registry_and_scenario(tmp_path: Path) -> None:
    seen: list[tuple[float, int]] = []
    written = write(SMALL, 2, tmp_path, ("ndjson", "csv"), progress=lambda done, calls: seen.append((done, calls)))
    assert set(written.files) == {path.name for path in tmp_path.iterdir()}
    lines = (tmp_path / "calls.ndjson").read_bytes().splitlines()
    assert len(lines) == written.calls == len((tmp_path / "calls.csv").read_bytes().splitlines()) - 1
    truth = pyarrow.csv.read_csv(tmp_path / "truth.csv")
    assert truth["bad_calls"].to_numpy().sum() > 0
    plan = NumberPlan("china", b"sixteen bytes at least")
    assert Registry.load(str(tmp_path / "registry.json"), plan).block_of("95275012", SMALL.start_ms) is not None
    assert json.loads((tmp_path / "scenario.json").read_bytes())["scenario"]["name"] == "demo"
    assert seen[-1][1] == written.calls
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_compressed_files_hold_the_same_and_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("plain", "one", "two"):
        write(SMALL, 2, tmp_path / name, compress=name != "plain")
    one = (tmp_path / "one" / "calls.ndjson.gz").read_bytes()
    assert one == (tmp_path / "two" / "calls.ndjson.gz").read_bytes()
    assert gzip.decompress(one) == (tmp_path / "plain" / "calls.ndjson").read_bytes()


def test_a_sink_gets_every_call_keyed_by_its_line(tmp_path: Path) -> None:
    write(SMALL, 2, tmp_path)
    sent: list[tuple[bytes, bytes]] = []
    traffic = fill(SMALL, 2, lambda key, value: sent.append((key, value)))
    assert traffic.given_out == len(sent)
    assert [value for _, value in sent] == (tmp_path / "calls.ndjson").read_bytes().splitlines()
    for key, value in sent[:500]:
        record = json.loads(value)
        assert key.decode() == record.get("line_id", record["a_number"])


def test_the_demo_is_the_case_its_first_customer_begins_within_twenty_minutes(tmp_path: Path) -> None:
    write(preset("demo"), 1, tmp_path)
    truth = pyarrow.csv.read_csv(tmp_path / "truth.csv").to_pylist()
    bad = [row["first_bad_call_ms"] for row in truth if row["first_bad_call_ms"] is not None]
    assert 15 <= (min(bad) - preset("demo").start_ms) / 60_000 < 20
    assert {"ai_probe", "handover", "slow_campaign"} <= {row["class"] for row in truth if row["bad_calls"]}
    assert len(pyarrow.csv.read_csv(tmp_path / "handovers.csv")) > 50
