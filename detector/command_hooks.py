"""`detector hooks` and what an operator orders of it. Imports what it runs inside the bodies, like `command`."""

import click
import msgspec

from detector.command_options import JSON, configured
from detector.config import Config

AUTHOR = click.option("--author", required=True, help="Who orders this; kept with the action.")


@click.group(invoke_without_command=True)
@configured
@click.pass_context
def hooks(context: click.Context, config: Config) -> int:
    """Decide about alerts and tell the receivers, until told to stop."""
    from detector import app

    if context.invoked_subcommand is None:
        return app.hooks(config)
    if context.params["config_file"] or context.params["settings"]:
        raise click.UsageError(f"write --config and --set behind `{context.invoked_subcommand}`")
    return 0


@hooks.command("test")
@click.argument("url")
@JSON
@configured
def hooks_test(config: Config, url: str, as_json: bool) -> int:
    """Send one signed test event, marked as a dry run and about nobody, to URL and explain the answer."""
    from detector.hooks.trial import try_endpoint

    trial = try_endpoint(config.hooks, url)
    click.echo(msgspec.json.encode(trial).decode() if as_json else trial.text)
    return 0 if trial.ok else 1


@hooks.command("standing")
@JSON
@configured
def hooks_standing(config: Config, as_json: bool) -> None:
    """List what is in force and what waits for a person (out of hooks.database, so on the hooks' machine)."""
    from detector.hooks.run import standing

    for action in standing(config.hooks):
        line = f"{action.action_id}  {action.state:<9} {action.verb} {action.scope} {action.target}  {action.held_by}"
        click.echo(msgspec.json.encode(action).decode() if as_json else line.rstrip())


@hooks.command("approve")
@click.argument("action_ids", nargs=-1, required=True)
@AUTHOR
@configured
def hooks_approve(config: Config, action_ids: tuple[str, ...], author: str) -> None:
    """Order what was proposed, by its id."""
    from detector import app

    app.order(config, "approve", action_ids, author)


@hooks.command("lift")
@click.argument("action_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything in force and everything proposed.")
@AUTHOR
@configured
def hooks_lift(config: Config, action_ids: tuple[str, ...], everything: bool, author: str) -> None:
    """Undo what is in force, decline what is proposed; by id, or all."""
    from detector import app
    from detector.hooks.run import standing

    if everything == bool(action_ids):
        raise click.UsageError("name actions, or --all")
    wanted = [action.action_id for action in standing(config.hooks)] if everything else action_ids
    app.order(config, "lift", wanted, author)
    click.echo(f"{len(wanted)} order(s) given")
