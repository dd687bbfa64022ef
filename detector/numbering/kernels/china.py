"""The Chinese number plan in arithmetic: digits as dialled -> canonical digits and class.

Digits are (n, v): how many there are, and their value; a leading zero shows only in n. Canonical is what a
Chinese operator dials: 11-digit mobiles, 0 + area + number, short codes bare, 00 + country for abroad.
"""

import numpy as np

from detector.cdr.kernels.words import Bytes
from detector.features.kernels.jit import njit, signed

(
    UNKNOWN,
    MOBILE,
    FIXED,
    LOCAL,
    SERVICE_95,
    SERVICE_96,
    SERVICE_400,
    SERVICE_800,
    CARRIER_10,
    PUBLIC_12,
    EMERGENCY,
    M2M,
    INTERNATIONAL,
    INVALID,
    IDENTITY,
    WITHHELD,
) = range(16)

POWER = 10 ** np.arange(19, dtype=np.int64)
MAX_KEY_DIGITS = 18
ZERO = 48

Number = tuple[int, np.int64, int]
"""(n, v, class); n = 0: longer than MAX_KEY_DIGITS."""


@njit
def value(digits: Bytes, start: int, end: int) -> np.int64:
    """Value of the ASCII digits[start:end], at most 18 of them."""
    v = np.int64(0)
    for i in range(start, end):
        v = v * 10 + np.int64(digits[i]) - ZERO
    return v


@njit
def _short_code(n: int, v: np.int64) -> int:
    """Class of a service number without area code; INVALID if it is none."""
    if 5 <= n <= 8:  # assigned with 5 or 6 digits, extended by their holders up to 8
        lead = v // POWER[n - 2]
        if lead == 95:
            return SERVICE_95
        if lead == 96:
            return SERVICE_96
    if n == 3:
        if v in (110, 112, 119, 120, 122):
            return EMERGENCY
        if 110 <= v <= 129:
            return PUBLIC_12
    if n == 5:
        lead = v // 1000
        if lead == 10:
            return CARRIER_10
        if lead == 11 or lead == 12:
            return PUBLIC_12
    if n == 6 and (v // 1000 == 116 or v // 1000 == 118):
        return PUBLIC_12
    return INVALID


@njit
def _with_area(n: int, v: np.int64) -> Number:
    """0 + area code + number, or 0 + mobile."""
    rest = n - 1
    if n == 12 and 13 <= v // POWER[9] <= 19:
        return 11, v, MOBILE
    if rest < 5 or v < POWER[rest - 1]:
        return n, v, INVALID
    area_digits = 2 if v // POWER[rest - 2] == 10 or v // POWER[rest - 1] == 2 else 3
    area = v // POWER[rest - area_digits]
    own = rest - area_digits
    w = v % POWER[own]
    if area_digits == 3 and (area < 300 or area % 100 == 0):
        return n, v, INVALID
    service = _short_code(own, w)
    if service == INVALID and 7 <= own <= 8 and w >= POWER[own - 1]:
        service = FIXED
    if service in (INVALID, FIXED, SERVICE_96):  # each province gives 96 codes anew
        return n, v, service
    return own, w, service


@njit
def national(n: int, v: np.int64) -> Number:
    """Digits as dialled inside the country, v >= 0, without any prefix before them."""
    lead_zero = v < POWER[n - 1]
    if lead_zero:
        return _with_area(n, v)
    if n == 11 and 13 <= v // POWER[9] <= 19:
        return n, v, MOBILE
    if (n == 11 or n == 13) and v // POWER[n - 4] == 1064:
        return n, v, M2M
    if n == 13 and v // POWER[11] == 14:
        return n, v, M2M
    if n == 10 and v // POWER[7] == 400:
        return n, v, SERVICE_400
    if n == 10 and v // POWER[7] == 800:
        return n, v, SERVICE_800
    service = _short_code(n, v)
    if service == INVALID and 7 <= n <= 8 and 2 <= v // POWER[n - 1] <= 8:
        service = LOCAL
    return n, v, service


@njit
def _after_86(n: int, v: np.int64) -> Number:
    """Digits after the country code: without the 0 of the area code, though some switches keep it."""
    if n < 18:
        m, w, number_class = _with_area(n + 1, v)
        if number_class in (FIXED, MOBILE):
            return m, w, number_class
    m, w, number_class = national(n, v)
    if number_class != INVALID and number_class != LOCAL:
        return m, w, number_class
    if n < 18:
        return _with_area(n + 1, v)
    return n, v, INVALID


@njit
def _after_00(digits: Bytes, start: int, end: int) -> Number:
    """Digits after the international prefix."""
    n = end - start
    if n > MAX_KEY_DIGITS - 2:
        return 0, np.int64(0), INVALID
    v = value(digits, start, end)
    if n > 2 and v // POWER[n - 2] == 86:
        m, w, number_class = _after_86(n - 2, v % POWER[n - 2])
        if number_class != INVALID:
            return m, w, number_class
    elif 7 <= n <= 15 and v >= POWER[n - 1]:
        return n + 2, v, INTERNATIONAL
    return n + 2, v, INVALID


@njit
def _dialled(digits: Bytes, start: int, end: int) -> Number:
    """Digits as dialled, without the prefix that picks a carrier."""
    n = end - start
    if n > 2 and digits[start] == ZERO and digits[start + 1] == ZERO:
        return _after_00(digits, start + 2, end)
    if n > MAX_KEY_DIGITS:
        return 0, np.int64(0), INVALID
    v = value(digits, start, end)
    m, w, number_class = national(n, v)
    if number_class == INVALID and n >= 12 and v // POWER[n - 2] == 86:  # +86 that lost its +
        k, x, own_class = _after_86(n - 2, v % POWER[n - 2])
        if k >= 10 and own_class != INVALID:
            return k, x, own_class
    return m, w, number_class


@njit
def china(digits: Bytes, n: int) -> Number:
    """Canonical form and class of the ASCII digits[:n], + already written as 00."""
    start, after_carrier = signed(0), signed(5)  # Numba compiles a bare 0 or 5 as a type of its own
    if n >= 12:
        carrier = value(digits, start, after_carrier)
        if carrier in (17951, 17911, 10193, 12593):  # cheap long distance
            m, w, number_class = _dialled(digits, after_carrier, n)
            if number_class != INVALID:
                return m, w, number_class
    return _dialled(digits, start, n)
