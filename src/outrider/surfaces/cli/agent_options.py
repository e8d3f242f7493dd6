"""Options that commands of AI agents share."""

from pathlib import Path

import click

AGENT_PATH = click.argument("path", type=click.Path(path_type=Path), default=Path())
AGENT_NAME = click.option("--name", default="", help="Which agent, where PATH declares several.")
TASK_INPUT = click.option(
    "--input", "given", default="", help="Input of the task: JSON, else text; @FILE reads it, @- standard input."
)
OFFLINE = click.option("--offline", is_flag=True, help="Let the script of the agent answer in place of models.")
ACCEPT_UNSANDBOXED = click.option(
    "--accept-unsandboxed", is_flag=True, help="Run without a sandbox where none works; it can then read your keys."
)
YES = click.option("--yes", is_flag=True, help="Approve every call of a tool that waits for a person.")
