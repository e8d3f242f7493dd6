"""Patches as Yarn 4 reads, hashes and applies them: `patch/parse.ts`, `patch/apply.ts` and `patchUtils.ts` of `plugin-patch` of Yarn 4.18."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.yarn.ranges import has_version

_BEGINNING = "diff --git "
_HUNK = re.compile(r"@@ -(\d{1,9})(,(\d{1,9}))? \+(\d{1,9})(,(\d{1,9}))? @@")
_DIFF = re.compile(r"diff --git a/(.*?) b/(.*?)\s*$")
_INDEX = re.compile(r"(\w+)\.\.(\w+)")
_EXCLUSIVITY, _FROM, _TO = "semver exclusivity ", "--- ", "+++ "
_KINDS = {"-": "deletion", "+": "insertion", " ": "context", "": "context"}
_MODES = {"100644": 0o644, "100755": 0o755}
_CREATED = "new file mode "
_NO_NEWLINE = "\\ No newline at end of file"
# Of the patches that Yarn applies, part of what the hash is made from.
_CACHE_VERSION = "3"
_SHORT = 6


class HunkError(Exception):
    """A patch does not fit a file."""


class FilePatch(NamedTuple):
    """What a patch changes in one file.

    Attributes:
        path: Of the file, below the package.
        hunks: As Yarn has them in JSON.
        hashes: Of the file before and after, where the patch has them.
        mode: Of a file that is made; None where it is there.
    """

    path: str
    hunks: Sequence[Mapping[str, Any]]
    hashes: tuple[str | None, str | None] = (None, None)
    mode: int | None = None

    @property
    def text(self) -> str:
        """What Yarn makes its hash from."""
        before, after = self.hashes
        whole: dict[str, Any] = {
            "type": "patch",
            "path": self.path,
            "hunks": self.hunks,
            "beforeHash": before,
            "afterHash": after,
        }
        if self.mode is not None:
            hunk = self.hunks[0] if self.hunks else None
            whole = {"type": "file creation", "hunk": hunk, "path": self.path, "mode": self.mode, "hash": after}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def read_patch(text: str, version: str) -> list[FilePatch]:
    """Return what a patch changes in a version of a package.

    Args:
        text: Of the patch.
        version: Of the package.

    Raises:
        UnsupportedError: It does something else than to change lines.
    """
    sections: list[list[str]] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n"):
        if line.startswith(_BEGINNING):
            sections.append([])
        if sections:
            sections[-1].append(line)
    found = (_read(section) for section in sections if _is_for(section, version))
    return [one for one in found if one.hunks]


def hash_of(patches: Iterable[FilePatch]) -> str:
    """Return the hash of what is applied, as a lock file has it."""
    whole = _CACHE_VERSION + "".join(one.text for one in patches)
    return hashlib.sha512(whole.encode()).hexdigest()[:_SHORT]


def applied(patches: Iterable[FilePatch], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files that are other ones then, by their paths.

    Raises:
        HunkError: One does not fit, or is not there.
    """
    changed: dict[str, bytes] = {}
    for one in patches:
        if one.mode is not None:
            changed[one.path] = _made(one)
            continue
        content = changed.get(one.path, files.get(one.path))
        if content is None:
            raise HunkError(one.path)
        changed[one.path] = "\n".join(_applied(one, content.decode(errors="replace").split("\n"))).encode()
    return changed


def _made(patch: FilePatch) -> bytes:
    part = patch.hunks[0]["parts"][0]
    return ("\n".join(part["lines"]) + ("" if part["noNewlineAtEndOfFile"] else "\n")).encode()


def _is_for(section: Sequence[str], version: str) -> bool:
    said = next((line for line in section if line.startswith((_EXCLUSIVITY, "@@"))), "")
    return not said.startswith(_EXCLUSIVITY) or has_version(said.removeprefix(_EXCLUSIVITY).strip(), version)


