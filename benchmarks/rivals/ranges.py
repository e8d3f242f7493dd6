"""ansible-rulebook on events that it makes itself: what one costs it that no rule matches."""

import os
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rivals.rivals import RivalError, install

END_SECONDS = 600.0
RULEBOOK = """
- name: benchmark
  hosts: all
  sources:
  - name: {source}
    eda.builtin.range: {{limit: {limit}}}
  rules:
{rules}
  - name: the last event
    condition: event.i == {last}
    action:
      shutdown:
"""
RULE = """\
  - name: rule {number}
    condition: {condition}
    action:
      none:
"""
# The start costs the same for either number of events, so that the difference is that of the events.
FEW = 500


def cpu_per_event(source: str, conditions: Sequence[str], events: int) -> float:
    """Return the CPU seconds of all its threads for one event.

    Args:
        source: Name of the source of the events.
        conditions: One of each rule; none of them may hold.
        events: How many, more than `FEW`.

    Raises:
        RivalError: It cannot be installed, or did not end.
    """
    programs = install()
    with tempfile.TemporaryDirectory(prefix="outrider-rival-") as name:
        few, many = (_cpu(programs, Path(name), source, conditions, limit) for limit in (FEW, events))
    return (many - few) / (events - FEW)


def _cpu(programs: Path, folder: Path, source: str, conditions: Sequence[str], limit: int) -> float:
    rules = "".join(RULE.format(number=number, condition=text) for number, text in enumerate(conditions))
    (folder / "rulebook.yml").write_text(RULEBOOK.format(source=source, limit=limit, rules=rules, last=limit - 1))
    (folder / "inventory").write_text("localhost ansible_connection=local\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [programs / "ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "inventory"],
        cwd=folder, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=END_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RivalError(f"ansible-rulebook: {done.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
