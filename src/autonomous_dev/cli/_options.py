"""
Options that several sub-commands share.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from autonomous_dev.policy import Policy

POLICY_FILE: Final = "automation_policy.yaml"
"""Read from the working folder where no policy is named."""

STORAGE_VARIABLE: Final = "AUTONOMOUS_DEV_STORAGE"

storage_option = click.option(
    "--storage",
    type=click.Path(path_type=Path),
    required=True,
    envvar=STORAGE_VARIABLE,
    show_envvar=True,
    help="Journal with the recorded metrics.",
)

policy_option = click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    help=f"Policy with thresholds. [default: {POLICY_FILE} in this folder, if there]",
)

format_option = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)


def load_policy(policy_file: Path | None) -> Policy:
    """
    The policy that was named, else the one in the working folder, else the default one.

    Raises:
        PolicyError: If it cannot be read.
    """
    from autonomous_dev.policy import Policy

    if policy_file is None and Path(POLICY_FILE).is_file():
        policy_file = Path(POLICY_FILE)
    return Policy.load(policy_file) if policy_file is not None else Policy()
