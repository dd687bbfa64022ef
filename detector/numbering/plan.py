"""Numbers as a network operator knows them: one key a number, its class, and a mask for other people's eyes."""

import hashlib
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.numbering.kernels import china
from detector.numbering.kernels.mask import MASK, write_masks
from detector.numbering.kernels.number import HASHED, SCRATCH, number_keys, text_keys

SHORTEST_SECRET = 16
_HASHED = int(HASHED)
_FIXED_SECRET = b"no secret was configured"


class NumberClass(IntEnum):
    """What kind of number it is; decides which ordinary life it is compared with."""

    UNKNOWN = china.UNKNOWN  # no number, or a plan without classes
    MOBILE = china.MOBILE
    FIXED = china.FIXED  # with area code
    LOCAL = china.LOCAL  # 7 or 8 digits without area code: the same digits exist in other cities
    SERVICE_95 = china.SERVICE_95  # nationwide service codes, 5 or 6 digits, extended up to 8
    SERVICE_96 = china.SERVICE_96  # the same of one province
    SERVICE_400 = china.SERVICE_400
    SERVICE_800 = china.SERVICE_800
    CARRIER_10 = china.CARRIER_10
    PUBLIC_12 = china.PUBLIC_12  # 11xxx, 12xxx: government and public services
    EMERGENCY = china.EMERGENCY
    M2M = china.M2M
    INTERNATIONAL = china.INTERNATIONAL
    INVALID = china.INVALID  # digits that the plan does not know
    IDENTITY = china.IDENTITY  # not digits: an account, a name, an address
    WITHHELD = china.WITHHELD  # anonymous, restricted: many callers behind one text


class NumberPlan:
    """Reads numbers by the rules of a plan.

    `china` writes every number as a Chinese operator dials it: +86 139..., 0086139..., 86139..., 0139...,
    17951 139... and sip:+86139...@host are 139...; 021 95588 is 95588; abroad is 00 + country + number.
    96 codes keep their area code (each province gives them to another holder). `plain` takes digits as they
    stand; only + and 00 are one. Blanks, - . ( ), `sip:`, `tel:`, parameters and extensions are dropped
    where a full number is left; otherwise the text is an identity of its own, so that accounts and slots
    of different places never fall together. Nothing is dropped for being invalid.

    secret  keys the hashes; keys of digits do not depend on it
    """

    def __init__(self, plan: Literal["china", "plain"], secret: bytes) -> None:
        self.is_china = plan == "china"
        words = np.frombuffer(hashlib.blake2b(secret, digest_size=16).digest(), dtype="<u8")
        self.k0, self.k1 = np.uint64(words[0]), np.uint64(words[1])
        masking = np.frombuffer(hashlib.blake2b(secret, digest_size=16, person=b"mask").digest(), dtype="<u8")
        self._mask0, self._mask1 = np.uint64(masking[0]), np.uint64(masking[1])

    def key(self, text: str) -> int:
        """64-bit key of a number, at most 18 digits reversible, else a keyed hash; 0 for blank text."""
        return int(self._read([text])[0][0])

    def classify(self, text: str) -> NumberClass:
        """What kind of number it is."""
        return NumberClass(int(self._read([text])[1][0]))

    def keys(self, texts: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Keys uint64[n] and classes uint8[n] of many numbers."""
        return self._read(texts)

    def text_keys(self, texts: list[str]) -> NDArray[np.uint64]:
        """Keys uint64[n] of texts that are no numbers: trunks, tenants; 0 for the empty text."""
        data, starts, lengths = _joined(texts)
        keys = np.empty(len(texts), dtype=np.uint64)
        text_keys(data, starts, lengths, self.k0, self.k1, keys)
        return keys

    def text(self, key: int) -> str | None:
        """The canonical digits of a key; None for a hash or 0."""
        if not 0 < key < _HASHED:
            return None
        return str(key)[1:]  # the key is 10**n + digits: a 1, then the n digits

    def mask(self, number: str | int) -> str:
        """A number (text or key) for topics, hooks and logs: `1381234****#a1b2c3d4`.

        The digits before the last four, at most seven, so that enumeration is seen; then a keyed hash, so
        that equal numbers are seen. Identities show the hash alone.
        """
        key = self.key(number) if isinstance(number, str) else number
        return self.masks(np.array([key], np.uint64))[0]

    def masks(self, keys: NDArray[np.uint64]) -> list[str]:
        """The masks of many keys, uint64[n] (32 at once: 7 us, one by one 80)."""
        text = np.empty(len(keys) * MASK, np.uint8)
        length = write_masks(np.ascontiguousarray(keys), self._mask0, self._mask1, text)
        return text[:length].tobytes().decode("ascii").splitlines()

    def _read(self, texts: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        data, starts, lengths = _joined(texts)
        keys = np.empty(len(texts), dtype=np.uint64)
        classes = np.empty(len(texts), dtype=np.uint8)
        number_keys(data, starts, lengths, self.is_china, self.k0, self.k1, np.empty(SCRATCH, np.uint8), keys, classes)
        return keys, classes


def _joined(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The texts in one buffer, and where each begins and how long it is."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded) or b"\0", dtype=np.uint8), np.cumsum(lengths) - lengths, lengths


def read_secret(path: str) -> bytes:
    """The deployment's secret out of `privacy.secret_file`; a fixed one where none is configured.

    Raises ConfigError when the file cannot be read or is shorter than 16 bytes.
    """
    if not path:
        return _FIXED_SECRET
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"privacy.secret_file {path}: {error.strerror}; name a file that can be read") from None
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(f"privacy.secret_file {path}: {len(secret)} bytes; write at least {SHORTEST_SECRET} into it")
    return secret
