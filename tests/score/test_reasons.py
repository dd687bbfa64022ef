"""What an alert says: words that accuse only where the share accuses."""

import re

from tests.calls import call, judge, strangers

ACCUSING = re.compile(r"recording|a machine's beat:|in a row:|to the second|without the breaks|at the same time")


def test_what_speaks_for_a_line_is_not_told_as_an_accusation() -> None:
    calls = strangers("13900000001", 120, 20.0, talks=(4.0, 21.0, 95.0, 240.0))
    backs = [call(calls[i]["b_number"], "13900000001", 20.0 * i + 60, 30.0) for i in range(60, 90, 6)]
    alerts, _ = judge(calls + backs)
    excuses = [reason for alert in alerts for reason in alert.reasons if reason.share < 0]
    assert len({reason.family for reason in excuses}) >= 3
    assert not [reason.text for reason in excuses if ACCUSING.search(reason.text)]


def test_what_speaks_against_it_says_what_was_seen_in_figures() -> None:
    alerts, _ = judge(strangers("13900000001", 60, 20.0))
    told = {reason.family: reason.text for reason in alerts[-1].reasons if reason.share > 0}
    assert (
        told["novelty"]
        == f"{alerts[-1].calls} of {alerts[-1].calls} calls went to numbers this line had not called before"
    )
    assert re.fullmatch(r"(\d+) of \1 answered calls to strangers lasted 21 s, give or take 3: .*", told["script"])
