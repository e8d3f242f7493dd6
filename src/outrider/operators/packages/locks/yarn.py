"""yarn.lock of Yarn 1, which has a form of its own, and of later ones, which is YAML.

https://classic.yarnpkg.com/lang/en/docs/yarn-lock/ and https://yarnpkg.com/configuration/manifest.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import checked, read_yaml
from outrider.operators.packages.locks.entries import (
    Findings,
    Need,
    optional_text,
    table_at,
    table_of,
    text_at,
)
from outrider.operators.packages.locks.hashes import collected, integrity
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.npm_names import ranges_at, real_name, source_of, split_name
from outrider.operators.packages.yarn.patch_ranges import read_patched

FORM = "yarn.lock"
_LATER = re.compile(r"^[\"']?__metadata[\"']?:", re.MULTILINE)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^\s",:][^\s",]*+')
_SHA1 = re.compile(r"#([0-9a-f]{40})$")
_NEEDS = ("dependencies", "optionalDependencies")


def read(text: str) -> Lock:
    """Return the packages of a file; which are for development it does not say.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    findings = Findings(FORM, "npm")
    text = checked(FORM, text)
    is_later = _LATER.search(text)
    entries = [*(_entries_later(text) if is_later else _entries(text))]
    known: dict[str, tuple[str, str]] = {}
    for keys, entry in entries:
        with findings.entry(keys[0]):
            if keys[0] != "__metadata":
                identity = _identity_later(table_of(entry)) if is_later else _identity(keys[0], entry)
                known |= dict.fromkeys(keys, identity)
    aliases = {split_name(key)[0] for keys, _ in entries for key in keys}
    for keys, entry in entries:
        if keys[0] in known:
            with findings.entry(keys[0]):
                (_take_later if is_later else _take)(findings, keys[0], entry, known)
                # Of Yarn 1 members have no entries, and what is published may need them.
                for need in _lacking(entry, aliases) if is_later else ():
                    findings.lack(need, known[keys[0]][0])
    return findings.lock()


def is_of_yarn_1(text: str) -> bool:
    """Return whether a file is of Yarn 1; an empty one is of none."""
    return "\n# yarn lockfile v1" in text or bool(text.strip() and not _LATER.search(text))


def entries_of(text: str) -> dict[str, dict[str, Any]]:
    """Return the entries of a file by each of their keys, such as `NAME@RANGE`, as they are written.

    Raises:
        InvalidConfigError: It is none of this format, or something in it cannot be read.
    """
    text = checked(FORM, text)
    entries = _entries_later(text) if _LATER.search(text) else _entries(text)
    return {key: entry for keys, entry in entries for key in keys}


def _entries_later(text: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield the entries of later ones: all of their keys are one text."""
    for document in read_yaml(FORM, text):
        for key, entry in document.items():
            # The last field of each entry says how it is linked.
            is_whole = isinstance(entry, dict) and entry.get("version") and entry.get("linkType") in ("hard", "soft")
            if key != "__metadata" and not is_whole:
                raise _cut_off(key)
            yield key.split(", "), entry


def _identity(key: str, entry: dict[str, Any]) -> tuple[str, str]:
    return real_name(*split_name(key)), text_at(entry, "version")


def _identity_later(entry: dict[str, Any]) -> tuple[str, str]:
    # A patch is on a package that has an entry too, and may go by another name.
    return read_patched(*split_name(text_at(entry, "resolution"))).name, text_at(entry, "version")


def _take(findings: Findings, key: str, entry: dict[str, Any], known: Mapping[str, tuple[str, str]]) -> None:
    source = source_of(split_name(key)[1])
    resolved = optional_text(entry, "resolved")
    sha1 = _SHA1.search(resolved)
    # After the address of a repository there is its commit.
    old = collected([("sha1", sha1[1])]) if sha1 and source != "git" else {}
    findings.add(
        *known[key], source=source, hashes=lambda: {**old, **integrity(optional_text(entry, "integrity"))}, needs=_needs(entry, known)
    )  # fmt: skip


def _take_later(findings: Findings, key: str, entry: dict[str, Any], known: Mapping[str, tuple[str, str]]) -> None:
    """Take an entry of Yarn 2 or later. Its checksum is that of an archive which Yarn makes itself, and says nothing here."""
    place = split_name(text_at(entry, "resolution"))[1]
    if place.startswith("workspace:"):
        findings.ask(_needs(entry, known))
    if optional_text(entry, "linkType") == "soft" or place.startswith(("workspace:", "link:", "portal:")):
        return
    findings.add(*known[key], source=source_of(place), needs=_needs(entry, known))


def _needs(entry: dict[str, Any], known: Mapping[str, tuple[str, str]]) -> Iterator[Need]:
    """Yield what an entry needs: its range is a key of the file, before Yarn 4 without `npm:`, unless resolutions have replaced it."""
    for alias, wanted in ranges_at(entry, _NEEDS):
        keys = (f"{alias}@{wanted}", f"{alias}@npm:{wanted}")
        yield next((known[one] for one in keys if one in known), "") or real_name(*read_patched(alias, wanted)[:2])


def _lacking(entry: dict[str, Any], aliases: set[str]) -> Iterator[str]:
    """Yield what an entry needs and what is in no range; resolutions may have replaced ranges, though not names."""
    meta = table_at(entry, "dependenciesMeta")
    optional = {one for one, said in meta.items() if isinstance(said, dict) and said.get("optional") == "true"}
    for alias, _ in ranges_at(entry, ["dependencies"]):
        if alias not in aliases and alias not in optional:
            yield alias


def _entries(text: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield the entries of Yarn 1: their keys, and what stands below them with two or four blanks before."""
    entry: dict[str, Any] | None = None
    below: dict[str, Any] = {}
    keys: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        words = _words(line.strip(), number)
        if depth == 0:
            if entry is not None:
                yield keys, _whole(keys, entry)
            keys, entry = words, {}
        elif entry is None:
            raise unreadable(FORM, f"line {number} belongs to no package", "packages at the start of lines")
        elif line.endswith(":"):
            below = entry[words[0]] = {}
        else:
            if len(words) == 1:
                raise unreadable(FORM, f"line {number}: {line.strip()} has no value", "lines as Yarn writes them")
            (entry if depth <= 2 else below)[words[0]] = words[1]
    if entry is not None:
        yield keys, _whole(keys, entry)


def _whole(keys: list[str], entry: dict[str, Any]) -> dict[str, Any]:
    if not entry.get("version"):
        raise _cut_off(keys[0])
    return entry


def _cut_off(key: str) -> InvalidConfigError:
    return unreadable(FORM, f"the entry {key} is not whole", "entries as Yarn writes them, each with its version")


def _words(line: str, number: int) -> list[str]:
    try:
        words = [str(json.loads(one)) if one.startswith('"') else one for one in _WORD.findall(line.removesuffix(":"))]
    except ValueError as error:
        raise unreadable(FORM, f"line {number}: {line} is not quoted well", "lines as Yarn writes them") from error
    if not words or not words[0]:
        raise unreadable(FORM, f"line {number}: {line} has no name", "lines as Yarn writes them")
    return words
