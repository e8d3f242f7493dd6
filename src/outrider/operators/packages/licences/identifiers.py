"""The identifiers of the SPDX licence list, as license-expression ships it: https://spdx.org/licenses/."""

import re
from functools import cache

import msgspec
from license_expression import get_license_index

# Identifiers that were one before there were exceptions, and what the list says of each.
_COMPOSED = {
    "eCos-2.0": "GPL-2.0-or-later WITH eCos-exception-2.0",
    "GPL-2.0-with-autoconf-exception": "GPL-2.0-only WITH Autoconf-exception-2.0",
    "GPL-2.0-with-bison-exception": "GPL-2.0-only WITH Bison-exception-2.2",
    "GPL-2.0-with-classpath-exception": "GPL-2.0-only WITH Classpath-exception-2.0",
    "GPL-2.0-with-font-exception": "GPL-2.0-only WITH Font-exception-2.0",
    "GPL-2.0-with-GCC-exception": "GPL-2.0-only WITH GCC-exception-2.0",
    "GPL-3.0-with-autoconf-exception": "GPL-3.0-only WITH Autoconf-exception-3.0",
    "GPL-3.0-with-GCC-exception": "GPL-3.0-only WITH GCC-exception-3.1",
}
# What license-expression has otherwise than the list: a licence that it takes for an exception, and one that it leaves out.
_LICENCES = ("MPL-2.0-no-copyleft-exception", "Net-SNMP")
# Names of license-expression that are in no list of SPDX.
_FOREIGN = ("bsd-2", "gpl", "verbatim-man-pages", "assembly-exception")
_VERSIONED = re.compile(r"(?P<family>.+?)-(?P<version>\d+(?:\.\d+)*)(?P<end>-only|-or-later)?")


class Identifiers(msgspec.Struct, frozen=True):
    """The list.

    Attributes:
        licences: By identifier in lower case, the identifier that counts today.
        exceptions: Likewise.
        composed: Licences with an exception that have an identifier of their own, in lower case, and their expressions.
    """

    licences: dict[str, str]
    exceptions: dict[str, str]
    composed: dict[str, str]


@cache
def identifiers() -> Identifiers:
    """Return the list."""
    licences: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    composed = {name.lower(): expression for name, expression in _COMPOSED.items()}
    for entry in get_license_index():
        key = entry["spdx_license_key"] or "LicenseRef-"
        if key.startswith("LicenseRef-") or key.lower() in composed:
            continue
        known = exceptions if entry["is_exception"] else licences
        for name in (*entry["other_spdx_license_keys"], key):
            if not name.startswith("LicenseRef-") and " " not in name and name.lower() not in (*composed, *_FOREIGN):
                known[name.lower()] = key
    for name in _LICENCES:
        exceptions.pop(name.lower(), None)
        licences[name.lower()] = name
    return Identifiers(licences, exceptions, composed)


@cache
def families() -> dict[str, tuple[str, ...]]:
    """Return the versions of each licence that has several, the oldest first, by each of its identifiers.

    Those of GNU licences are the ones that end in `-only`.
    """
    found: dict[str, set[tuple[tuple[int, ...], str]]] = {}
    for name in set(identifiers().licences.values()):
        match = _VERSIONED.fullmatch(name)
        if match is not None and match["end"] != "-or-later":
            version = tuple(int(part) for part in match["version"].split("."))
            found.setdefault(match["family"], set()).add((version, name))
    return {
        name: tuple(one for _, one in sorted(members))
        for members in found.values() if len(members) > 1
        for _, name in members
    }  # fmt: skip


def versions_from(name: str) -> tuple[str, ...]:
    """Return a licence and its later versions, the oldest first."""
    versions = families().get(name, (name,))
    return versions[versions.index(name) :]
