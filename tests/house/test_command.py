"""The command line: exit codes, one line of error, options everywhere, answers at once."""

import json
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest

from detector import errors
from detector.command import commands, run_command


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "detector.command", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("error", [errors.DetectorError, *errors.DetectorError.__subclasses__()])
def test_an_error_is_one_line_and_its_exit_code(
    error: type[errors.DetectorError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error("the key and what to do")

    monkeypatch.setitem(commands.commands, "fail", click.command("fail")(fail))
    assert run_command(["fail"]) == error.exit_code
    assert capsys.readouterr().err == "detector: the key and what to do\n"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = dict(re.findall(r"(\w+Error)\s+exit (\d+)", errors.__doc__ or ""))
    tree: list[type[errors.DetectorError]] = [errors.DetectorError, *errors.DetectorError.__subclasses__()]
    assert drawn == {error.__name__: str(error.exit_code) for error in tree}


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["check-config", "--nonsense"],
        ["check-config", "--set", "kafka=3"],
        ["hooks", "--set", "hooks.mode=off", "standing"],  # would be read by nobody
    ],
)
def test_a_wrong_command_line_is_2(wrong: list[str]) -> None:
    assert run_command(wrong) == 2


def test_unknown_key_is_78_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check-config", "--set", "kafka.bootstap=x"]) == 78
    assert "`bootstap` - at `$.kafka`" in capsys.readouterr().err


def test_set_wins_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "detector.toml"
    file.write_text("[kafka]\nepoch_s = 2.0\ngroup = 'file'\n[web]\nport = 1\n", encoding="utf-8")
    monkeypatch.setenv("DETECTOR__KAFKA__GROUP", "variable")
    monkeypatch.setenv("DETECTOR__WEB__PORT", "2")
    arguments = ["check-config", "--config", str(file), "--set", "web.port=3", "--no-network", "--json"]
    assert run_command(arguments) == 0
    values = {v["key"]: (v["value"], v["origin"]) for v in json.loads(capsys.readouterr().out)["values"]}
    assert values["kafka.epoch_s"] == (2.0, str(file))
    assert values["kafka.group"] == ("variable", "DETECTOR__KAFKA__GROUP")
    assert values["web.port"] == (3, "flag")
    assert values["web.host"] == ("127.0.0.1", "default")


def test_secrets_are_named_and_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple", encoding="utf-8")
    arguments = ["check-config", "--set", f"privacy.secret_file={secret}", "--no-network", "--show"]
    assert run_command(arguments) == 0
    printed = capsys.readouterr().out
    assert str(secret) in printed
    assert "horse" not in printed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_a_command_with_their_code(number: signal.Signals, code: int) -> None:
    program = textwrap.dedent("""
        import time, click
        from detector import command
        @command.commands.command("wait")
        def wait():
            print("waiting", flush=True)
            time.sleep(60)
        command.main(["wait"])
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.wait(10) == code
        assert b"Traceback" not in process.stderr.read()


def test_help_imports_none_of_the_heavy_libraries() -> None:
    program = "import sys; from detector.command import run_command; run_command(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numba", "numpy", "kafka", "uvicorn", "river", "sklearn"} & set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_can_be_configured_and_says_what_it_does(name: str) -> None:
    command = commands.commands[name]
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        assert leaf.help
        assert "--config" in {option for parameter in leaf.params for option in parameter.opts}
        assert all(p.help for p in leaf.params if isinstance(p, click.Option))


def test_debug_level_adds_the_traceback() -> None:
    program = textwrap.dedent("""
        import click
        from detector import command, errors
        @command.commands.command("fail")
        @command.configured
        def fail(config):
            raise errors.TemporaryError("away")
        command.main(["fail", "--set", "log.level=debug"])
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert done.stderr.startswith("detector: away\nTraceback")


def test_runs_as_a_module() -> None:
    done = _run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("detector, version ")
