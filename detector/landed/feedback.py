"""What people said, as it stands in `detector.feedback`: tagged records, one struct per `type`.

Readers decode with a union of the types they act on and skip the others (`msgspec.ValidationError`).
"""

from typing import Annotated, Literal

import msgspec

Judgement = Literal["dialer", "legitimate", "fault", "unsure"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="verdict"):
    """What an operator found out about an alert's entity. Times are UTC epoch ms.

    `feedback_id` names the record: sent again after a crash, it is the same verdict. `author` is asserted
    by the person while access is by loopback only.
    """

    feedback_id: str
    at_ms: int
    author: str
    alert_id: str
    entity_kind: str
    entity: str
    verdict: Judgement
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    shares: Annotated[dict[str, float], msgspec.Meta(max_length=32)] = {}  # family -> nats, as the alert showed them


class Order(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order"):
    """What a person orders about an action of `detector.actions`. at_ms: UTC epoch ms.

    `approve` a proposal; `lift` undoes what is in force and declines what is proposed. `signature` is made
    with the secret of `hooks.approval_secret_file` (`hooks.orders`): without it nothing is obeyed.
    """

    verb: Literal["approve", "lift"]
    action_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    author: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    at_ms: int
    signature: str
