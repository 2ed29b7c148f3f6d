"""
The ``autonomous-dev`` command: the stages, wired together for a shell.

Each sub-command is a file of its own that imports what it needs when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from autonomous_dev.cli._printable import printable
from autonomous_dev.errors import AutonomousDevError

__all__ = ["main"]

COMMANDS: Final = ("record", "show", "insights", "resolve", "caches", "rules", "serve")

DEBUG_VARIABLE: Final = "AUTONOMOUS_DEV_DEBUG"
"""Set to show the traceback of an error that this package did not foresee."""


class _Commands(click.Group):
    """
    Sub-commands by the name of their file; what the package raises becomes one line.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"autonomous_dev.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AutonomousDevError as error:
            raise click.ClickException(printable(_one_line(error))) from error


def _one_line(error: AutonomousDevError) -> str:
    # An OSError's text would begin with its number and end with the file's name, which the message says already.
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="autonomous-dev")
def commands() -> None:
    """
    Tells whether code and its development loop get slower or worse, since which change, and how sure that is.
    """


def main() -> None:
    """
    Run the command line; every error is one line and an exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show an arrow shows a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        commands(prog_name="autonomous-dev")
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        click.echo(f"Error: {type(error).__name__}: {error} (set {DEBUG_VARIABLE}=1 to see where)", err=True)
        sys.exit(1)
