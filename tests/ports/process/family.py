"""A program whose descendants try to get away; it prints their pids, its own first, and waits.

    family.py [--ignore-term] [--orphan]

With --orphan one of them forks twice and calls setsid in between, so that neither parent, session nor group lead to it.
"""

import os
import signal
import sys


def fork_member(out: int, *, session: bool, twice: bool) -> None:
    child = os.fork()
    if child:
        if twice:
            os.waitpid(child, 0)
        return
    if session:
        os.setsid()
    if twice and os.fork():
        os._exit(0)
    os.write(out, str(os.getpid()).encode())
    while True:
        signal.pause()


def main(arguments: list[str]) -> None:
    if "--ignore-term" in arguments:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kinds = [(False, False), (False, True), (True, False)] + [(True, True)] * ("--orphan" in arguments)
    pids_in, pids_out = os.pipe()
    pids = [str(os.getpid()).encode()]
    for session, twice in kinds:
        fork_member(pids_out, session=session, twice=twice)
        pids.append(os.read(pids_in, 100))
    os.write(1, b" ".join(pids) + b"\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
