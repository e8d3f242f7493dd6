"""`outrider rules`."""

import sys
from typing import Any

import click

from outrider.orchestrator.wire import ApplyAnswer, ApplyRequest
from outrider.surfaces.cli.objects import find_object, find_objects
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.settings import note

COLUMNS = ["name", "enabled", "triggers", "does"]


@click.group()
def rules() -> None:
    """List rules, switch them on and off."""


@rules.command("list")
@output_option
@click.pass_context
def list_rules(ctx: click.Context, output: Output) -> int:
    """List the applied rules: what they wait for and what they do."""
    rows = [_line(row.name, row.document["spec"]) for row in find_objects(ctx, "rules")]
    show(rows, output, columns=COLUMNS, empty="no rule is applied")
    return 0


def _line(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "enabled": spec.get("enabled", True),
        "triggers": ", ".join(condition["trigger"] for condition in spec["when"]["any"]),
        "does": ", ".join(step.get("plugin") or step.get("call") or "" for step in spec.get("do", [])),
    }


@rules.command("disable")
@click.argument("name")
@click.pass_context
def disable(ctx: click.Context, name: str) -> int:
    """Let a rule match nothing any more; its runs that are under way go on."""
    return _switch(ctx, name, enabled=False)


@rules.command("enable")
@click.argument("name")
@click.pass_context
def enable(ctx: click.Context, name: str) -> int:
    """Let a rule match again."""
    return _switch(ctx, name, enabled=True)


def _switch(ctx: click.Context, name: str, *, enabled: bool) -> int:
    document = find_object(ctx, "rule", name).document
    document["spec"]["enabled"] = enabled

    async def send() -> ApplyAnswer:
        async with client(ctx) as platform:
            return await platform.post("/v1/objects", ApplyRequest(objects=[document]), ApplyAnswer)

    changes = execute(send()).changes
    sys.stdout.write(f"{name} is {'enabled' if enabled else 'disabled'}\n")
    if changes:
        note("the next `outrider up` or `apply` of its file does what the file says: set spec.enabled there too")
    return 0
