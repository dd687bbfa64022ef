"""The slow obvious twins of the numbering kernels, in regular expressions and plain integers."""

import re

from detector.numbering.plan import NumberClass as Class

WORD = (1 << 64) - 1
HASHED = 1 << 63

SHORT_CODES = [
    (r"95\d{3,6}", Class.SERVICE_95),
    (r"96\d{3,6}", Class.SERVICE_96),
    (r"11[029]|12[02]", Class.EMERGENCY),
    (r"1[12]\d", Class.PUBLIC_12),
    (r"10\d{3}", Class.CARRIER_10),
    (r"1[12]\d{3}", Class.PUBLIC_12),
    (r"11[68]\d{3}", Class.PUBLIC_12),
]
NATIONAL = [
    (r"1[3-9]\d{9}", Class.MOBILE),
    (r"1064\d{7}|1064\d{9}|14\d{11}", Class.M2M),
    (r"400\d{7}", Class.SERVICE_400),
    (r"800\d{7}", Class.SERVICE_800),
    *SHORT_CODES,
    (r"[2-8]\d{6,7}", Class.LOCAL),
]
AREA = r"10|2\d|(?![3-9]00)[3-9]\d\d"
EXTENSION = r"(?:ext\.?|x|,|#|转|分机)[ .:=]*[0-9]{0,6}"
DRESSED = rf"[ ().-]*(\+?)([0-9 ().-]*[0-9][0-9 ().-]*?)(?:{EXTENSION})?"
WITHHELD = ("anonymous", "restricted", "private", "unavailable", "unknown", "withheld")


def siphash(data: bytes, k0: int, k1: int) -> int:
    """SipHash-2-4 as its paper writes it."""
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(word: int, bits: int) -> int:
        return (word << bits | word >> (64 - bits)) & WORD

    def sip_round() -> None:
        v[0] = (v[0] + v[1]) & WORD
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & WORD
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & WORD
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & WORD
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)

    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        sip_round()
        sip_round()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        sip_round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def text_key(text: str, k0: int, k1: int) -> int:
    return siphash(text.encode(), k0, k1) | HASHED if text else 0


def number(text: str, plan: str, k0: int, k1: int) -> tuple[int, Class]:
    """(key, class) of a number."""
    text = text.strip(" \t\r\n")
    if not text:
        return 0, Class.UNKNOWN
    scheme = re.match(r"(?:sips?|tel):", text, re.ASCII | re.IGNORECASE)
    text = text[scheme.end() :] if scheme else text
    user, at, _ = text.partition("@")
    written, semicolon, _ = user.partition(";")
    read = _digits(written)
    if read:
        digits, dressed = read
        canonical, number_class = _china(digits) if plan == "china" else _plain(digits)
        if not (dressed or semicolon or at) or _certain(len(digits), number_class, plan, bool(at)):
            key = 10 ** len(canonical) + int(canonical) if len(canonical) <= 18 else text_key(digits, k0, k1)
            return key, number_class
    withheld = user.lower() in WITHHELD
    return text_key(text, k0, k1), Class.WITHHELD if withheld else Class.IDENTITY


def _digits(written: str) -> tuple[str, bool] | None:
    """Digits with + written as 00, and whether there was more than digits; None = no number."""
    match = re.fullmatch(DRESSED, written, re.ASCII | re.IGNORECASE)
    if match is None:
        return None
    digits = ("00" if match[1] else "") + re.sub(r"[^0-9]", "", match[2])
    dressed = not re.fullmatch(r"\+?[0-9]+", written, re.ASCII)
    if len(digits) > 32 or (dressed and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", written)):
        return None
    return digits, dressed


def _certain(n: int, number_class: Class, plan: str, hosted: bool) -> bool:
    if plan == "plain":
        return n >= 10
    if number_class in (Class.INVALID, Class.LOCAL):
        return False
    if number_class in (Class.CARRIER_10, Class.PUBLIC_12, Class.EMERGENCY):
        return n >= 7 and not hosted
    return True


def _plain(digits: str) -> tuple[str, Class]:
    return digits, Class.INTERNATIONAL if re.fullmatch(r"00\d+", digits) else Class.UNKNOWN


def _china(digits: str) -> tuple[str, Class]:
    if len(digits) >= 12 and digits[:5] in ("17951", "17911", "10193", "12593"):
        canonical, number_class = _dialled(digits[5:])
        if number_class is not Class.INVALID:
            return canonical, number_class
    return _dialled(digits)


def _dialled(digits: str) -> tuple[str, Class]:
    if re.fullmatch(r"00\d+", digits):
        return _abroad(digits[2:])
    canonical, number_class = _national(digits)
    if number_class is Class.INVALID and re.fullmatch(r"86\d{10,16}", digits):
        home, home_class = _home(digits[2:])
        if home_class is not Class.INVALID and len(home) >= 10:
            return home, home_class
    return canonical, number_class


def _abroad(digits: str) -> tuple[str, Class]:
    if digits.startswith("86") and len(digits) > 2:
        if len(digits) <= 16:
            home, home_class = _home(digits[2:])
            if home_class is not Class.INVALID:
                return home, home_class
        return "00" + digits, Class.INVALID
    return "00" + digits, Class.INTERNATIONAL if re.fullmatch(r"[1-9]\d{6,14}", digits) else Class.INVALID


def _home(digits: str) -> tuple[str, Class]:
    """After the country code: with the area's 0 added, as it stands, or as area and short code."""
    with_zero, zero_class = _national("0" + digits)
    if zero_class in (Class.FIXED, Class.MOBILE):
        return with_zero, zero_class
    canonical, number_class = _national(digits)
    if number_class not in (Class.INVALID, Class.LOCAL):
        return canonical, number_class
    return with_zero, zero_class


def _national(digits: str) -> tuple[str, Class]:
    if re.fullmatch(r"01[3-9]\d{9}", digits):
        return digits[1:], Class.MOBILE
    area = re.fullmatch(rf"0({AREA})(\d+)", digits)
    if area:
        return _in_area(digits, area[2])
    return digits, _class(digits, NATIONAL)


def _in_area(digits: str, own: str) -> tuple[str, Class]:
    number_class = _class(own, SHORT_CODES)
    if number_class is Class.INVALID and re.fullmatch(r"[1-9]\d{6,7}", own):
        return digits, Class.FIXED
    keeps_area = number_class in (Class.INVALID, Class.SERVICE_96)
    return (digits if keeps_area else own), number_class


def _class(digits: str, table: list[tuple[str, Class]]) -> Class:
    return next((number_class for form, number_class in table if re.fullmatch(form, digits)), Class.INVALID)


def mask(key: int, k0: int, k1: int) -> str:
    """The digits before the last four, at most seven, and half a keyed hash."""
    digits = str(key)[1:] if 0 < key < 1 << 63 else ""
    return f"{digits[:-4][:7]}****#{siphash(key.to_bytes(8, 'little'), k0, k1) & 0xFFFFFFFF:08x}"
