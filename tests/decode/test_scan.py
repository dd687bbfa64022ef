"""The fast scanner reads what the general reader reads, or leaves it: never anything else."""

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import metrics
from detector.decode import field, mapping
from detector.decode.kernels import scan
from detector.source.contract import Chunk
from detector.source.memory import chunk
from tests.decode.records import CALL, SETUP_MS, call, decoder, same, slow_decoder, without

texts = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "13912345678", "+86 139 1234 5678", "sip:alice@a", "甲", "é", "a\\b", 'a"b', "\u2028", "😀", "x" * 40]
    ),
    st.text(max_size=12),
)
times = st.one_of(
    st.none(),
    st.integers(SETUP_MS, SETUP_MS + 50_000),
    st.sampled_from([0, -1, 946_684_799_999, 946_684_800_000, 4_102_444_800_000, 10**17, 10**30, 1.5, float(SETUP_MS)]),
)
others = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=2),
)
fields = st.fixed_dictionaries(
    {},
    optional={
        **{
            name: st.one_of(texts, others)
            for name in ("call_id", "trunk_in", "trunk_out", "line_id", "presented", "tenant")
        },
        **dict.fromkeys(("a_number", "b_number"), texts),
        **dict.fromkeys(("setup_ms", "ring_ms", "answer_ms", "release_ms"), times),
        "release_cause": st.one_of(st.none(), st.integers(-1, 700), others),
        "release_party": st.one_of(st.none(), st.sampled_from(["caller", "callee", "network", "callers", ""]), others),
        "resellers": others,
        "extra": others,
        "a_number_": texts,
    },
)


@st.composite
def values(draw: st.DrawFn) -> bytes:
    """A record near a plain one, its fields in any order, with any white space, once or twice."""
    record = {**CALL, **draw(fields)}
    for name in draw(st.lists(st.sampled_from(list(CALL)), max_size=3)):
        record.pop(name, None)
    pairs = draw(st.permutations(list(record.items())))
    pairs += draw(st.lists(st.sampled_from(list(CALL.items())), max_size=1))
    blank = draw(st.sampled_from([b"", b" ", b"\t", b"\n", b"\r\n "]))
    parts = [msgspec.json.encode(name) + blank + b":" + blank + msgspec.json.encode(value) for name, value in pairs]
    return blank + b"{" + blank + (blank + b"," + blank).join(parts) + blank + b"}" + blank


def assert_read_alike(records: list[bytes]) -> int:
    """Both readers give the same calls and rejects; answers how many the scanner read."""
    before = metrics.decode_fallback._value.get()
    fast, fast_rejects = decoder().decode(chunk(records))
    left = metrics.decode_fallback._value.get() - before
    slow, slow_rejects = slow_decoder().decode(chunk(records))
    assert same(fast.calls, slow.calls)
    assert fast_rejects == slow_rejects
    return len(fast) + len(fast_rejects) - int(left)


@settings(max_examples=150, deadline=None)
@given(st.lists(values(), min_size=1, max_size=5))
def test_records_near_a_plain_one_are_read_alike(records: list[bytes]) -> None:
    assert_read_alike(records)


PLAIN = [call(), call(call_id=None, answer_ms=None), without("resellers", "line_id"), call(tenant=None, extra=1.25)]
TOKENS = [
    *(
        b'"',
        b"\\",
        b",",
        b":",
        b"{",
        b"}",
        b"[",
        b"]",
        b"null",
        b"true",
        b"fals",
        b"-",
        b".",
        b"e5",
        b"0",
        b"9",
        b" ",
        b"\n",
    ),
    *(
        b"\x00",
        b"\x1f",
        b"\x7f",
        b"\x80",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b'"a_number":',
        b'"x":1,',
        b"\\u0041",
    ),
]


def mutated(dice: random.Random) -> bytes:
    """A plain record with one or two small harms."""
    record = bytearray(dice.choice(PLAIN))
    for _ in range(dice.randint(1, 2)):
        at = dice.randrange(len(record))
        harm = dice.randrange(5)
        if harm == 0:
            record[at] = dice.randrange(256)
        elif harm == 1:
            del record[at : at + dice.randint(1, 4)]
        elif harm == 2:
            record[at:at] = dice.choice(TOKENS)
        elif harm == 3:
            record[at : at + 1] = dice.choice(TOKENS)
        else:
            start = dice.randrange(len(record))
            record[at:at] = record[start : start + dice.randint(1, 30)]
    return bytes(record)


def test_twenty_thousand_mutated_records_are_read_alike() -> None:
    dice = random.Random(20201031)
    scanned = assert_read_alike([mutated(dice) for _ in range(20_000)])
    assert 2_000 < scanned < 15_000  # both ways were taken


def test_the_limits_are_those_of_the_general_reader() -> None:
    assert (scan.EARLIEST_MS, scan.LATEST_MS) == (field.EARLIEST_MS, field.LATEST_MS)
    assert scan.LONGEST_CALL_MS == mapping.LONGEST_CALL_MS


def test_values_outside_their_buffer_are_no_chunk() -> None:
    for start, length in ((-1, 1), (0, 3), (3, 0)):
        damaged = Chunk(0, b"{}", np.array([start]), np.array([length], np.int32), np.array([1]))
        with pytest.raises(ValueError, match="outside its buffer"):
            decoder().decode(damaged)


def test_plain_records_are_left_to_nobody() -> None:
    assert assert_read_alike(PLAIN * 3) == len(PLAIN) * 3


def test_the_end_of_the_buffer_is_not_passed() -> None:
    record = call()
    for cut in range(len(record) + 1):
        assert_read_alike([record[:cut]])


def test_records_of_any_length_up_to_the_limit() -> None:
    for length in (65_535, 65_536, 65_537):
        padding = length - len(call(extra=""))
        assert assert_read_alike([call(extra="x" * padding)]) == (length <= 65_536)


def test_every_unusual_number_is_read_alike() -> None:
    written: list[Any] = [
        b"0",
        b"00",
        b"01",
        b"-0",
        b"1.",
        b".5",
        b"1e3",
        b"1E+3",
        b"1e999",
        b"9" * 18,
        b"9" * 19,
        b"9" * 400,
    ]
    written += [b"%d" % (SETUP_MS + 5_000), b"%d.0" % (SETUP_MS + 5_000), b"1700000005", b"127", b"128", b"486"]
    for number in written:
        for name in ("release_cause", "ring_ms", "extra"):
            record = call(**{name: "@"}).replace(b'"@"', number)
            assert_read_alike([record])


def test_order_of_fields_changes_nothing() -> None:
    names = list(CALL)
    dice = random.Random(1)
    records = []
    for _ in range(200):
        dice.shuffle(names)
        records.append(msgspec.json.encode({name: CALL[name] for name in names}))
    fast, rejects = decoder().decode(chunk(records))
    assert not rejects
    assert len(np.unique(fast.calls[["line_key", "callee_key", "call_hash", "release_ms"]])) == 1
