"""Programs: run one, keep one, know which there are, and leave none behind."""

from outrider.ports.process.command import Completed, run
from outrider.ports.process.group import ProcessGroup
from outrider.ports.process.guarded import GuardedGroup, spawn_guarded, watch_lifeline
from outrider.ports.process.guardian import LIFELINE_VARIABLE
from outrider.ports.process.spawn import base_environment, exit_text
from outrider.ports.process.table import ProcessInfo, kill_tree, list_processes, process, send_signal

__all__ = [
    "LIFELINE_VARIABLE",
    "Completed",
    "GuardedGroup",
    "ProcessGroup",
    "ProcessInfo",
    "base_environment",
    "exit_text",
    "kill_tree",
    "list_processes",
    "process",
    "run",
    "send_signal",
    "spawn_guarded",
    "watch_lifeline",
]
