"""Action: removes old files below one folder, the oldest first."""

from __future__ import annotations

import os
import time

from open_folders import Found, Tree
from outrider_plugin import Action, CancelledError, PluginError, Request, main, seconds
from path_globs import Glob, Wanted

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LISTED = 100
NAMED = 5
NANOSECONDS = 1_000_000_000


class DiskCleanUp(Action):
    """The files of one folder."""

    def setup(self) -> None:
        self.folder = self.config["folder"]
        if not os.path.isdir(self.folder):  # noqa: PTH112 - pathlib costs memory in every host
            raise PluginError(f"config.folder is {self.folder}, expected a folder", code="INVALID_CONFIG")
        self.glob = glob(self.config["pattern"], "config.pattern")
        self.older_than = seconds(self.config["older_than"])

    def execute(self, request: Request) -> dict[str, Any]:
        given = request.input
        globs = [self.glob, *([glob(given["pattern"], "pattern")] if "pattern" in given else [])]
        # A rule can only narrow what the configuration allows.
        age = max(self.older_than, seconds(given.get("older_than", "0s")))
        faults: list[str] = []
        try:
            tree = Tree(self.folder, faults.append)
        except OSError as error:
            code = "NOT_FOUND" if isinstance(error, FileNotFoundError) else "DENIED"
            raise PluginError(f"config.folder: {self.folder}: {error.strerror}", code=code) from error
        with tree:
            old, matching = self._old_files(request, tree.files(Wanted(globs)), age)
            # Those to keep are the newest of all that match, so the oldest of the old ones go.
            going = old[: max(0, matching - self.config["keep"])]
            if len(going) > self.config["at_most"]:
                raise self._too_many()
            dry_run = given.get("dry_run", False)
            gone = going if dry_run else self._remove(request, tree, going, faults=faults)
        if faults:
            raise partial(gone, faults, dry_run=dry_run)
        return result(gone, matching, dry_run=dry_run)

    def _old_files(self, request: Request, files: Any, age: float) -> tuple[list[Found], int]:
        """Return the old ones, the oldest first, and the number of all that match."""
        before = time.time_ns() - int(age * NANOSECONDS)
        bound = self.config["at_most"] + self.config["keep"]
        old, matching = [], 0
        for file in files:
            self._check(request)
            matching += 1
            if file.written <= before:
                old.append(file)
            if len(old) > bound:
                raise self._too_many()
        old.sort(key=lambda file: (file.written, file.folders, file.name))
        return old, matching

    def _too_many(self) -> PluginError:
        at_most = self.config["at_most"]
        return PluginError(
            f"more than {at_most} files below {self.folder} would be removed, which config.at_most does not allow;"
            " none was removed",
            code="DENIED",
        )

    def _remove(self, request: Request, tree: Tree, going: list[Found], *, faults: list[str]) -> list[Found]:
        gone: list[Found] = []
        try:
            for file in going:
                self._check(request)
                try:
                    if tree.remove(file):
                        gone.append(file)
                except OSError as error:
                    faults.append(f"{file.path()}: {error.strerror}")
        finally:
            request.log(f"removed {counted(gone)} below {self.folder}")
        return gone

    def _check(self, request: Request) -> None:
        request.check()
        if self.stopping:
            raise CancelledError


def glob(pattern: str, field: str) -> Glob:
    """Return the pattern, ready to match.

    Raises:
        PluginError: It is none.
    """
    try:
        return Glob(pattern)
    except ValueError as error:
        raise PluginError(f"{field}: {error}, expected a path below the folder", code="INVALID_CONFIG") from error


def counted(files: list[Found]) -> str:
    """Return number and size for people."""
    size = float(sum(file.size for file in files))
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{len(files)} file{'' if len(files) == 1 else 's'} ({size:.3g} {unit})"


def result(gone: list[Found], matching: int, *, dry_run: bool) -> dict[str, Any]:
    """Return what was done, or would be."""
    return {
        "removed": 0 if dry_run else len(gone),
        "would_remove": len(gone) if dry_run else 0,
        "bytes": sum(file.size for file in gone),
        "matching": matching,
        "files": [file.path() for file in gone[:LISTED]],
        "summary": f"{'would remove' if dry_run else 'removed'} {counted(gone)}",
    }


def partial(gone: list[Found], faults: list[str], *, dry_run: bool) -> PluginError:
    """Return the error for a run in which something stood in the way."""
    named = "; ".join(faults[:NAMED]) + (f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else "")
    done = f"{'would remove' if dry_run else 'removed'} {counted(gone)}"
    return PluginError(f"{done}, but not all could be looked at or removed: {named}", code="PARTIAL")


main(DiskCleanUp)
