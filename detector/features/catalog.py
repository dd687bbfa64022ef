"""Every feature, one row each: what the page, the documents, the reasons and the tests read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels import layout
from detector.features.kernels.layout import MILLI


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of behaviour; its share is its signed part of the score, in nats."""

    name: str
    group: str  # volume, shape, outcome: an alert needs two of them
    unit: str  # of the value shown in a reason
    feature: str  # what that value is
    definition: str
    source: str


FAMILIES = (
    Family(
        "novelty",
        "volume",
        "ratio",
        "first_time_share",
        "Is this callee new to the line? Pitman-Yor from its own past, or a trade's share, against a dialer's.",
        "Pitman & Yor 1997; Nodobo: 8.6 % of ordinary calls go to a first-time callee",
    ),
    Family(
        "pace",
        "volume",
        "s",
        "gap_between_first_time_callees",
        "Gap between first-time callees: people's bursts and days, or a trade's pace, against 2 to 400 an hour.",
        "Lomax laws fitted to people and trades; Nodobo, Copenhagen: one gap in ten is under 2 minutes",
    ),
    Family(
        "script",
        "shape",
        "ratio",
        "talks_of_one_length",
        "Talk with a first-time callee, whole seconds: the line's own spread, or a trade's, against a script.",
        "FTC/NCSU recordings: a script is 20-25 s; human talk is log-normal",
    ),
    Family(
        "answer",
        "outcome",
        "ratio",
        "unanswered_share",
        "How calls to first-time callees end: answered, unanswered, busy, invalid number.",
        "Nodobo, Copenhagen: 26-28 % unanswered; dialers 65-85 %; random lists ~10 % invalid",
    ),
    Family(
        "reciprocity",
        "outcome",
        "people",
        "call_backs",
        "People the number called who call in, each once: common in ordinary life, rare for dialers.",
        "Nodobo: 42 % of callees also called in",
    ),
    Family(
        "ring",
        "shape",
        "ratio",
        "rings_of_one_length",
        "Ringing of unanswered calls until the caller gives up: people differ, a dialer's time-out does not.",
        "signature 10; predictive dialers give up after about 18 s",
    ),
    Family(
        "pacing",
        "shape",
        "ratio",
        "gaps_of_one_length",
        "Gap to the previous call, on a log scale: bursts of people against a machine's even beat.",
        "signature 7; Nodobo: Weibull gaps, shape 0.34",
    ),
    Family(
        "short",
        "shape",
        "ratio",
        "ultra_short_share",
        "Ring or talk of at most 3 s, ended by the caller: rare in life, the whole business of wangiri.",
        "signature 11; a 3 s bound worked in practice",
    ),
    Family(
        "targeting",
        "outcome",
        "ratio",
        "neighbouring_callees",
        "Is the callee's number within 10 of one called just before? Enumeration walks through a range.",
        "signature 6",
    ),
    Family(
        "hours",
        "volume",
        "ratio",
        "calls_at_odd_hours",
        "Local hour of calls to strangers: people's day against office hours without a break, or all night.",
        "signature 21; Nodobo hour profile",
    ),
    Family(
        "concurrency",
        "volume",
        "calls",
        "calls_at_once",
        "Calls of one line at the same time: people hold one.",
        "signature 8",
    ),
)
"""In the order of the kernels' shares (layout.NOVELTY ...)."""

GROUPS = ("volume", "shape", "outcome")


@dataclass(frozen=True, slots=True)
class Feature:
    """One measured column of a judged call."""

    name: str
    unit: str
    window: str
    least: int  # calls before it means anything
    definition: str
    source: str


FEATURES = (
    Feature("known_calls", "calls", "two map generations", 0, "Calls the line's callee map has counted", "detection"),
    Feature("known_callees", "callees", "two map generations", 0, "Callees on the line's map", "detection"),
    Feature("first_time", "0/1", "kept calls and map", 1, "The callee is new to the line", "signature 2"),
    Feature("gap_new_s", "s", "kept calls", 2, "Since the nearest earlier call to a first-time callee", "signature 1"),
    Feature("talk_s", "s", "this call", 1, "Answer to release; -1 = not answered", "signature 3"),
    Feature("calls_60m", "calls", "60 min", 1, "Kept calls set up in the last hour, this one included", "signature 1"),
    Feature("distinct_60m", "callees", "60 min", 1, "Distinct callees among them", "signature 2"),
    Feature(
        "ring_s", "s", "this call", 1, "Ringing until the caller gave up; -1 = not so or not known", "signature 10"
    ),
    Feature("gap_s", "s", "16 calls", 2, "Since the nearest earlier setup; -1 = none", "signature 7"),
    Feature("ultra_short", "0/1", "this call", 1, "Ended by the caller within 3 s; -1 = not known", "signature 11"),
    Feature("near", "0/1", "8 calls", 2, "Callee within 10 of a recent one; -1 = not known", "signature 6"),
    Feature("hour", "h", "this call", 1, "Local hour of setup", "signature 21"),
    Feature("beside", "calls", "16 calls", 1, "Other calls of the line at the same time", "signature 8"),
    Feature("callbacks", "people", "since the last call", 1, "Callees who called in since", "signature 25"),
)
"""Fields of `layout.SCORED`, measured before the call is counted unless the definition says otherwise."""

COLUMNS = tuple(family.name for family in FAMILIES) + tuple(feature.name for feature in FEATURES)
"""Columns of a model's X: shares in nats, then features."""


def matrix(scored: NDArray[np.void]) -> NDArray[np.float64]:
    """SCORED[n] -> float64[n, len(COLUMNS)], in the order of COLUMNS."""
    shares = scored["share"].astype(np.float64) / MILLI
    features = [scored[feature.name].astype(np.float64) for feature in FEATURES]
    return np.column_stack([shares, *features])


assert len(FAMILIES) == layout.FAMILIES
assert len(set(COLUMNS)) == len(COLUMNS)
