"""`outrider audit`: the chains of a platform, or the CLI's own."""

from pathlib import Path

import click
import msgspec

from outrider.core.audit import AuditRecord, ChainHead, verify
from outrider.core.errors import ExecutionFailedError, OutriderError, collected
from outrider.core.objects import DEFAULT_TENANT
from outrider.local.layout import Layout
from outrider.runtime.audit import chain_files, read_chain
from outrider.runtime.contexts import PlatformContext, user_state_folder
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import selected
from outrider.surfaces.cli.stored import open_store

_SHOWN = 50


class ChainRow(msgspec.Struct, kw_only=True):
    """A verified chain."""

    writer: str
    records: int
    head: str
    file: str


@click.group()
def audit() -> None:
    """Read and verify the audit chains."""


@audit.command("verify")
@output_option(list[ChainRow])
@click.pass_context
def verify_chains(ctx: click.Context, output: Output) -> int:
    """Check every chain of the selected platform against its own hashes and the anchored heads."""
    context = selected(ctx)
    rows, faults = verify_platform(context)
    show(rows, output, empty="no chain is whole")
    if faults:
        raise collected(faults)
    return 0


def verify_platform(context: PlatformContext) -> tuple[list[ChainRow], list[OutriderError]]:
    """Return the sound chains of a platform, and the faults of the others."""
    anchors = {head.writer: head for head in _anchors(context)}
    rows: list[ChainRow] = []
    faults: list[OutriderError] = []
    found: set[str] = set()
    for path in chain_files(context.state):
        writer = _writer(path)
        found.add(writer)
        try:
            head = verify(read_chain(path), anchors.get(writer))
        except OutriderError as error:
            faults.append(error)
            continue
        rows.append(ChainRow(writer=head.writer, records=head.sequence, head=head.hash[:16], file=str(path)))
    faults.extend(_gone(anchors[writer]) for writer in sorted(anchors.keys() - found))
    return rows, faults


def _gone(anchor: ChainHead) -> OutriderError:
    return ExecutionFailedError(
        f"the audit chain of {anchor.writer} is gone",
        expected=f"{anchor.sequence} records",
        suggestions=["restore it from a backup"],
    )


def _writer(path: Path) -> str:
    for record in read_chain(path):
        return record.writer
    return ""


def _anchors(context: PlatformContext) -> list[ChainHead]:
    """Return the heads that the orchestrator anchored, read from its store."""
    from outrider.orchestrator.queries import anchored_heads

    with open_store(Layout(context.folder, context.state)) as store:
        return store.read_now(lambda connection: anchored_heads(connection, DEFAULT_TENANT))


@audit.command("list")
@click.option("--limit", default=_SHOWN, show_default=True, help="At most so many, the newest.")
@click.option("--own", is_flag=True, help="The CLI's own chain instead of the platform's.")
@output_option(list[AuditRecord])
@click.pass_context
def list_records(ctx: click.Context, limit: int, *, own: bool, output: Output) -> int:
    """List the newest records of all chains, by time."""
    files = [user_state_folder() / "audit.jsonl"] if own else list(chain_files(selected(ctx).state))
    records = sorted((record for path in files if path.is_file() for record in read_chain(path)), key=lambda r: r.time)
    newest = records[-limit:]
    if not output.for_people:
        show(newest, output)
        return 0
    lines = [
        {
            "time": record.time,
            "writer": record.writer,
            "phase": record.entry.phase,
            "principal": record.entry.principal,
            "action": record.entry.action,
            "target": record.entry.target,
            "outcome": record.entry.outcome,
        }
        for record in newest
    ]
    show(lines, output, empty="no record yet")
    return 0
