"""Patches as Yarn 4 reads and hashes them: `patch/parse.ts` and `patchUtils.ts` of `plugin-patch` of Yarn 4.18."""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.yarn.ranges import has_version

# What JavaScript takes for blank.
BLANKS = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_BEGINNING, _INDEX = "diff --git ", "index "
_DIFF = re.compile(rf"diff --git a/([^\r\u2028\u2029]*?) b/([^\r\u2028\u2029]*?)[{BLANKS}]*$")
_HUNK = re.compile(r"@@ -([0-9]{1,9})(,([0-9]{1,9}))? \+([0-9]{1,9})(,([0-9]{1,9}))? @@")
_HASHES = re.compile(r"(\w+)\.\.(\w+)", re.ASCII)
_MODE = re.compile(r"[0-7]{1,9}")
# The fields of a file, by what stands before them; of the paths the `a/` and `b/` go too, whatever stands there.
_FIELDS = {
    "old mode ": 9, "new mode ": 9, "deleted file mode ": 18, "new file mode ": 14, "rename from ": 12, "rename to ": 10,
    "semver exclusivity ": 19, "--- ": 6, "+++ ": 6,
}  # fmt: skip
_CONTEXT = "context"
_KINDS = {"-": "deletion", "+": "insertion", " ": _CONTEXT, "": _CONTEXT}
_NO_NEWLINE = "\\ No newline at end of file"
_MODES = (0o644, 0o755)
# Part of what the hash is made from.
_CACHE_VERSION = "3"
_SHORT = 6

Hunk = dict[str, Any]


class PatchError(Exception):
    """A text that Yarn cannot read as a patch; the message says why."""


class Effect(NamedTuple):
    """One thing that a patch does.

    Attributes:
        said: As Yarn has it in JSON.
        versions: For which versions it is; None for all.
    """

    said: Mapping[str, Any]
    versions: str | None = None

    def is_for(self, version: str) -> bool:
        """Return whether it is for a version of the package; none is for a range that cannot be read."""
        try:
            return self.versions is None or has_version(self.versions, version)
        except InvalidConfigError:
            return False


class _File:
    """What a patch says of one file, as it is read."""

    def __init__(self) -> None:
        self.names: tuple[str, str] | None = None
        self.fields: dict[str, str] = {}
        self.hashes: tuple[str | None, str | None] = (None, None)
        self.hunks: list[Hunk] | None = None

    def take(self, line: str) -> None:
        """Take a line of the head."""
        if line.startswith(_BEGINNING):
            match = _DIFF.match(line)
            if match is None:
                raise PatchError(f"it has the line {line[:80]}")
            self.names = match[1], match[2]
        elif line.startswith(_INDEX):
            found = _HASHES.search(line)
            self.hashes = (found[1], found[2]) if found is not None else self.hashes
        else:
            field = next((one for one in _FIELDS if line.startswith(one)), "")
            if field:
                self.fields[field] = line[_FIELDS[field] :].strip(BLANKS)

    def take_hunk_line(self, line: str) -> None:
        """Take a line of the hunks."""
        assert self.hunks is not None
        parts = self.hunks[-1]["parts"] if self.hunks else []
        if line.startswith("@"):
            self.hunks.append(_hunk(line))
        elif line.startswith("\\"):
            if not line.startswith(_NO_NEWLINE) or not parts:
                raise PatchError(f"it has the line {line[:80]} where it means nothing")
            parts[-1]["noNewlineAtEndOfFile"] = True
        else:
            kind = _KINDS[line[:1]]
            if not parts or parts[-1]["type"] != kind:
                parts.append({"type": kind, "lines": [], "noNewlineAtEndOfFile": False})
            parts[-1]["lines"].append(line[1:])


