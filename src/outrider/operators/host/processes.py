"""What the process operations share: the facts of a process as a result."""

import msgspec

from outrider.ports.process import ProcessInfo

COMMAND_SHOWN = 1000


class ProcessFacts(msgspec.Struct, kw_only=True):
    """Facts of one process.

    Attributes:
        command: The command line, cut to 1000 characters; empty for threads of the kernel and for zombies.
        state: One letter of proc_pid_stat(5): R, S, D, Z, T, ...
        memory: Resident memory in bytes.
        cpu_seconds: Processor time since its start.
        started: Seconds since the epoch.
        birth: With the pid it names this process for ever, also after another one got the pid.
    """

    pid: int
    parent: int
    name: str
    command: str
    user: str
    state: str
    memory: int
    cpu_seconds: float
    started: float
    birth: int


def facts(info: ProcessInfo) -> ProcessFacts:
    """Return the result's form of what the process table says."""
    return ProcessFacts(
        pid=info.pid,
        parent=info.ppid,
        name=info.name,
        command=" ".join(info.argv)[:COMMAND_SHOWN],
        user=info.user,
        state=info.state,
        memory=info.rss,
        cpu_seconds=round(info.cpu_seconds, 2),
        started=round(info.started, 2),
        birth=info.birth,
    )
