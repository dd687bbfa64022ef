"""`detector`: parse, load the configuration, call the function that does the work.

Exit codes: 0 done, 1 failed, 2 usage, 75 temporary, 78 configuration; SIGTERM 0, SIGINT 130.
Every sub-command imports what it runs inside its body, so that `--help` answers at once.
"""

import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from detector.command_hooks import hooks
from detector.command_options import FILE, JSON, config_options, configured, parse_settings
from detector.config import Config, load
from detector.errors import DetectorError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the `detector` program; leaves with one of the exit codes above."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(run_command(arguments))


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit code. What went wrong is one line on stderr."""
    try:
        code = commands.main(args=arguments, prog_name="detector", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except DetectorError as error:
        click.echo(f"detector: {error}", err=True)
        if _debugging():
            traceback.print_exc()
        return error.exit_code
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cdr-detector", prog_name="detector")
def commands() -> None:
    """Flags mass-dialing phone lines as they dial, from a live stream of call detail records."""


commands.add_command(hooks)


@commands.command()
@click.option("--exit", "exit_after", is_flag=True, help="After the first action play on at full speed, sum up, end.")
@configured
def demo(config: Config, exit_after: bool) -> int:
    """Show everything in one process on generated traffic: detector, hooks in dry run, page."""
    from detector import log
    from detector.demo import demo

    if config.log.level == "info":  # what the hooks rehearse stands on the page
        log.configure(msgspec.structs.replace(config.log, level="warning"))
    return demo(config, exit_after=exit_after)


@commands.command()
@configured
def run(config: Config) -> int:
    """Judge the CDR topics and write alerts and dead letters, until told to stop."""
    from detector import app

    return app.run(config)


@commands.command()
@click.option("--run", "run_dir", type=FILE, help="Show the files of this run folder instead of the broker's topics.")
@configured
def web(config: Config, run_dir: Path | None) -> int:
    """Serve the NOC page, until told to stop."""
    from detector import app

    return app.web(config, run_dir)


@commands.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--out", required=True, type=FILE, help="Folder for the run; made if missing, must be empty.")
@click.option("--registry", help="File of blocks with holders and purposes: numbering.registry.")
@click.option("--applied", type=FILE, help="Changes a live run applied (detector.applied, .ndjson): obeyed as it did.")
@click.option("--complaints", type=FILE, help="Complaints as on detector.feedback (.ndjson): taken at their minute.")
@click.option("--batch-size", default=65_536, show_default=True, type=click.IntRange(1), help="Calls judged at once.")
@JSON
@configured
def replay(
    config: Config,
    files: tuple[Path, ...],
    out: Path,
    registry: str | None,
    applied: Path | None,
    complaints: Path | None,
    batch_size: int,
    as_json: bool,
) -> None:
    """Judge history: FILES are .ndjson or .csv, may be gzipped, each in order of release."""
    from detector.progress import progress
    from detector.replay.run import replay

    if registry is not None:
        numbering = msgspec.structs.replace(config.numbering, registry=registry)
        config = msgspec.structs.replace(config, numbering=numbering)
    with progress("replaying") as report:
        summary = replay(
            config, files, out, applied=applied, complaints=complaints, batch_calls=batch_size, progress=report
        )
    click.echo(msgspec.json.encode(summary).decode() if as_json else summary.as_text())


@commands.command()
@click.option("--out", type=FILE, help="Parameter file to write; `model.file` then names it.")
@click.option("--traffic", type=FILE, multiple=True, help="Folder of `detector generate`; may be repeated.")
@click.option(
    "--benign",
    type=(FILE, FILE),
    multiple=True,
    metavar="FILE CONFIG",
    help="Calls of ordinary people, and the TOML file that says how they are read; may be repeated.",
)
@click.option("--boosted", type=FILE, help="Also fit the boosted challenger to the same calls, and write it here.")
@click.option("--line-features", type=FILE, help="Instead: a table of labelled lines (.csv); only report on it.")
@click.option("--holdout", type=FILE, help="With --line-features: judge these lines, not parts of the same table.")
@JSON
@configured
def train(
    config: Config,
    out: Path | None,
    traffic: tuple[Path, ...],
    benign: tuple[tuple[Path, Path], ...],
    boosted: Path | None,
    line_features: Path | None,
    holdout: Path | None,
    as_json: bool,
) -> None:
    """Fit the evidence model to calls with known truth, or say what labelled lines tell."""
    from detector.progress import progress
    from detector.replay.train import Source, traffic_source, train

    if line_features is not None:
        _train_line_features(line_features, holdout, as_json)
        return
    if holdout is not None or as_json:
        raise click.UsageError("--holdout and --json belong to --line-features")
    sources = [traffic_source(folder, config) for folder in traffic]
    sources += [Source(file.name, (file,), load(how), None) for file, how in benign]
    if not sources or out is None:
        raise click.UsageError("name calls to learn from (--traffic, --benign) and --out; or --line-features")
    with progress("training") as report:
        train(sources, out, shlex.join(["detector", *sys.argv[1:]]), report, boosted)
    click.echo(f"{out}: fitted on {', '.join(source.name for source in sources)}")


def _train_line_features(file: Path, holdout: Path | None, as_json: bool) -> None:
    from detector.progress import progress
    from models.line_features import assess, read_lines

    lines, other = read_lines(file), read_lines(holdout) if holdout else None
    with progress("training", "scores") as report:
        assessment = assess(lines, other, seed=7, report=report)
    click.echo(msgspec.json.encode(assessment).decode() if as_json else assessment.as_text())


@commands.command()
@click.option(
    "--suite", type=click.Choice(["small", "full"]), default="small", show_default=True, help="How much is played."
)
@click.option("--seeds", type=click.IntRange(1), help="Seeds played; default: as the suite has it.")
@click.option("--evasion", "by_evasion", is_flag=True, help="Search what evasion costs a dialer, in place of a suite.")
@click.option("--out", type=FILE, help="Folder for the JSON, the tables (.md) and the picture (.svg).")
@click.option("--tolerance", type=FILE, help="TOML file of figures and limits; what does not hold ends with 1.")
@JSON
@configured
def evaluate(
    config: Config,
    suite: str,
    seeds: int | None,
    by_evasion: bool,
    out: Path | None,
    tolerance: Path | None,
    as_json: bool,
) -> int:
    """Play generated traffic with known truth: what is found, after how many calls, and who is wrongly accused."""
    from detector.progress import progress
    from detector.replay import evasion
    from detector.replay.evaluate import evaluate, read_tolerance, write
    from detector.replay.tables import show, tables_of
    from detector.traffic.suite import worlds

    if by_evasion:
        if tolerance or seeds:
            raise click.UsageError("--evasion searches without seeds, and holds no tolerance")
        with progress("searching") as report:
            found = evasion.evasion(config, report)
        if out is not None:
            evasion.write(found, out)
        click.echo(msgspec.json.encode(found)) if as_json else show(evasion.tables(found))
        return 0
    limits = read_tolerance(tolerance) if tolerance else None
    with progress("evaluating") as report:
        figures = evaluate(config, suite, worlds(suite, seeds), report)
    if out is not None:
        write(figures, out)
    click.echo(msgspec.json.encode(figures)) if as_json else show(tables_of(figures))
    worse = limits.worse(figures) if limits else []
    for complaint in worse:
        click.echo(f"detector: evaluate: {complaint}", err=True)
    return 1 if worse else 0


@commands.command()
@click.argument("run_dir", metavar="RUN", type=FILE)
@click.option("--line", help="A line, as its number is dialed or as the account is written.")
@click.option("--number", help="A number that lines showed.")
@click.option("--block", help="A block, by its code in the registry.")
@click.option("--tenant", help="A customer who rents lines.")
@click.option("--trunk", help="A trunk group that calls come in on.")
@click.option("--holder", help="A holder of blocks.")
@click.option("--plot", type=FILE, help="Also draw it into this SVG file; not for a line.")
@configured
def explain(config: Config, run_dir: Path, line: str | None, plot: Path | None, **entities: str | None) -> None:
    """Tell one line's or entity's story out of a replay's folder RUN: why it did or did not alert."""
    from detector.numbering.plan import NumberPlan, read_secret
    from detector.replay import entity_picture, entity_story, explain

    asked = {kind: name for kind, name in entities.items() if name is not None}
    if len(asked) + (line is not None) != 1:
        raise click.UsageError("name one of --line, --number, --block, --tenant, --trunk, --holder")
    plan = NumberPlan(config.numbering.plan, read_secret(config.privacy.secret_file))
    if line is not None:
        if plot is not None:
            raise click.UsageError("--plot draws numbers, blocks, tenants, trunks and holders, not a line")
        click.echo(explain.explain(run_dir, line, plan))
        return
    ((kind, name),) = asked.items()
    if kind == "number":
        name = plan.text(plan.key(name)) or name
    story = entity_story.read(run_dir, kind, name)
    click.echo(entity_story.tell(story))
    if plot is not None:
        plot.write_text(entity_picture.picture(story), encoding="utf-8")


