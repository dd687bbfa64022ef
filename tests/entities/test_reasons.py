"""What alerts above lines say beside their shares."""

import json
from pathlib import Path

import pytest

from tests.calls import judge, small_config
from tests.entities.test_hidden_tenants import BLOCK, CODE, dialing


@pytest.mark.parametrize(("contracted", "told"), [(5, {(10.0, 5.0)}), (10, set()), (None, set())])
def test_a_code_on_more_lines_than_contracted_says_so(
    contracted: int | None, told: set[tuple[float, float]], tmp_path: Path
) -> None:
    block = BLOCK | {"declared_purpose": "fixed_subscriber", "contracted_channels": contracted}
    (tmp_path / "registry.json").write_text(json.dumps({"blocks": [block]}), encoding="utf-8")
    config = small_config(numbering__registry=str(tmp_path / "registry.json"))
    alerts, _ = judge(dialing([(25.0, 20.0, 40.0)], 10, 100, 1), config)
    of_code = [alert for alert in alerts if (alert.entity_kind, alert.entity) == ("block", CODE)]
    assert of_code
    reasons = [reason for reason in of_code[-1].reasons if reason.family == "contract"]
    assert {(reason.value, reason.usual) for reason in reasons} == told
    assert all(reason.share == 0 for reason in reasons)
