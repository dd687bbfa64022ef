"""What of `detector.feedback` can change scores, read and bounded; what cannot be read says why."""

import hashlib
from typing import Annotated

import msgspec

from detector.landed.feedback import Order, Verdict
from detector.numbering.registry import Block

LARGEST_REQUEST = 1 << 20
"""Bytes of one record; Kafka's own default for a topic."""

MOST_BLOCKS = 2_000
Author = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
FeedbackId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class RegistryUpdate(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="registry"):
    """Whole blocks of the registry, by name: those in `blocks` take the place of what had their name, or are new.

    withdraw  names of blocks that are nobody's from now. at_ms: when it was asked for, UTC epoch ms
    """

    feedback_id: FeedbackId
    at_ms: int
    author: Author
    blocks: Annotated[tuple[Block, ...], msgspec.Meta(max_length=MOST_BLOCKS)] = ()
    withdraw: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MOST_BLOCKS)] = ()


class Complaint(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="complaint"):
    """Somebody complains about a call. Times are UTC epoch ms.

    feedback_id  the same complaint sent again has the same; none: a hash of what it says
    at_ms        when it was made; about_ms: when the call was, as far as the complainant knows
    callee       who complains, verified by whoever takes complaints
    number       as heard; "" = withheld, or not told
    """

    feedback_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    at_ms: int
    callee: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    about_ms: int
    number: Annotated[str, msgspec.Meta(max_length=64)] = ""
    text: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


Request = RegistryUpdate | Verdict | Complaint

LARGEST_COMPLAINT = 8_192
"""Bytes of one complaint."""

MOST_EARLY_MS = 3_600_000
"""A call that is to come so long after the complaint about it is a mistake."""

_LEAST_MS = 946_684_800_000
"""The year 2000: an earlier time is in other units."""


class BadRequest(ValueError):
    """A record of `detector.feedback` that cannot be obeyed; `reason` is one of `decode.rejects`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _Tagged(msgspec.Struct):
    type: str


_OTHERS = {Order.__struct_config__.tag}
"""Types that others act on: orders are the hooks'."""

_tags = msgspec.json.Decoder(_Tagged)
_requests = msgspec.json.Decoder(Request)


def read(value: bytes) -> Request | None:
    """The request in a record; None = of a type that changes no scores. Raises BadRequest."""
    if len(value) > LARGEST_REQUEST:
        raise BadRequest("too_large", f"{len(value)} bytes; at most {LARGEST_REQUEST}")
    try:
        if _tags.decode(value).type in _OTHERS:
            return None
        request: Request = _requests.decode(value)
    except msgspec.ValidationError as error:
        raise BadRequest("bad_value", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("not_json", str(error)) from None
    return _checked(request, value) if isinstance(request, Complaint) else request


def _checked(complaint: Complaint, value: bytes) -> Complaint:
    """The complaint, named. Raises BadRequest."""
    if len(value) > LARGEST_COMPLAINT:
        raise BadRequest("too_large", f"{len(value)} bytes; a complaint takes at most {LARGEST_COMPLAINT}")
    for name, time_ms in (("at_ms", complaint.at_ms), ("about_ms", complaint.about_ms)):
        if not _LEAST_MS <= time_ms <= complaint.at_ms + MOST_EARLY_MS:
            raise BadRequest("bad_value", f"{time_ms} is no time of a complaint: UTC epoch ms - at `$.{name}`")
    if complaint.feedback_id:
        return complaint
    return msgspec.structs.replace(complaint, feedback_id=hashlib.blake2b(value, digest_size=8).hexdigest())
