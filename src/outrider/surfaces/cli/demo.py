"""`outrider demo`: examples at work, before your eyes."""

import click

from outrider.surfaces.cli.demos.requirements import require_extras
from outrider.surfaces.cli.demos.self_healing import heal_a_service
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import interactive

LONGEST_WAIT = 540


@click.group()
def demo() -> None:
    """See Outrider do its job."""


@demo.command("self-healing")
def self_healing() -> int:
    """Kill a supervised web service with SIGKILL and watch a rule bring it back."""
    return execute(heal_a_service())


@demo.command("self-healing-cluster")
def self_healing_cluster() -> int:
    """Start a real Kubernetes, roll out a version that crashes, and watch a rule find out why and roll it back."""
    from outrider.surfaces.cli.demos.self_healing_cluster import heal_a_cluster

    return execute(heal_a_cluster())


@demo.command("incident-triage")
@click.option("--approve", is_flag=True, help="Approve what the agent wants to do, without a question.")
@click.option(
    "--offline", is_flag=True, help="Let a script answer in place of models, also where OPENAI_API_KEY is set."
)
@click.option(
    "--wait", type=click.IntRange(1, LONGEST_WAIT), default=60, show_default=True, metavar="SECONDS",
    help="How long to wait for an approval from elsewhere, where there is no terminal to ask on.",
)  # fmt: skip
def incident_triage(*, approve: bool, offline: bool, wait: int) -> int:
    """Let a web service fall ill, and watch an AI agent find out why, remember it, and ask before it restarts the service."""
    require_extras()
    from outrider.surfaces.cli.demos.incident_triage import (
        Wishes,
        triage_an_incident,
    )

    wishes = Wishes(approve=approve, offline=offline, wait=wait, may_ask=interactive())
    return execute(triage_an_incident(wishes))
