"""One small file per mistake; its name says the mistake, its first line what `check-config` must say about it."""

from pathlib import Path

import pytest

from detector.command import run_command

ROOT = Path(__file__).parents[2]
FILES = sorted((Path(__file__).parent / "bad_config").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_is_refused_with_words_that_help(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    expected = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert run_command(["check-config", "--config", str(file), "--no-network"]) == 78
    said = "".join(capsys.readouterr())
    assert expected in said
    assert "Traceback" not in said
