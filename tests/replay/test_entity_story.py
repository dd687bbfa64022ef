"""The story of an entity out of a replay: calls in, words and a picture out."""

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from detector.command import run_command
from detector.config import load
from detector.entities.laws import FAMILY_NAMES
from detector.errors import InputError
from detector.replay.entity_picture import picture
from detector.replay.entity_story import EntityStory, calls_by_number, read, tell
from detector.replay.run import replay
from detector.traffic.scenario import preset
from detector.traffic.write import write

CODE = "952750"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's case among few people."""
    folder = tmp_path_factory.mktemp("case")
    write(preset("demo", 300, 0.1), 1, folder / "traffic")
    small = {"state.line_capacity": 20_000, "state.entity_capacity": 8_192}
    config = load(None, {}, {"numbering.registry": str(folder / "traffic" / "registry.json"), **small})
    replay(config, [folder / "traffic" / "calls.ndjson"], folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def story(run: Path) -> EntityStory:
    return read(run, "block", CODE)


def test_every_call_of_the_code_is_in_a_minute_of_its_story(run: Path, story: EntityStory) -> None:
    calls = (run.parent / "traffic" / "calls.ndjson").read_bytes().splitlines()
    shown = [msgspec.json.decode(call).get("presented") or "" for call in calls]
    by_code = [number for number in shown if number.startswith(CODE)]
    held = sum(calls_by_number(story).values())
    assert story.minutes["calls"].sum() == held
    assert len(by_code) - 200 < held <= len(by_code)  # the last minutes were not closed
    assert len(by_code) > 1_000


def test_numbers_are_counted_exactly(story: EntityStory) -> None:
    assert story.minutes["all_numbers"][-1] == len(set(story.parts["entity"].tolist()))
    assert (story.minutes["numbers"] <= story.minutes["all_numbers"]).all()
    assert ((story.synchrony() >= 0) & (story.synchrony() <= 1)).all()


def test_the_shares_add_up_to_the_score(run: Path) -> None:
    rows = pq.read_table(run / "trace" / "entities.parquet")
    total = sum(rows.column(name).to_numpy() for name in FAMILY_NAMES)
    assert np.allclose(total, rows.column("score").to_numpy(), atol=0.01)
    assert "destination" not in rows.column("kind").to_pylist()


def test_the_story_says_when_and_why(story: EntityStory) -> None:
    told = tell(story)
    assert told.startswith(f"Block {CODE}\n")
    for words in ("ALERT ", "RULE inbound_only: ", "novelty: ", "Synchrony: ", "Alerts that are part of it: "):
        assert words in told
    assert len(told.splitlines()) < 60


def test_the_picture_has_every_number_and_is_the_same_each_time(story: EntityStory) -> None:
    drawn = picture(story)
    assert drawn == picture(story)
    words = {element.text for element in ET.fromstring(drawn).iter() if element.text}
    assert {number[-2:] for number in calls_by_number(story)} <= words
    assert {"score", "novelty", "named", "threshold"} <= words


@pytest.mark.parametrize("kind", ["tenant", "trunk", "holder", "number"])
def test_every_kind_has_a_story(run: Path, kind: str) -> None:
    rows = pq.read_table(run / "trace" / "entities.parquet", filters=[("kind", "=", kind)])
    name = rows.column("entity").to_pylist()[0]
    found = read(run, kind, name)
    assert tell(found).startswith(f"{kind.capitalize()} {name}\n")
    assert ET.fromstring(picture(found)).tag.endswith("svg")


def test_an_entity_that_nothing_spoke_against(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["explain", str(run), "--tenant", "nobody", "--plot", str(run / "none.svg")]) == 0
    assert "No alert" in capsys.readouterr().out
    assert ET.fromstring((run / "none.svg").read_text(encoding="utf-8")) is not None


def test_one_thing_at_a_time(run: Path, tmp_path: Path) -> None:
    assert run_command(["explain", str(run), "--tenant", "a", "--block", CODE]) == 2
    assert run_command(["explain", str(run)]) == 2
    assert run_command(["explain", str(run), "--line", "1", "--plot", "x.svg"]) == 2
    with pytest.raises(InputError, match="not the folder"):
        read(tmp_path, "block", CODE)
