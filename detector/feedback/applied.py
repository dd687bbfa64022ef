"""What was changed in a shard by people, and from which minute on: the records of `detector.applied`.

A record is complete: to obey it needs no state but itself, so a replay (`--applied`) and a recovery that reads calls
again come to the same scores. It is safe on the topic before the first call of its minute is judged.
"""

import msgspec

from detector.entities.matching import Complaint
from detector.feedback.request import RegistryUpdate
from detector.landed.feedback import Verdict
from models.evidence import ClassParameters


class AppliedRegistry(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="registry"):
    """Blocks that came, changed or went.

    apply_ms             event minute, UTC ms: the first call released then or later meets the change
    partition, position  of `detector.feedback`: where to read on after this one
    """

    apply_ms: int
    partition: int
    position: int
    update: RegistryUpdate


class AppliedVerdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="verdict"):
    """A verdict, what it teaches, and the life of its own that the line gets. apply_ms, partition, position: as above.

    line_key      key of the line; 0 = the verdict is about another kind of entity
    number_class  name of the line's class
    shares        family -> nats: what was judged
    own           what is ordinary for this line from now; None = as for its class, and `why`
    """

    apply_ms: int
    partition: int
    position: int
    verdict: Verdict
    line_key: int
    number_class: str
    shares: dict[str, float]
    own: ClassParameters | None = None
    why: str | None = None


class AppliedComplaint(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="complaint"):
    """A complaint, and the calls it may mean. apply_ms, partition, position: as above.

    What it means is on record, for the calls of three days before are not known again after a restart.
    """

    apply_ms: int
    partition: int
    position: int
    complaint: Complaint


Applied = AppliedRegistry | AppliedVerdict | AppliedComplaint

_decoder = msgspec.json.Decoder(Applied)


def encode(applied: Applied) -> bytes:
    """The record's value."""
    return msgspec.json.encode(applied)


def decode(value: bytes) -> Applied:
    """A record's value. Raises msgspec.DecodeError."""
    change: Applied = _decoder.decode(value)
    return change