@commands.command()
@click.argument("preset")
@click.option("--out", required=True, type=FILE, help="Folder for calls, truth.csv, registry.json, scenario.json.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same calls.")
@click.option("--people", type=click.IntRange(1), help="Ordinary lines; default: as the preset has it.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="Days of traffic; default: as the preset has it.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="How the calls are written.",
)
@click.option("--gzip", "compress", is_flag=True, help="Compress the file of calls.")
@click.option("--topic", help="Send the calls to this Kafka topic, keyed by line, instead of writing a file.")
@JSON
@configured
def generate(
    config: Config, preset: str, out: Path, seed: int, people: int | None, days: float | None, as_json: bool, **how: Any
) -> None:
    """Make seeded traffic with its truth.

    PRESET: demo, ordinary, lookalikes, large-owners, dialers, entities, nantong, nantong-quiet, nantong-evasive,
    training, evaluation.
    """
    from detector.progress import progress
    from detector.traffic import scenario, topic, write

    made = scenario.preset(preset, people, days)
    with progress("generating") as report:
        if how["topic"]:
            written = topic.send(config.kafka, how["topic"], made, seed, out, report)
        else:
            written = write.write(made, seed, out, [how["form"]], compress=how["compress"], progress=report)
    text = f"{written.calls:,} calls; in {out}: {', '.join(written.files)}"
    click.echo(msgspec.json.encode(written).decode() if as_json else text)


