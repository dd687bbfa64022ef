"""Who of a consumer group reads: one owner of all partitions, while the others stand by.

Calls of one line may lie in any partition, so two processes must never share them. The owner stays the owner
as long as it is a member; then the member that runs longest takes over. Others joining does not disturb it:
the protocol is cooperative, so what stays is neither revoked nor read again.
"""

import queue
import struct
import time
from collections.abc import Iterable
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor, RebalanceProtocol
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from kafka.structs import MemberState

_STANDING = struct.Struct(">qq")  # generation in which the member last owned the partitions (0 = never), start in ns


class SingleOwner(AbstractPartitionAssignor):  # type: ignore[misc]  # kafka-python is not typed
    """Gives every partition to one member of the group."""

    name = "cdr-single-owner"

    def __init__(self) -> None:
        self._owned_in = 0
        self._started_ns = time.time_ns()

    def supported_protocols(self) -> list[RebalanceProtocol]:
        """Cooperative: a member that joins takes nothing away, not even for a moment."""
        return [RebalanceProtocol.COOPERATIVE]

    def metadata(self, topics: Iterable[str]) -> Any:
        """What this member tells the others about itself."""
        return ConsumerProtocolSubscription(0, sorted(topics), _STANDING.pack(self._owned_in, self._started_ns))

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Remember whether this member owns the partitions now."""
        self._owned_in = generation if assignment.partitions() else 0

    def assign(self, cluster: Any, members: Iterable[Any]) -> dict[str, Any]:
        """Member id -> assignment; runs on one member for all of them."""
        owner = min(members, key=_precedence).member_id
        topics = sorted({topic for member in members for topic in member.metadata.topics})
        everything = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]
        return {
            member.member_id: ConsumerProtocolAssignment(0, everything if member.member_id == owner else [], b"")
            for member in members
        }


def _precedence(member: Any) -> tuple[int, int, str]:
    """Latest owner first, then the one that runs longest."""
    owned_in, started_ns = _STANDING.unpack(member.metadata.user_data)
    return -owned_in, started_ns, member.member_id


class Ownership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears what the group gives and takes, on the client's own thread; the reading thread asks for it.

    gained  partitions that are ours since the last look; they stay paused until somebody seeks and resumes them
    lost    partitions that are ours no more
    """

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.gained: queue.SimpleQueue[set[TopicPartition]] = queue.SimpleQueue()
        self.lost: queue.SimpleQueue[set[TopicPartition]] = queue.SimpleQueue()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Keep the client from reading, or from asking where to begin, before the look-back is known."""
        for partition in assigned:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self.gained.put(assigned)

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """The group moves these elsewhere, or we leave it."""
        self.lost.put(revoked)


def finish_joining(consumer: KafkaConsumer) -> None:
    """Call after every `poll()`: else a member may stay half in the group, without heartbeats, until it is expelled.

    A join that new metadata asked for is forgotten when it outlasts the `poll()` it began in (kafka-python
    3.0.12; 1 of 15 starts with a time-out of 0.1 s). Asking again makes the next `poll()` take up what came of it.
    """
    if consumer.group_metadata().state == MemberState.REBALANCING:
        consumer._coordinator.request_rejoin()


def taken(changes: "queue.SimpleQueue[set[TopicPartition]]") -> set[TopicPartition]:
    """Everything in the queue, at once."""
    partitions: set[TopicPartition] = set()
    while not changes.empty():
        partitions |= changes.get()
    return partitions
