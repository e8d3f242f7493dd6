"""What npm audit asks: which versions are vulnerable.

https://docs.npmjs.com/cli/v11/commands/npm-audit#bulk-advisory-endpoint
"""

from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.serving.advisories import opened_matcher

# npm knows no more of them; what nobody has rated is not harmless.
SEVERITIES = {
    "critical": "critical",
    "high": "high",
    "medium": "moderate",
    "low": "low",
    "none": "info",
    "unknown": "high",
}


def advisories_of(question: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the vulnerabilities of versions, by package.

    Args:
        question: Versions by package, as JSON.

    Raises:
        InvalidConfigError: It is something else.
        MissingRequirementError: No advisories are imported: nothing would read as safe.
        UnavailableError: There are none of npm.
    """
    try:
        packages = msgspec.json.decode(question, type=dict[str, list[str]])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidConfigError(
            f"body: {error}", path="body", found=str(error)[:200], expected="versions by package, as JSON", suggestions=["npm audit"]
        ) from error  # fmt: skip
    with opened_matcher("npm") as matcher:
        found = {name: _of_package(matcher, name, versions) for name, versions in packages.items()}
    return {name: one for name, one in found.items() if one}


def _of_package(matcher: Matcher, name: str, versions: list[str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    affected: dict[str, list[str]] = {}
    for version in versions:
        for one in matcher.vulnerabilities("npm", name, version):
            affected.setdefault(one.id, []).append(version)
            unrated = " (nobody has rated it)" if one.severity == "unknown" else ""
            found[one.id] = {
                "id": one.id, "url": f"https://osv.dev/vulnerability/{one.id}", "title": f"{one.summary or one.id}{unrated}",
                "severity": SEVERITIES[one.severity], "vulnerable_versions": " || ".join(affected[one.id]), "cwe": [],
                "cvss": {"score": one.score or 0, "vectorString": None},
            }  # fmt: skip
    return list(found.values())