@commands.command()
@configured
def topics(config: Config) -> None:
    """Create the topics that are missing, and say where an existing one differs."""
    from detector.sinks.topics import create_topics

    for line in create_topics(config.kafka):
        click.echo(line)


@commands.group()
def registry() -> None:
    """Change the registry of numbers of a running detector."""


@registry.command("push")
@click.argument("file", required=False)
@click.option(
    "--withdraw", multiple=True, metavar="BLOCK", help="Name of a block that is nobody's from now; repeatable."
)
@click.option("--author", required=True, help="Who changes it; kept with the change.")
@configured
def registry_push(config: Config, file: str | None, withdraw: tuple[str, ...], author: str) -> None:
    """Send the blocks of FILE (JSON or CSV, as numbering.registry reads it) to detector.feedback.

    They take the place of the blocks of the same name from the next event minute on; other blocks stay.
    """
    from detector import app

    if file is None and not withdraw:
        raise click.UsageError("name a file of blocks, or --withdraw BLOCK")
    records = app.push_registry(config, file or "", withdraw, author)
    click.echo(f"{records} record(s) sent")


@commands.command("check-config")
@config_options
@click.option("--show", is_flag=True, help="Print every value and where it comes from.")
@click.option("--no-network", is_flag=True, help="Do not ask the broker.")
@JSON
def check_config(
    config_file: Path | None, settings: tuple[str, ...], show: bool, no_network: bool, as_json: bool
) -> int:
    """Check a configuration as far as that is possible without running."""
    from detector import check

    report = check.check(config_file, parse_settings(settings), network=not no_network)
    click.echo(report.as_json() if as_json else report.as_text(show))
    return report.exit_code


def _debugging() -> bool:
    import logging

    return logging.getLogger("detector").isEnabledFor(logging.DEBUG)


if __name__ == "__main__":
    main()
