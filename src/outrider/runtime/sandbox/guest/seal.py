"""What a confined program starts as.

    python -I -S -B seal.py SPECIFICATION GROUP...

SPECIFICATION is a descriptor: the read end of a pipe that holds marshalled data, made by `outrider.runtime.sandbox.launch`,
without secrets. The write end stays open in the agent: once it is closed the agent is gone, and nothing is started any more.
Each GROUP is a descriptor of a cgroup's `cgroup.procs`.

Joining a cgroup waits for the whole machine, some 5 to 20 ms without any work, so it is done beside the imports. This file is
short because Python compiles it at every start; `confine` comes compiled.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def join(groups: list[int]) -> Callable[[], None]:
    """Begin to join the groups, and return a function that waits until that is done and its thread is gone."""
    done, failures = allocate_lock(), list[OSError]()

    def work() -> None:
        try:
            for group in groups:
                os.write(group, b"0")
        except OSError as error:
            failures.append(error)
        finally:
            done.release()

    def wait() -> None:
        done.acquire()
        sys.setswitchinterval(interval)
        if failures:
            raise failures[0]
        for group in groups:
            os.close(group)
        while len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - pathlib is too heavy here
            os.sched_yield()

    interval = sys.getswitchinterval()
    # Else each of its system calls would wait for 5 ms of imports.
    sys.setswitchinterval(interval / 100)
    done.acquire()
    if groups:
        start_new_thread(work, ())
    else:
        done.release()
    return wait


def main() -> None:
    """Run as a program; see the top of this file."""
    lifeline, *groups = map(int, sys.argv[1:])
    wait_until_joined = join(groups)
    sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120 - as above
    # Only now is it found, and its imports run beside the joining.
    confine = __import__("confine")
    del sys.path[0]
    confine.main(lifeline, wait_until_joined)


if __name__ == "__main__":
    main()