def _read(section: Sequence[str]) -> FilePatch:
    names = _DIFF.match(section[0])
    path, mode = names[2] if names is not None else "", None
    hashes: tuple[str | None, str | None] = (None, None)
    place = 1
    for line in section[1:]:
        if line.startswith("@@"):
            break
        place += 1
        if line.startswith(_CREATED) and line.removeprefix(_CREATED).strip() in _MODES:
            mode = _MODES[line.removeprefix(_CREATED).strip()]
        elif line.startswith(_TO):
            path = line.removeprefix(_TO).removeprefix("b/").strip()
        elif line.startswith("index ") and (match := _INDEX.search(line)) is not None:
            hashes = (match[1], match[2])
        elif not line.startswith((_FROM, _EXCLUSIVITY, "index ")):
            raise UnsupportedError(
                f"Yarn's own patch of {path}: it does more than to change lines", path="patch", found=line[:80], expected="changes of lines",
                suggestions=["have Yarn write the lock file: yarn install"],
            )  # fmt: skip
    return FilePatch(path, [*_hunks(section[place:])], hashes, mode)


def _hunks(lines: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    hunk: dict[str, Any] | None = None
    for line in lines:
        if (match := _HUNK.match(line)) is not None:
            if hunk is not None:
                yield hunk
            hunk = {
                "header": {"original": _place(match[1], match[3]), "patched": _place(match[4], match[6])},
                "parts": [],
            }
        elif hunk is not None and hunk["parts"] and line.startswith(_NO_NEWLINE):
            hunk["parts"][-1]["noNewlineAtEndOfFile"] = True
        elif hunk is not None and line[:1] in _KINDS:
            kind = _KINDS[line[:1]]
            if not hunk["parts"] or hunk["parts"][-1]["type"] != kind:
                hunk["parts"].append({"type": kind, "lines": [], "noNewlineAtEndOfFile": False})
            hunk["parts"][-1]["lines"].append(line[1:])
    if hunk is not None:
        yield hunk


def _place(start: str, length: str | None) -> dict[str, int]:
    return {"start": max(int(start), 1), "length": int(length) if length is not None else 1}


def _applied(patch: FilePatch, lines: list[str]) -> list[str]:
    """Return the lines of a file with all hunks: each is looked for where it should be, and then ever further from there."""
    places: list[int] = []
    moved, least = 0, 0
    for hunk in patch.hunks:
        header = hunk["header"]
        first = max(least, header["patched"]["start"] + moved)
        before, behind = max(0, first - least), max(0, len(lines) - first - header["original"]["length"])
        # Beyond the end of the file only what stands there by itself fits.
        least_distance = max(0, first - len(lines)) if any(one["type"] != "insertion" for one in hunk["parts"]) else 0
        for distance in range(least_distance, max(before, behind) + 1):
            at = next((place for place in _near(first, distance, before, behind) if _fits(hunk, lines, place)), None)
            if at is not None:
                break
        else:
            raise HunkError(patch.path)
        places.append(at)
        moved, least = moved + at - first, at + header["original"]["length"]
    found, shift = [*lines], 0
    for at, hunk in zip(places, patch.hunks, strict=True):
        shift = _change(found, hunk, at, shift)
    return found


def _near(first: int, distance: int, before: int, behind: int) -> Iterator[int]:
    if distance <= before:
        yield first - distance
    if distance <= behind:
        yield first + distance


def _fits(hunk: Mapping[str, Any], lines: Sequence[str], place: int) -> bool:
    for part in hunk["parts"]:
        if part["type"] == "insertion":
            continue
        for line in part["lines"]:
            if not 0 <= place < len(lines) or lines[place].rstrip() != line.rstrip():
                return False
            place += 1
    return True


def _change(lines: list[str], hunk: Mapping[str, Any], place: int, shift: int) -> int:
    """Change lines in their place; return by how much what follows has moved."""
    for part in hunk["parts"]:
        count, is_last = len(part["lines"]), part["noNewlineAtEndOfFile"]
        if part["type"] == "insertion":
            lines[place + shift : place + shift] = part["lines"]
            shift += count
            if is_last:
                lines.pop()
        else:
            place += count
        if part["type"] == "deletion":
            del lines[place - count + shift : place + shift]
            shift -= count
            if is_last:
                lines.append("")
    return shift
