from pathlib import Path

import pytest

from detector.config import Config, Hooks
from detector.errors import ConfigError
from detector.hooks.never import EMERGENCY, load
from detector.hooks.run import normaliser
from tests.hooks.sample import alert, never, plain


@pytest.mark.parametrize("name", EMERGENCY)
def test_nothing_is_ever_done_to_an_emergency_number(name: str) -> None:
    assert never().protects(alert(entity_kind="number", entity=name), name)


@pytest.mark.parametrize(
    ("entry", "name", "listed"),
    [
        ("13812345678", "13812345678", True),
        ("+86 138 1234 5678", "13812345678", True),  # written by a person, normalised in the alert
        ("13812345678", "+8613812345678", True),  # the other way round
        ("1381234567", "13812345678", False),  # a whole name is no prefix
        ("4008*", "40081112222", True),
        ("4008*", "4009111222", False),
        ("tenant-7", "tenant-7", True),
        ("hospital-*", "hospital-main", True),
    ],
)
def test_names_and_prefixes(entry: str, name: str, listed: bool) -> None:
    assert never(entry).lists(name) is listed


@pytest.mark.parametrize("field", ["entity", "tenant", "trunk"])
def test_what_the_network_knows_protects(field: str) -> None:
    assert never("clinic").protects(alert(**{field: "clinic"}), "sip:0451")


@pytest.mark.parametrize("field", ["number", "block", "holder", "line"])
def test_what_a_caller_asserts_only_asks_a_person(field: str) -> None:
    about = alert(**{field: "clinic"})
    assert never("clinic").names_listed(about)
    assert not never("clinic").protects(about, "sip:0451")


@pytest.mark.parametrize("entry", ["", "  ", "*", "+86138*", "0086138*"])
def test_an_entry_that_can_never_match_stops_the_start(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.never: "):
        load(Hooks(never=(entry,)), plain)


def test_file_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "never.txt"
    path.write_text("# hospitals\n+86 138 1234 5678  # emergency desk\n\n4008*\n")
    found = load(Hooks(never_file=str(path), never=("north-2",)), plain)
    assert all(map(found.lists, ("13812345678", "40080000000", "north-2")))
    assert not found.lists("# hospitals")


def test_a_bad_line_of_the_file_is_blamed_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "never.txt"
    path.write_text("+86138*\n")
    with pytest.raises(ConfigError, match=r"hooks\.never_file: "):
        load(Hooks(never_file=str(path)), plain)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.never_file: .*missing\.txt"):
        load(Hooks(never_file=str(tmp_path / "missing.txt")), plain)


@pytest.mark.parametrize("entry", ["010 6552 9988", "+86 10 6552 9988", "01065529988"])
def test_the_numbering_plan_of_china_writes_both_sides_alike(entry: str) -> None:
    found = load(Hooks(never=(entry,)), normaliser(Config()))
    assert found.lists("01065529988")
    assert not found.lists("02165529988")
