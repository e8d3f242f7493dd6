"""Writes gradle.lockfile: https://docs.gradle.org/current/userguide/dependency_locking.html."""

from collections.abc import Collection, Mapping

_HEADER = """\
# This is a Gradle generated file for dependency locking.
# Manual edits can break the build and are not advised.
# This file is expected to be part of source control.
"""
_EMPTY = "empty"


def written(modules: Mapping[str, Collection[str]], configurations: Collection[str]) -> str:
    """Return the text of a file.

    Args:
        modules: Of each `group:name:version` the configurations that it is in.
        configurations: All that are locked.
    """
    lines = [f"{module}={','.join(sorted(names))}" for module, names in sorted(modules.items())]
    filled = {name for names in modules.values() for name in names}
    empty = ",".join(sorted(set(configurations) - filled))
    return _HEADER + "".join(f"{line}\n" for line in (*lines, f"{_EMPTY}={empty}"))
