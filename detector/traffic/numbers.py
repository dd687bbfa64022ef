"""The numbers of the generated world: who has which, in which city, and strangers drawn by hash without a table.

A number is an int64: its digits, negative when a trunk prefix "0" stands before them.
"""

from math import gcd

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]

ZONES = 20
_AREA_CODES = np.array(
    [10, 20, 21, 22, 23, 24, 25, 27, 28, 29, 755, 571, 512, 574, 532, 769, 371, 731, 451, 591], dtype=np.int64
)
_OWN_MOBILE = np.array([139, 138, 137, 136, 135, 150, 151, 152, 157, 158, 159, 182, 183, 187, 188], dtype=np.int64)
_OTHER_MOBILE = np.array([130, 131, 132, 155, 156, 185, 186, 133, 153, 180, 181, 189], dtype=np.int64)
_EXCHANGES = (
    10_000 // ZONES
)  # of one mobile code in one city; the four digits after the code are exchange * ZONES + city


def mix(*parts: NDArray[np.integer] | int) -> Hashes:
    """One well-stirred 64-bit hash per row of its integer columns (splitmix64 finaliser)."""
    state = np.full(np.broadcast(*parts).shape or (1,), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for part in parts:
        state = state ^ np.asarray(part).astype(np.uint64)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) + np.uint64(0x9E3779B97F4A7C15)
    return state


def unit(hashes: Hashes, salt: int = 0) -> NDArray[np.float64]:
    """The hashes as numbers in [0, 1); another salt gives independent ones."""
    bits = mix(hashes, salt) if salt else hashes
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def pick(hashes: Hashes, below: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """The hashes as whole numbers in [0, below)."""
    return (unit(hashes) * below).astype(np.int64)


def text_of(numbers: Numbers) -> pa.StringArray:
    """The digits, with the trunk prefix 0 where the number has one."""
    zero = pa.array(np.array(["", "0"], dtype=object)).take(pa.array(numbers < 0).cast(pa.int8()))
    return pc.binary_join_element_wise(zero, pc.cast(pa.array(np.abs(numbers)), pa.string()), "")


def fixed_number(zone: NDArray[np.int64], k: NDArray[np.int64]) -> Numbers:
    """The k-th fixed line of this city: 0, area code, eight digits from 20000000 on."""
    return -(_AREA_CODES[zone] * 100_000_000 + 20_000_000 + k * 32_452_843 % 70_000_000)


def outside_number(zone: NDArray[np.int64], hashes: Hashes) -> Numbers:
    """A number of another operator in this city: nine in ten mobile, the rest fixed."""
    code = _OTHER_MOBILE[pick(mix(hashes, 12), len(_OTHER_MOBILE))]
    exchange = pick(mix(hashes, 13), _EXCHANGES) * ZONES + zone
    mobile = (code * 10_000 + exchange) * 10_000 + pick(mix(hashes, 14), 10_000)
    return np.where(unit(hashes, 15) < 0.9, mobile, fixed_number(zone, pick(mix(hashes, 16), 70_000_000)))


class People:
    """The mobile numbers of the operator's own people: index -> number and back, strangers by hash.

    Person i lives at slot (a*i + b) mod n; slots fill exchanges of `_block` numbers, exchanges alternate over
    the cities. So numbers say nothing about the index, and no table is needed for millions of people.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        step = int(n * 0.6180339887) | 1
        while gcd(step, n) != 1:
            step += 2
        self._step, self._back, self._shift = step, pow(step, -1, n) if n > 1 else 0, seed % n
        self._block = int(np.clip(n // (2 * ZONES), 1, 4000))
        self._blocks = -(-n // self._block)

    def _slot(self, i: NDArray[np.int64]) -> NDArray[np.int64]:
        slot: NDArray[np.int64] = (i * self._step + self._shift) % self.n
        return slot

    def zone(self, i: NDArray[np.int64]) -> NDArray[np.int64]:
        """The city of person i."""
        zone: NDArray[np.int64] = self._slot(i) // self._block % ZONES
        return zone

    def number(self, i: NDArray[np.int64]) -> Numbers:
        """The mobile number of person i."""
        block, rest = np.divmod(self._slot(i), self._block)
        exchange = block // ZONES
        code = _OWN_MOBILE[exchange // _EXCHANGES]
        middle = exchange % _EXCHANGES * ZONES + block % ZONES
        number: Numbers = (code * 10_000 + middle) * 10_000 + (rest * 7_919 + middle * 31) % 10_000
        return number

    def stranger(
        self, hashes: Hashes, zone: NDArray[np.int64], local: NDArray[np.float64], inside: float
    ) -> tuple[Numbers, NDArray[np.int64]]:
        """Somebody, the same for the same hash: number, and index (-1 = a customer of another operator).

        hashes  uint64[n]   who
        zone    int64[n]    city of the one who looks
        local   float64[n]  share of people looked for in that city
        inside  float       share of people who are this operator's own
        """
        city = np.where(unit(hashes, 1) < local, zone, pick(mix(hashes, 2), ZONES))
        in_city = (self._blocks - city + ZONES - 1) // ZONES
        block = city + ZONES * pick(mix(hashes, 3), in_city)
        slot = block * self._block + pick(mix(hashes, 4), self._block)
        index = (slot - self._shift) * self._back % self.n
        index = np.where((unit(hashes, 5) < inside) & (slot < self.n) & (in_city > 0), index, -1)
        return np.where(index >= 0, self.number(index), outside_number(city, hashes)), index


def spare_mobile(k: NDArray[np.int64], zone: NDArray[np.int64]) -> Numbers:
    """The k-th mobile number that is kept for trades and campaigns, in this city; no two are neighbours."""
    exchange, rest = np.divmod(k, 10_000)
    middle = exchange % _EXCHANGES * ZONES + zone
    number: Numbers = ((147 + exchange // _EXCHANGES) * 10_000 + middle) * 10_000 + rest * 37 % 10_000
    return number