def read_patch(text: str) -> list[Effect]:
    """Return what a patch does, in its order.

    Raises:
        PatchError: Yarn cannot read it.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    files = _files(lines[:-1] if lines[-1] == "" else lines)
    found = [effect for file in files for effect in _effects(file)]
    if not found:
        raise PatchError("it changes nothing")
    return found


def hash_of(effects: Iterable[Effect]) -> str:
    """Return the hash of what is done to a version, as a lock file has it."""
    texts = (json.dumps(one.said, ensure_ascii=False, separators=(",", ":")) for one in effects)
    return hashlib.sha512((_CACHE_VERSION + "".join(texts)).encode()).hexdigest()[:_SHORT]


def _files(lines: Sequence[str]) -> list[_File]:
    found = [_File()]
    for line in lines:
        if found[-1].hunks is not None and line[:1] not in (*_KINDS, "@", "\\"):
            found.append(_File())
        if found[-1].hunks is not None:
            found[-1].take_hunk_line(line)
        elif line.startswith("@@"):
            found[-1].hunks = []
            found[-1].take_hunk_line(line)
        else:
            if line.startswith(_BEGINNING) and found[-1].names is not None and found[-1].names[0]:
                found.append(_File())
            found[-1].take(line)
    for file in found:
        for hunk in file.hunks or ():
            _check(hunk)
    return found


def _hunk(line: str) -> Hunk:
    match = _HUNK.match(line.strip(BLANKS))
    if match is None:
        raise PatchError(f"it has the line {line[:80]}")
    return {"header": {"original": _place(match[1], match[3]), "patched": _place(match[4], match[6])}, "parts": []}


def _place(start: str, length: str | None) -> dict[str, int]:
    return {"start": max(int(start), 1), "length": int(length) if length is not None else 1}


def _check(hunk: Hunk) -> None:
    counts = {
        side: sum(len(part["lines"]) for part in hunk["parts"] if part["type"] in (kind, _CONTEXT))
        for side, kind in (("original", "deletion"), ("patched", "insertion"))
    }
    if any(hunk["header"][side]["length"] != count for side, count in counts.items()):
        raise PatchError(
            f"a hunk has {counts['original']} lines of before and {counts['patched']} of after, and its head says otherwise"
        )


def _effects(file: _File) -> Iterator[Effect]:
    """Yield what is done to one file: `interpretParsedPatchFile`."""
    fields, names, hunks = file.fields, file.names or ("", ""), file.hunks or []
    versions = fields.get("semver exclusivity ")
    whole: dict[str, Any] = {"hunk": hunks[0] if hunks else None}
    path = fields.get("+++ ") or names[1]
    if origin := fields.get("rename from "):
        path = fields.get("rename to ", "")
        yield Effect({"type": "rename", "fromPath": _path(origin), "toPath": _path(path)}, versions)
    elif mode := fields.get("deleted file mode "):
        place = _path(names[0] or fields.get("--- ", ""))
        yield Effect(
            {"type": "file deletion", **whole, "path": place, "mode": _mode(mode), "hash": file.hashes[0]}, versions
        )
        return
    elif mode := fields.get("new file mode "):
        place = _path(names[1] or fields.get("+++ ", ""))
        yield Effect(
            {"type": "file creation", **whole, "path": place, "mode": _mode(mode), "hash": file.hashes[1]}, versions
        )
        return
    before, after = fields.get("old mode "), fields.get("new mode ")
    if path and before and after and before != after:
        modes = {"oldMode": _mode(before), "newMode": _mode(after)}
        yield Effect({"type": "mode change", "path": _path(path), **modes}, versions)
    if path and hunks:
        hashes = {"beforeHash": file.hashes[0], "afterHash": file.hashes[1]}
        yield Effect({"type": "patch", "path": _path(path), "hunks": hunks, **hashes}, versions)


def _path(said: str) -> str:
    """Return a path below the package, out of which none leads."""
    if not said:
        raise PatchError("it names no file")
    return posixpath.normpath(f"/{said}").lstrip("/")


def _mode(said: str) -> int:
    match = _MODE.match(said)
    mode = int(match[0], 8) & 0o777 if match is not None else 0
    if mode not in _MODES:
        raise PatchError(f"it has the mode {said[:40]}")
    return mode
