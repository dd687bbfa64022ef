"""What of `detector.feedback` can change scores, read and bounded; what cannot be read says why."""

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


Request = RegistryUpdate | Verdict


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
    return request
