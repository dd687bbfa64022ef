"""Compile the kernels before the first call arrives: a cold compile takes seconds, a loaded one parts of one."""

import numpy as np

from detector.cdr.batch import CDR
from detector.config import Order, State
from detector.decode import warm_up as decode
from detector.entities.kernels.bombing import BOMBED, new_targets, watch
from detector.entities.kernels.chain import MATCH, follow, new_chains
from detector.entities.roll_ups import compile_kernels
from detector.features.kernels.judge import judge
from detector.features.kernels.layout import SCORED
from detector.features.kernels.look_back import look_back, new_workspace
from detector.features.kernels.tiers import row_of
from detector.features.state import new_policy, new_tables
from models.evidence import Evidence


def warm_up() -> None:
    """Compile or load every kernel of the way from a record to judgement, and of the entity levels."""
    decode.warm_up()
    state = State(line_capacity=4, warm_capacity=1, hot_capacity=1, dedup_calls=4, entity_capacity=1)
    parameters, policy = Evidence.load().table({}, ()), new_policy(state, Order(), 1.0, observe=False)
    tables = new_tables(state)
    judge(np.zeros(0, CDR), 0, tables, parameters, policy, np.zeros(0, SCORED))
    row_of(tables, np.uint64(1), 0, 0)  # for a verdict
    look_back(tables, tables.rows[0], 0, 0, new_workspace())
    compile_kernels()
    follow(
        np.zeros(0, CDR),
        np.zeros(0, SCORED),
        np.zeros(0, np.int32),
        np.zeros(0, bool),
        new_chains(4, 4),
        np.zeros(0, MATCH),
    )
    watch(np.zeros(0, CDR), np.zeros(0, SCORED), np.zeros(0, bool), new_targets(4), np.zeros(0, BOMBED))
