"""`detector demo` as a process: it finds dialers, shows them, and ends when it is told to."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "detector.command", "demo", "--set", "web.port=0"]


def test_exit_sums_up_and_points_to_what_can_be_tried_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run([*DEMO, "--exit"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"first alert after \d+ s: ", done.stdout)
    summary = re.search(r"([\d,]+) calls, [\d,]+ lines and numbers; (\d+) alerts", done.stdout)
    assert summary
    assert int(summary[1].replace(",", "")) > 10_000
    assert int(summary[2]) >= 10
    (alerts,) = tmp_path.glob("*/alerts.ndjson")
    (actions,) = tmp_path.glob("*/actions.ndjson")
    assert str(alerts) in done.stdout
    assert '"state":"rehearsed"' in actions.read_text(encoding="utf-8")
    (status,) = tmp_path.glob("*/status.json")
    assert '"phase":"finished"' in status.read_text(encoding="utf-8")


def test_the_page_answers_meanwhile_and_ctrl_c_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        address = next(found[0] for line in demo.stdout if (found := re.search(r"http://\S+", line)))
        with urllib.request.urlopen(address, timeout=30) as page:
            assert b"<html" in page.read()
        demo.send_signal(signal.SIGINT)
        said, complained = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "try next:" in said
    assert "Traceback" not in complained
