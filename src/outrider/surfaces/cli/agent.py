"""`outrider agent`: AI agents on this machine."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from outrider.core.codec import encode, to_builtins
from outrider.core.errors import CODES, InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.objects import Object
from outrider.core.units import format_money
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.validation import references
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.policy.rules import policy_rule
from outrider.local.agents.files import AgentFiles
from outrider.local.agents.home import Home
from outrider.local.agents.job import JobResult, run_job
from outrider.local.agents.memories import MemoryRow, export, forget, rows
from outrider.local.agents.records import CostRow, costs, results, runs
from outrider.local.layout import Layout
from outrider.ports.telemetry import start_tracing, stop_tracing
from outrider.runtime.contexts import Contexts, PlatformContext, cache_folder, user_state_folder
from outrider.runtime.folders import ObjectFolder
from outrider.runtime.objects import ObjectSet
from outrider.surfaces.agents.desk import AgentDesk
from outrider.surfaces.cli.agent_progress import Progress, summary
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import Settings, note
from outrider.surfaces.python.calls import local_invoker

_PATH = click.argument("path", type=click.Path(path_type=Path), default=Path())
_NAME = click.option("--name", default="", help="Which agent, where PATH declares several.")
_COST_COLUMNS = ("day", "provider", "model", "calls", "input_tokens", "output_tokens", "cost")
_STATES = {"succeeded": 0, "failed": CODES["EXECUTION_FAILED"].exit, "timed_out": CODES["TIMEOUT"].exit}


@click.group()
def agent() -> None:
    """Run an AI agent, read its logs, see what it cost."""


@agent.command("run")
@_PATH
@_NAME
@click.option(
    "--input", "given", default="", help="Input of the task: JSON, else text; @FILE reads it, @- standard input."
)
@click.option("--offline", is_flag=True, help="Let the script of the agent answer in place of models.")
@click.option(
    "--accept-unsandboxed", is_flag=True, help="Run without a sandbox where none works; it can then read your keys."
)
@click.option("--yes", is_flag=True, help="Approve every call of a tool that waits for a person.")
@output_option(JobResult)
@click.pass_context
def run_agent(
    ctx: click.Context, /, path: Path, name: str, given: str, *, output: Output, offline: bool, accept_unsandboxed: bool, yes: bool
) -> int:  # fmt: skip
    """Start the agent of PATH with its sidecar, give it a task, and print the result."""
    objects, item = _found(path, name)
    settings: Settings = ctx.find_root().obj
    progress = Progress(item.name, yes=yes, may_ask=not settings.no_input and sys.stdin.isatty() and given != "@-")
    start_tracing()
    result = execute(
        run_job(
            item, _home(path, objects, item), _input(given), references(objects), watcher=progress.watcher(),
            offline=offline, accept_unsandboxed=accept_unsandboxed,
        )
    )  # fmt: skip
    stop_tracing()
    if not output.for_people:
        show(result, output)
        return _STATES[result.state]
    if result.result is not None:
        text = result.result if isinstance(result.result, str) else encode(result.result).decode()
        sys.stdout.write(printable(text) + "\n")
    note(summary(result))
    return _STATES[result.state]


@agent.command("logs")
@_PATH
@_NAME
@click.option("--run", "run_id", default="", help="Of which run; the last one if absent.")
def logs(path: Path, name: str, run_id: str) -> int:
    """Print what an agent wrote to standard error in a run."""
    folder = runs(_files(path, name), run_id)[-1]
    sys.stdout.write(printable((folder / "stderr").read_text(errors="replace")) if (folder / "stderr").exists() else "")
    return 0


@agent.command("runs")
@_PATH
@_NAME
@output_option(list[JobResult])
def list_runs(path: Path, name: str, output: Output) -> int:
    """List what became of the last runs, the newest last."""
    show(
        results(_files(path, name)),
        output,
        columns=("run", "state", "seconds", "calls", "problem"),
        empty="it has not run yet",
    )
    return 0


@agent.command("cost")
@_PATH
@_NAME
@click.option("--days", default=31, show_default=True, help="How far back, today included.")
@output_option(list[CostRow])
def cost(path: Path, name: str, days: int, output: Output) -> int:
    """Say what an agent has asked of models and what that cost, by day and model."""
    rows = costs(_files(path, name), days)
    if output.for_people:
        readable = [{**to_builtins(row), "cost": format_money(row.cost, row.currency)} for row in rows]
        show(readable, output, columns=_COST_COLUMNS, empty="nothing was asked")
    else:
        show(rows, output)
    return 0


@agent.command("memory")
@_PATH
@_NAME
@click.option("--export", "exported", default="", metavar="MEMORY", help="Print all of a memory, as lines of JSON.")
@click.option("--forget", "forgotten", default="", metavar="MEMORY", help="Delete all of a memory.")
@output_option(list[MemoryRow])
def memory(path: Path, name: str, exported: str, forgotten: str, output: Output) -> int:
    """Say what an agent remembers; export it, or let it be forgotten."""
    objects, item = _found(path, name)
    home = _home(path, objects, item)
    if exported:
        execute(_write_all(export(item, exported, home)))
    if forgotten:
        note(f"{execute(forget(item, forgotten, home))} deleted")
    if not exported and not forgotten:
        columns = ("name", "type", "entries", "bytes", "store")
        show(execute(rows(item, home)), output, columns=columns, empty="it has no memory")
    return 0


async def _write_all(lines: AsyncIterator[bytes]) -> None:
    async for line in lines:
        sys.stdout.write(line.decode())


def _found(path: Path, name: str) -> tuple[ObjectSet, Object]:
    """Return the objects of a folder, and the agent of it, or of the file in it, that is meant.

    The platform and the policies beside a file hold for its agent, too.
    """
    objects = ObjectFolder(_folder(path)).read()
    declared = ObjectFolder(path).read(beside=objects).declared() if path.is_file() else list(objects)
    known = {item.name: item for item in declared if item.kind == "AgentType"}
    return objects, _chosen(known, name)


def _chosen(known: dict[str, Object], name: str) -> Object:
    """Return the agent that is meant."""
    if name and name not in known:
        raise NotFoundError(
            f"no AgentType is called '{name}'", found=name, expected=", ".join(known) or "an AgentType",
            suggestions=did_you_mean(name, known),
        )  # fmt: skip
    if not name and len(known) != 1:
        raise InvalidConfigError(
            "which agent is meant?" if known else "no AgentType is declared here", found=", ".join(known) or "none",
            expected="one AgentType", suggestions=[f"give --name {one}" for one in known] or ["name the file that declares it"],
        )  # fmt: skip
    return known[name] if name else next(iter(known.values()))


def _folder(path: Path) -> Path:
    return (path if path.is_dir() else path.parent).resolve()


def _files(path: Path, name: str) -> AgentFiles:
    return AgentFiles(Layout(_folder(path)), _found(path, name)[1].name)


def _home(path: Path, objects: ObjectSet, item: Object) -> Home:
    folder = _folder(path)
    layout = Layout(folder)
    platform = next(iter(objects.of_kind("Platform")), None)
    spec: PlatformSpec = platform.spec if platform is not None else PlatformSpec()
    store = layout.secrets if layout.secrets.exists() else user_state_folder() / "secrets"
    return Home(
        files=AgentFiles(layout, item.name),
        folder=folder,
        sources=to_builtins(spec.secrets),
        store=store,
        protected=[layout.state, store, user_state_folder(), *_other_states(), *_secret_files(folder, spec)],
        cache=cache_folder(),
        desk=_desk(layout, objects, item, spec),
    )


def _desk(layout: Layout, objects: ObjectSet, item: Object, platform: PlatformSpec) -> AgentDesk:
    """Return what runs the operations that are granted: this process, as the agent, under the policies of the folder."""
    context = PlatformContext(name=layout.folder.name, folder=layout.folder, state=layout.state)
    invoker = local_invoker(context, platform)
    invoker.policies = [policy_rule(policy) for policy in objects.of_kind("Policy")]
    spec: AgentTypeSpec = item.spec
    return AgentDesk(invoker, item.name, spec.tools)


def _other_states() -> Iterator[Path]:
    """Yield the state folders of this user's platforms, wherever they are."""
    for context in Contexts().all():
        yield context.state


def _secret_files(folder: Path, spec: PlatformSpec) -> Iterator[Path]:
    for source in spec.secrets.values():
        if source.file is not None:
            yield folder / source.file


def _input(given: str) -> Any:
    """Return the input: JSON where it is that, else text.

    Raises:
        NotFoundError: The file cannot be read.
        InvalidConfigError: It is no text.
    """
    try:
        data = os.fsencode(given)
        if given.startswith("@"):
            data = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
        text = data.decode()
    except OSError as error:
        raise NotFoundError(
            f"--input: {given[1:] or 'nothing'} cannot be read: {os.strerror(error.errno or 0)}", found=given,
            expected="@FILE, or @- for standard input",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidConfigError(
            f"--input: it is no UTF-8 text: {error.reason}", found=f"byte {error.start}"
        ) from error
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return text
