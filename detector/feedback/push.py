"""A registry file as records for `detector.feedback`."""

import secrets
from collections.abc import Sequence
from itertools import groupby

import msgspec

from detector.config import Config
from detector.errors import ConfigError
from detector.feedback.request import MOST_BLOCKS, RegistryUpdate
from detector.numbering.plan import NumberPlan, read_secret
from detector.numbering.registry import Block, Registry
from detector.sinks.contract import FEEDBACK, OutRecord


def registry_updates(
    config: Config, file: str, withdraw: Sequence[str], author: str, at_ms: int, blocks_a_record: int = MOST_BLOCKS // 2
) -> list[OutRecord]:
    """The blocks of a file, and names to withdraw: one record, or several where they are many.

    Rows of one block stay together, for a record replaces whole blocks. Raises ConfigError as the file's reader does.
    """
    plan = NumberPlan(config.numbering.plan, read_secret(config.privacy.secret_file))
    blocks = sorted(Registry.load(file, plan).blocks, key=lambda block: block.block)
    parts = _parts(blocks, blocks_a_record)
    updates = [_update(author, at_ms, part, ()) for part in parts]
    if withdraw:
        updates.append(_update(author, at_ms, (), tuple(withdraw)))
    return [OutRecord(FEEDBACK, update.feedback_id, msgspec.json.encode(update)) for update in updates]


def _parts(blocks: Sequence[Block], most: int) -> list[tuple[Block, ...]]:
    parts: list[tuple[Block, ...]] = []
    for name, rows in groupby(blocks, key=lambda block: block.block):
        block = tuple(rows)
        if len(block) > most:
            raise ConfigError(f"block {name} has {len(block)} ranges; a record takes {most}: give it several names")
        if parts and len(parts[-1]) + len(block) <= most:
            parts[-1] += block
        else:
            parts.append(block)
    return parts


def _update(author: str, at_ms: int, blocks: tuple[Block, ...], withdraw: tuple[str, ...]) -> RegistryUpdate:
    return RegistryUpdate(
        feedback_id=secrets.token_hex(8), at_ms=at_ms, author=author, blocks=blocks, withdraw=withdraw
    )
