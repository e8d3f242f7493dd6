"""What AI agents on this machine have done: runs and costs."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError
from outrider.core.timestamps import timestamp
from outrider.local.agents.files import AgentFiles
from outrider.local.agents.job import RESULT_FILE, JobResult
from outrider.sidecar.llm.ledger import DAY, Entry, read_entries


class CostRow(msgspec.Struct, kw_only=True):
    """What was asked of a model on a day (UTC); the cost is in nano-units of the currency."""

    day: str
    provider: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    currency: str = "USD"


def runs(files: AgentFiles, run_id: str) -> list[Path]:
    """Return the folders of the runs that are kept, the newest last; or that of one.

    Raises:
        NotFoundError: There is none.
    """
    found = (
        sorted(path for path in files.runs.glob("*") if not run_id or path.name == run_id)
        if files.runs.exists()
        else []
    )
    if not found:
        raise NotFoundError(
            f"agent '{files.name}' has no run {run_id}".rstrip() if run_id else f"agent '{files.name}' has not run yet",
            found=run_id, suggestions=["outrider agent run"],
        )  # fmt: skip
    return found


def results(files: AgentFiles) -> list[JobResult]:
    """Return what became of the runs that are kept, the newest last.

    Raises:
        OutriderError: There is none, or one cannot be read.
    """
    return [_result(files.name, folder) for folder in runs(files, "")]


def _result(agent: str, folder: Path) -> JobResult:
    try:
        return decode((folder / RESULT_FILE).read_bytes(), JobResult)
    except FileNotFoundError:
        return JobResult(
            agent=agent, run=folder.name, state="unfinished", exit_code=-1, result=None, problem="it runs still, or was killed with outrider",
            seconds=0.0, calls=0, tools=0, input_tokens=0, output_tokens=0, cost=0, currency="", offline=False, sandbox="", egress="", wrapper="",
        )  # fmt: skip


def costs(files: AgentFiles, days: int) -> list[CostRow]:
    """Return what an agent has asked of models in the last days, today included."""
    begin = (time.time() // DAY - days + 1) * DAY
    return summed(entry for entry in read_entries(files.sidecar / "ledger", begin) if entry.time >= begin)


def summed(entries: Iterable[Entry]) -> list[CostRow]:
    """Return a row for each day, model and currency."""
    rows: dict[tuple[str, str, str, str], CostRow] = {}
    for entry in entries:
        key = (timestamp(entry.time)[:10], entry.provider, entry.model, entry.currency)
        row = rows.setdefault(key, CostRow(day=key[0], provider=key[1], model=key[2], currency=key[3]))
        row.calls += 1
        row.input_tokens += entry.input
        row.output_tokens += entry.output
        row.cost += entry.cost
    return [rows[key] for key in sorted(rows)]
