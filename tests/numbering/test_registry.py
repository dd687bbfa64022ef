"""The registry finds the narrowest valid block, and says which row is wrong."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import ConfigError
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Block, Registry

PLAN = NumberPlan("china", b"sixteen bytes at least")


def block(name: str, first: str, last: str, **more: Any) -> Block:
    return Block(block=name, first=first, last=last, holder=f"{name} Ltd", declared_purpose="pbx", **more)


def found(registry: Registry, number: str, at_ms: int = 0) -> str | None:
    block = registry.block_of(number, at_ms)
    return block.block if block else None


NESTED = Registry(
    PLAN,
    [
        block("code", "95275000", "95275099"),
        block("ten", "95275010", "95275019"),
        block("one", "95275012", "95275012", valid_from_ms=100, valid_to_ms=200),
        block("mobiles", "+8613912340000", "+8613912349999"),
        block("account", "alice@a", "alice@a"),
    ],
)


@pytest.mark.parametrize(
    ("number", "at_ms", "name"),
    [
        ("95275012", 99, "ten"),
        ("95275012", 100, "one"),
        ("95275012", 199, "one"),
        ("95275012", 200, "ten"),
        ("021-95275019", 0, "ten"),
        ("95275020", 0, "code"),
        ("95275099", 0, "code"),
        ("95275100", 0, None),
        ("95274999", 0, None),
        ("952750", 0, None),  # six digits are another number than eight
        ("13912345678", 0, "mobiles"),
        ("alice@a", 0, "account"),
        ("alice@b", 0, None),
        ("", 0, None),
    ],
)
def test_the_narrowest_valid_block_wins(number: str, at_ms: int, name: str | None) -> None:
    assert found(NESTED, number, at_ms) == name


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9)), max_size=12),
    st.integers(0, 60),
    st.integers(0, 9),
)
def test_it_finds_what_looking_at_every_block_finds(
    ranges: list[tuple[int, int, int]], number: int, at_ms: int
) -> None:
    blocks = [
        block(str(i), f"13900000{min(a, b):03d}", f"13900000{max(a, b):03d}", valid_from_ms=from_ms)
        for i, (a, b, from_ms) in enumerate(ranges)
    ]
    covering = [
        (abs(a - b), i)
        for i, (a, b, from_ms) in enumerate(ranges)
        if min(a, b) <= number <= max(a, b) and from_ms <= at_ms
    ]
    expected = str(min(covering)[1]) if covering else None
    assert found(Registry(PLAN, blocks), f"13900000{number:03d}", at_ms) == expected


def test_json_and_csv_say_the_same(tmp_path: Path) -> None:
    blocks = [
        block("952750", "95275000", "95275099", outbound_allowed=False, contracted_channels=30, trunks=("A", "B")),
        block("one", "13912345678", "13912345678", resellers=("R",), valid_from_ms=5, valid_to_ms=9),
    ]
    (tmp_path / "r.json").write_bytes(msgspec.json.encode({"blocks": blocks, "made_by": "somebody"}))
    (tmp_path / "r.csv").write_text(
        "block,first,last,holder,declared_purpose,outbound_allowed,contracted_channels,resellers,trunks,valid_from_ms,valid_to_ms\n"
        "952750,95275000,95275099,952750 Ltd,pbx,false,30,,A|B,,\n"
        "one,13912345678,13912345678,one Ltd,pbx,,,R,,5,9\n"
    )
    for name in ("r.json", "r.csv"):
        assert Registry.load(str(tmp_path / name), PLAN).blocks == tuple(blocks)


def test_without_a_registry_nobody_is_known() -> None:
    assert found(Registry.load("", PLAN), "95275012") is None


GOOD = {"block": "b", "first": "95275000", "last": "95275099", "holder": "h", "declared_purpose": "pbx"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", r"\$\.blocks"),
        ('{"blocks": {}}', r"\$\.blocks"),
        ({"holder": None}, r"blocks\[1\].*\$\.holder"),
        ({"declared_purpose": "fun"}, r"blocks\[1\].*\$\.declared_purpose"),
        ({"contracted_channels": "many"}, r"blocks\[1\].*\$\.contracted_channels"),
        ({"last": "95274999"}, r"blocks\[1\] \$\.last"),
        ({"last": "952750999"}, r"blocks\[1\] \$\.last"),
        ({"first": ""}, r"blocks\[1\] \$\.last"),
        ({"first": "alice@a"}, r"blocks\[1\] \$\.last"),
    ],
)
def test_a_wrong_registry_is_refused_by_file_row_and_field(
    content: str | dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "registry.json"
    path.write_bytes(
        content.encode() if isinstance(content, str) else msgspec.json.encode({"blocks": [GOOD, GOOD | content]})
    )
    with pytest.raises(ConfigError, match=rf"registry\.json.*{message}"):
        Registry.load(str(path), PLAN)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,95275000,95275099,,pbx,\n", r"line 2.*holder"),
        ("b,95275000,95275099,h,fun,\n", r"line 2.*declared_purpose"),
        ("b,95275000,95275099,h,pbx,many\n", r"line 2.*contracted_channels"),
        ('b,"95275000,\n', "line"),
    ],
)
def test_a_wrong_csv_registry_is_refused_by_line(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "registry.csv"
    path.write_text(f"block,first,last,holder,declared_purpose,contracted_channels\n{row}")
    with pytest.raises(ConfigError, match=message):
        Registry.load(str(path), PLAN)


def test_an_absent_registry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"numbering\.registry"):
        Registry.load(str(tmp_path / "absent.json"), PLAN)


def spans(registry: Registry) -> list[str | None]:
    return [found(registry, f"952750{n:02d}") for n in range(20)]


_NAMES = st.sampled_from(["a", "b", "c"])
_ROWS = st.lists(st.tuples(_NAMES, st.integers(0, 19), st.integers(0, 19)), max_size=6)


@given(_ROWS, st.lists(st.tuples(_ROWS, st.lists(_NAMES, max_size=2)), max_size=3))
@settings(max_examples=50, deadline=None)
def test_updates_leave_the_blocks_that_the_last_word_named(
    rows: list[tuple[str, int, int]], updates: list[tuple[list[tuple[str, int, int]], list[str]]]
) -> None:
    def blocks(rows: list[tuple[str, int, int]]) -> list[Block]:
        return [block(n, f"952750{min(a, b):02d}", f"952750{max(a, b):02d}") for n, a, b in rows]

    registry, standing = Registry(PLAN, blocks(rows)), blocks(rows)
    for put, withdraw in updates:
        places = {id(b): i for i, b in enumerate(registry.blocks)}
        registry.update(blocks(put), withdraw)
        named = {*withdraw, *(name for name, _, _ in put)}
        assert all(registry.blocks[i] is b for b in registry.blocks if (i := places.get(id(b))) is not None)
        standing = [b for b in standing if b.block not in named] + blocks(put)
        covered = [{b.block for b in standing if b.first <= f"952750{n:02d}" <= b.last} for n in range(20)]
        assert [name is None for name in spans(registry)] == [not names for names in covered]
        assert all(name in names for name, names in zip(spans(registry), covered, strict=True) if name)
        for n, name in enumerate(spans(registry)):
            if name:
                over = [int(b.last) - int(b.first) for b in standing if b.first <= f"952750{n:02d}" <= b.last]
                mine = [
                    int(b.last) - int(b.first)
                    for b in standing
                    if b.block == name and b.first <= f"952750{n:02d}" <= b.last
                ]
                assert min(mine) == min(over)


def test_a_bad_update_changes_nothing() -> None:
    registry = Registry(PLAN, [block("a", "95275000", "95275009")])
    with pytest.raises(ConfigError):
        registry.update([block("b", "95275000", "9527")], ["a"])
    assert found(registry, "95275001") == "a"


def test_a_registry_of_which_everything_was_withdrawn_knows_nobody() -> None:
    registry = Registry(PLAN, [block("a", "95275000", "95275009")])
    registry.update([], ["a", "never there"])
    assert found(registry, "95275001") is None
    keys, classes = PLAN.keys(["95275001"])
    assert registry.declared_classes(keys, classes).tolist() == classes.tolist()
