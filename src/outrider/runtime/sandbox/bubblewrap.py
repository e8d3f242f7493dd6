"""The command line of bubblewrap (bwrap(1)).

bwrap stays process 1 of the namespace: it reaps orphans, signals have their usual effect on the program, exit codes arrive,
and its end ends the namespace. Its environment is readable inside as /proc/1/environ, so it is started with the program's
own. `--die-with-parent` follows the thread that starts it: that is the event loop's, which lives as long as the agent.

The agent's root keeps its user namespace: there bwrap needs none, and the launcher can change to another uid for real.
"""

import os
from collections.abc import Iterable, Iterator

from outrider.runtime.sandbox.identity import CAP_SETGID, CAP_SETUID, Identity
from outrider.runtime.sandbox.paths import View, covered, folders_above

_CAPABILITY_NAMES = {
    1: "CAP_DAC_OVERRIDE",
    2: "CAP_DAC_READ_SEARCH",
    CAP_SETGID: "CAP_SETGID",
    CAP_SETUID: "CAP_SETUID",
}
# Made by bwrap itself.
_OWN_MOUNTS = ("/proc", "/dev")


def bubblewrap_arguments(program: str, seen: View, *, who: Identity, network: bool) -> list[str]:
    """Return the command up to the program that runs inside.

    Args:
        program: Path of bwrap.
        seen: What is mounted.
        who: Who the program will be.
        network: Whether it shares the network of the machine.
    """
    command = [program, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", *([] if network else ["--unshare-net"]), "--cap-drop", "ALL"]
    if who.uid is None:
        command += ["--unshare-user"]
    else:
        for number in (CAP_SETGID, CAP_SETUID, *who.capabilities):
            command += ["--cap-add", _CAPABILITY_NAMES[number]]
    return [*command, *_mounts(seen), "--remount-ro", "/", "--"]


def _mounts(seen: View) -> Iterator[str]:
    links = [path for path in seen.programs if os.path.islink(path)]  # noqa: PTH114 - texts, as bwrap takes them
    for path in seen.programs:
        if path not in links:
            yield from ("--ro-bind", path, path)
    for path in links:
        yield from ("--symlink", os.readlink(path), path)  # noqa: PTH115 - as above
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from _binds(seen)


def _binds(seen: View) -> Iterator[str]:
    binds = dict.fromkeys((*seen.settings, *seen.own, *seen.readable), "--ro-bind")
    binds |= dict.fromkeys(seen.writable, "--bind")
    bound = set(seen.programs)
    # What lies in something that is bound for reading is there already, and a link in it cannot be bound once more.
    shown, made = set(seen.programs), set[str]()
    for path in seen.listed:
        yield from _folders((*folders_above(path), path), bound, made)
    # The upper ones first, so that a deeper one lies over them.
    for path in sorted(binds, key=lambda path: path.count("/")):
        readable = binds[path] == "--ro-bind"
        if covered(path, _OWN_MOUNTS) or (readable and covered(path, shown)):
            continue
        yield from _folders(folders_above(path), bound, made)
        yield from (binds[path], path, path)
        bound.add(path)
        if readable:
            shown.add(path)


def _folders(paths: Iterable[str], bound: set[str], made: set[str]) -> Iterator[str]:
    """Make folders that everybody may enter: those that bwrap makes by itself are closed to all but root."""
    for folder in paths:
        if folder not in made and not covered(folder, bound):
            yield from ("--perms", "0755", "--dir", folder)
            made.add(folder)
