"""What pnpm asks of vulnerabilities: the whole tree, in the form that came before the bulk one.

https://docs.npmjs.com/cli/v11/commands/npm-audit#quick-audit-endpoint
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.matching import Vulnerability
from outrider.operators.packages.npm.serving.advisories import SEVERITIES
from outrider.operators.packages.serving.advisories import opened_matcher

_DEEPEST = 200
_MOST = 200_000


class _Entry(msgspec.Struct):
    version: str = ""
    dev: bool = False
    dependencies: dict[str, "_Entry"] = {}


class _Place(NamedTuple):
    """Where a package stands in the tree."""

    name: str
    version: str
    path: str
    dev: bool


def audit_of_tree(question: bytes) -> dict[str, Any]:
    """Return the vulnerabilities of a tree, each with the places where it is.

    Args:
        question: The tree, as JSON.

    Raises:
        InvalidConfigError: It is something else.
        MissingRequirementError: No advisories are imported: nothing would read as safe.
        UnavailableError: There are none of npm.
    """
    try:
        tree = msgspec.json.decode(question, type=_Entry)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidConfigError(
            f"body: {error}", path="body", found=str(error)[:200], expected="a tree of packages, as JSON", suggestions=["pnpm audit"]
        ) from error  # fmt: skip
    advisories: dict[str, dict[str, Any]] = {}
    actions: list[dict[str, Any]] = []
    counts = dict.fromkeys(("info", "low", "moderate", "high", "critical"), 0)
    places = list(_places(tree))
    with opened_matcher("npm") as matcher:
        for place in places:
            for one in matcher.vulnerabilities("npm", place.name, place.version):
                _add(advisories, actions, place, one)
    for advisory in advisories.values():
        counts[advisory["severity"]] += len(advisory["findings"])
    metadata = {
        "vulnerabilities": counts,
        "dependencies": len(places),
        "devDependencies": 0,
        "optionalDependencies": 0,
        "totalDependencies": len(places),
    }
    return {"actions": actions, "advisories": advisories, "muted": [], "metadata": metadata}


def _places(tree: _Entry) -> Iterator[_Place]:
    waiting = [(tree, "", 0)]
    count = 0
    while waiting:
        entry, path, depth = waiting.pop()
        for name, one in entry.dependencies.items():
            count += 1
            if depth > _DEEPEST or count > _MOST:
                raise InvalidConfigError(
                    "body: the tree is too large", path="body", expected=f"at most {_MOST} packages"
                )
            below = f"{path}>{name}" if path else name
            # What pnpm calls `.` is the project itself.
            if one.version and not name.startswith("."):
                yield _Place(name, one.version, below, one.dev)
            waiting.append((one, below, depth + 1))


def _add(
    advisories: dict[str, dict[str, Any]], actions: list[dict[str, Any]], place: _Place, one: Vulnerability
) -> None:
    # These clients want a number, and what has none gets its own.
    number = int(hashlib.sha256(f"{one.id} {place.name}".encode()).hexdigest()[:8], 16)
    advisory = advisories.setdefault(str(number), {
        "id": number, "module_name": place.name, "title": one.summary or one.id, "severity": SEVERITIES[one.severity], "findings": [],
        "url": f"https://osv.dev/vulnerability/{one.id}", "overview": one.summary, "cves": [name for name in (one.id, *one.aliases) if name.startswith("CVE-")],
        "patched_versions": f">={one.fixed[0]}" if one.fixed else "<0.0.0", "vulnerable_versions": "", "recommendation": f"Upgrade to {one.fixed[0]}" if one.fixed else "None",
        "github_advisory_id": next((name for name in (one.id, *one.aliases) if name.startswith("GHSA-")), one.id), "cwe": [], "references": "",
    })  # fmt: skip
    versions = {finding["version"]: finding for finding in advisory["findings"]}
    if place.version not in versions:
        versions[place.version] = {
            "version": place.version,
            "paths": [],
            "dev": place.dev,
            "optional": False,
            "bundled": False,
        }
        advisory["findings"].append(versions[place.version])
    versions[place.version]["paths"].append(place.path)
    advisory["vulnerable_versions"] = " || ".join(versions)
    resolves = {"id": number, "path": place.path, "dev": place.dev, "optional": False, "bundled": False}
    actions.append({"action": "review", "module": place.name, "resolves": [resolves]})
