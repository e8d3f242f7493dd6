"""yarn.lock of Yarn 1, which has a form of its own, and of later ones, which is YAML.

https://classic.yarnpkg.com/lang/en/docs/yarn-lock/ and https://yarnpkg.com/configuration/manifest.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from outrider.operators.packages.locks.documents import checked, read_yaml
from outrider.operators.packages.locks.entries import (
    Findings,
    UnusableEntry,
    optional_text,
    table_of,
    text_at,
)
from outrider.operators.packages.locks.hashes import collected, integrity
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.npm_names import names_at, real_name, source_of, split_name

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
    entries = (
        chain.from_iterable(one.items() for one in read_yaml(FORM, text)) if is_later else _entries(findings, text)
    )
    for key, entry in entries:
        with findings.entry(key):
            if not is_later:
                _take(findings, key, entry)
            elif key != "__metadata":
                _take_later(findings, table_of(entry))
    return findings.lock()


def _take(findings: Findings, key: str, entry: dict[str, Any]) -> None:
    alias, wanted = split_name(key)
    resolved = optional_text(entry, "resolved")
    sha1 = _SHA1.search(resolved)
    source = source_of(wanted)
    written = integrity(optional_text(entry, "integrity"))
    # After the address of a repository there is its commit.
    old = collected([("sha1", sha1[1])]) if sha1 and source != "git" else {}
    findings.add(
        real_name(alias, wanted), text_at(entry, "version"), source=source, hashes={**old, **written},
        needs=names_at(entry, _NEEDS),
    )  # fmt: skip


def _take_later(findings: Findings, entry: dict[str, Any]) -> None:
    """Take an entry of Yarn 2 or later. Its checksum is that of an archive which Yarn makes itself, and says nothing here."""
    name, place = split_name(text_at(entry, "resolution"))
    if optional_text(entry, "linkType") == "soft" or place.startswith(("workspace:", "link:", "portal:")):
        return
    # A patch is on a package that has an entry too.
    findings.add(name, text_at(entry, "version"), source=source_of(place), needs=names_at(entry, _NEEDS))


def _entries(findings: Findings, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of Yarn 1: the first of their keys, and what stands below it with two or four blanks before."""
    entry: dict[str, Any] | None = None
    below: dict[str, Any] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        with findings.entry(f"line {number}"):
            words = _words(line.strip())
            if depth == 0:
                if entry is not None:
                    yield key, entry
                key, entry = words[0], {}
            elif entry is None:
                raise unreadable(FORM, f"line {number} belongs to no package", "packages at the start of lines")
            elif line.endswith(":"):
                below = entry[words[0]] = {}
            else:
                (entry if depth <= 2 else below)[words[0]] = words[1] if len(words) > 1 else ""
    if entry is not None:
        yield key, entry


def _words(line: str) -> list[str]:
    try:
        words = [str(json.loads(one)) if one.startswith('"') else one for one in _WORD.findall(line.removesuffix(":"))]
    except ValueError as error:
        raise UnusableEntry(f"{line} is not quoted well") from error
    if not words or not words[0]:
        raise UnusableEntry(f"{line} has no name")
    return words
