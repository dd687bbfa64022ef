"""One key a number, however it is written; and never one key for two numbers."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.errors import ConfigError
from detector.numbering.kernels.siphash import siphash_words
from detector.numbering.plan import NumberClass as Class
from detector.numbering.plan import NumberPlan, read_secret
from tests.numbering import reference

SECRET = b"sixteen bytes at least"
CHINA, PLAIN = NumberPlan("china", SECRET), NumberPlan("plain", SECRET)

WRITINGS = [
    ("13912345678", "13912345678", Class.MOBILE),
    ("+8613912345678", "13912345678", Class.MOBILE),
    ("8613912345678", "13912345678", Class.MOBILE),
    ("008613912345678", "13912345678", Class.MOBILE),
    ("013912345678", "13912345678", Class.MOBILE),
    ("+86013912345678", "13912345678", Class.MOBILE),
    ("1795113912345678", "13912345678", Class.MOBILE),
    ("17911013912345678", "13912345678", Class.MOBILE),
    ("1019313912345678", "13912345678", Class.MOBILE),
    ("12593008613912345678", "13912345678", Class.MOBILE),
    (" 139-1234 5678 ", "13912345678", Class.MOBILE),
    ("(+86) 139.1234.5678", "13912345678", Class.MOBILE),
    ("sip:+8613912345678@10.0.0.1:5060;user=phone", "13912345678", Class.MOBILE),
    ("SIPS:13912345678;npdi@gw", "13912345678", Class.MOBILE),
    ("tel:+86-139-1234-5678;ext=12", "13912345678", Class.MOBILE),
    ("13912345678 ext. 12", "13912345678", Class.MOBILE),
    ("13912345678x12", "13912345678", Class.MOBILE),
    ("02188889999#801", "02188889999", Class.FIXED),
    ("+862188889999", "02188889999", Class.FIXED),
    ("862188889999", "02188889999", Class.FIXED),
    ("+8602188889999", "02188889999", Class.FIXED),
    ("07551234567", "07551234567", Class.FIXED),
    ("+8675512345678", "075512345678", Class.FIXED),
    ("+861064123456", "01064123456", Class.FIXED),
    ("88889999", "88889999", Class.LOCAL),
    ("95588", "95588", Class.SERVICE_95),
    ("02195588", "95588", Class.SERVICE_95),
    ("021-95588", "95588", Class.SERVICE_95),
    ("+8695588", "95588", Class.SERVICE_95),
    ("+862195588", "95588", Class.SERVICE_95),
    ("95275012", "95275012", Class.SERVICE_95),
    ("01012321", "12321", Class.PUBLIC_12),
    ("+861012345", "12345", Class.PUBLIC_12),
    ("96110", "96110", Class.SERVICE_96),
    ("075596110", "075596110", Class.SERVICE_96),
    ("010110", "110", Class.EMERGENCY),
    ("120", "120", Class.EMERGENCY),
    ("+8610086", "10086", Class.CARRIER_10),
    ("tel:10086", "10086", Class.CARRIER_10),
    ("4008001234", "4008001234", Class.SERVICE_400),
    ("+864008001234", "4008001234", Class.SERVICE_400),
    ("8008101234", "8008101234", Class.SERVICE_800),
    ("1064123456789", "1064123456789", Class.M2M),
    ("+85291234567", "0085291234567", Class.INTERNATIONAL),
    ("0085291234567", "0085291234567", Class.INTERNATIONAL),
    ("1234", "1234", Class.INVALID),
    ("0000", "0000", Class.INVALID),
    ("+86999", "0086999", Class.INVALID),
    ("123456789012345678", "123456789012345678", Class.INVALID),
]


@pytest.mark.parametrize(("written", "canonical", "number_class"), WRITINGS)
def test_china_writes_a_number_as_a_chinese_operator_dials_it(
    written: str, canonical: str, number_class: Class
) -> None:
    assert CHINA.text(CHINA.key(written)) == canonical
    assert CHINA.classify(written) is number_class


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0755", "755"),
        ("1-12", "11-2"),  # slots of different shelves
        ("2-11-1-30", "21-1-1-30"),
        ("10.0.0.11", "10.0.01.1"),
        ("1001@pbx.a", "1001@pbx.b"),  # extensions of different offices
        ("10001@vos.a", "10001@vos.b"),
        ("075596110", "02096110"),  # a 96 code belongs to another holder in every province
        ("01088889999", "02188889999"),
        ("88889999", "01088889999"),
        ("13912345678", "0013912345678"),
        ("alice@a", "Alice@a"),
        ("12345678901234567890", "012345678901234567890"),
    ],
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert CHINA.key(one) != CHINA.key(other)


@pytest.mark.parametrize("written", ["anonymous", "Restricted", "sip:anonymous@anonymous.invalid"])
def test_a_withheld_number_says_so(written: str) -> None:
    assert CHINA.classify(written) is Class.WITHHELD


@pytest.mark.parametrize("plan", [CHINA, PLAIN])
@pytest.mark.parametrize("blank", ["", " ", "\t\r\n"])
def test_blank_is_no_number(plan: NumberPlan, blank: str) -> None:
    assert plan.key(blank) == 0
    assert plan.text(0) is None


def test_plain_takes_digits_as_they_stand() -> None:
    assert [PLAIN.text(PLAIN.key(text)) for text in ("300", "0300", "+86139", "0086139", "017951")] == [
        "300",
        "0300",
        "0086139",
        "0086139",
        "017951",
    ]
    assert PLAIN.classify("300") is Class.UNKNOWN
    assert PLAIN.classify("+86139") is Class.INTERNATIONAL


PIECES = [
    *("+", "00", "0", "86", "17951", "12593", "10", "21", "755", "400", "800", "95", "96", "1064", "14", "110", "116"),
    *("139", "12345", "88889999", "1234567", "x", "ext.", ",", "#", "转", "分机", " ", "-", ".", "(", ")", ";", "@gw"),
    *("sip:", "TEL:", "anonymous", "unknown", "\t", "é", "\x00"),
]
written_numbers = st.one_of(
    st.text("0123456789", max_size=24),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text("0123456789", max_size=9)), max_size=7).map("".join),
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "+", "+86", "0086", "86", "0", "17951"]),
        st.from_regex(r"[1-9]\d{2,12}", fullmatch=True),
    ),
    st.text(max_size=40),
)


@settings(max_examples=1000, deadline=None)
@given(written_numbers, st.sampled_from(["china", "plain"]))
@example("17951" + "0" * 27, "china")
@example("0" * 33, "plain")
@example("86" + "2" * 16, "china")
@example("+" + "86" + "1" * 30, "china")
def test_the_kernel_reads_as_its_twin(written: str, plan: str) -> None:
    kernel = CHINA if plan == "china" else PLAIN
    expected = reference.number(written, plan, int(kernel.k0), int(kernel.k1))
    assert (kernel.key(written), kernel.classify(written)) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(written_numbers, min_size=1, max_size=8))
def test_neighbours_in_the_buffer_do_not_matter(written: list[str]) -> None:
    keys, classes = CHINA.keys(written)
    assert keys.tolist() == [CHINA.key(text) for text in written]
    assert classes.tolist() == [CHINA.classify(text) for text in written]


@settings(max_examples=300, deadline=None)
@given(written_numbers)
def test_the_canonical_text_has_the_same_key(written: str) -> None:
    for plan in (CHINA, PLAIN):
        key = plan.key(written)
        canonical = plan.text(key)
        assert canonical is None or plan.key(canonical) == key
        assert (canonical is None) == (key == 0 or key >= 1 << 63)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789", min_size=1, max_size=18), st.text("0123456789", min_size=1, max_size=18))
def test_plain_keys_of_different_digits_differ(one: str, other: str) -> None:
    assert (PLAIN.key(one) == PLAIN.key(other)) == (one == other)


def test_keys_of_digits_do_not_depend_on_the_secret_but_others_do() -> None:
    other = NumberPlan("china", b"another sixteen bytes")
    assert other.key("13912345678") == CHINA.key("13912345678")
    assert other.key("alice@a") != CHINA.key("alice@a")


def test_siphash_gives_the_vectors_of_its_paper() -> None:
    key = bytes(range(16))
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    assert reference.siphash(bytes(range(15)), k0, k1) == 0xA129CA6149BE45E5
    assert reference.siphash(b"", k0, k1) == 0x726FDB47DD0E0E31
    a, b, c, d = (np.uint64(int.from_bytes(bytes(range(i, i + 8)), "little")) for i in (0, 8, 16, 24))
    assert int(siphash_words(a, b, c, d, np.uint64(k0), np.uint64(k1))) == reference.siphash(bytes(range(32)), k0, k1)


@settings(max_examples=300, deadline=None)
@given(st.text("abc@é", min_size=1, max_size=40).filter(lambda text: not text.isspace()))
def test_identities_are_hashed_as_the_twin_does(text: str) -> None:
    assert CHINA.key(text) == reference.text_key(text, int(CHINA.k0), int(CHINA.k1))


def test_a_mask_shows_enumeration_but_no_number() -> None:
    masks = [CHINA.mask(f"1391234{i:04d}") for i in range(20)]
    assert {mask[:12] for mask in masks} == {"1391234****#"}
    assert len(set(masks)) == 20
    assert CHINA.mask("+86 139 1234 0000") == masks[0] == CHINA.mask(CHINA.key("13912340000"))
    assert NumberPlan("china", b"another sixteen bytes").mask("13912340000") != masks[0]
    assert CHINA.mask("alice@a").startswith("****#")
    assert CHINA.mask("110").startswith("****#")


keys = st.integers(0, 18).flatmap(lambda n: st.integers(10**n, 2 * 10**n - 1)) | st.integers(0, 2**64 - 1)


@given(st.lists(keys, max_size=5))
def test_masks_are_those_of_the_twin(keys: list[int]) -> None:
    secret = b"sixteen bytes or more"
    masking = hashlib.blake2b(secret, digest_size=16, person=b"mask").digest()
    k0, k1 = int.from_bytes(masking[:8], "little"), int.from_bytes(masking[8:], "little")
    masks = NumberPlan("china", secret).masks(np.array(keys, np.uint64))
    assert masks == [reference.mask(key, k0, k1) for key in keys]
    assert masks[::-1] == NumberPlan("china", secret).masks(np.array(keys, np.uint64)[::-1])


def test_a_secret_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    short, good = tmp_path / "short", tmp_path / "good"
    short.write_bytes(b"fifteen bytes..")
    good.write_bytes(hashlib.sha256(b"").digest())
    assert read_secret(str(good)) == good.read_bytes().strip()
    assert len(read_secret("")) >= 16
    for path in (short, tmp_path / "absent"):
        with pytest.raises(ConfigError, match=r"privacy\.secret_file"):
            read_secret(str(path))
