"""Which versions are vulnerable, as clients take it while they restore: https://learn.microsoft.com/nuget/api/vulnerability-info."""

import asyncio
import gzip
import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec

from outrider.core.errors import MissingRequirementError, OutriderError
from outrider.core.package_policies import Severity
from outrider.operators.packages.advisories.affected_spans import AffectedVersions
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore, Source
from outrider.operators.packages.nuget.ranges import version_of
from outrider.operators.packages.nuget.records import shown_version
from outrider.operators.packages.nuget.serving.documents import JSON
from outrider.operators.packages.serving.answers import Served
from outrider.operators.packages.serving.documents import StoredDocument
from outrider.operators.packages.serving.gates import state_of_advisories
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Cut, Span

# NuGet has four of them; what nobody has rated is not harmless.
_SEVERITIES: dict[Severity, int] = {"critical": 3, "high": 2, "medium": 1, "low": 0, "none": 0, "unknown": 2}


class Vulnerabilities:
    """Has the document, made anew when other advisories were imported."""

    def __init__(self) -> None:
        self._state = ""
        self._made: dict[str, Served] = {}
        self._making = asyncio.Lock()

    def imported(self) -> Source | None:
        """Return from where the advisories of NuGet came; None where none are imported."""
        try:
            with closing(AdvisoryStore(store_path())) as store:
                return store.sources().get("nuget")
        except OutriderError:
            return None

    async def document(self, encoding: str) -> Served:
        """Return the document, as `gzip` or as `identity`.

        Raises:
            OutriderError: No advisories of NuGet are imported: nothing would read as safe.
        """
        async with self._making:
            state = state_of_advisories()
            if state != self._state:
                self._made = await asyncio.to_thread(_made)
                self._state = state
            return self._made[encoding]


def _made() -> dict[str, Served]:
    content = msgspec.json.encode(vulnerable_packages())
    document = StoredDocument("vulnerabilities", JSON, hashlib.sha256(content).hexdigest(), "", "")
    packed = gzip.compress(content, mtime=0)
    return {"gzip": Served(document, "gzip", packed), "identity": Served(document, "identity", content)}


def vulnerable_packages() -> dict[str, list[dict[str, Any]]]:
    """Return the vulnerabilities of all packages, by name.

    Raises:
        MissingRequirementError: No advisories of NuGet are imported: nothing would read as safe.
        ExecutionFailedError: They cannot be read.
    """
    with closing(AdvisoryStore(store_path())) as store:
        if "nuget" not in store.sources():
            raise MissingRequirementError(
                "no advisories of nuget are imported here, so nothing can be said", found="none"
            )
        matcher = Matcher(store)
        found = {name: list(_of_package(matcher, name)) for name in store.names("nuget")}
    return {name: one for name, one in found.items() if one}


def _of_package(matcher: Matcher, name: str) -> Iterator[dict[str, Any]]:
    for one, affected in matcher.about("nuget", name):
        ranges = {_range(span) for record in affected for span in record.remaining()}
        alone = {f"[{version}]" for record in affected for version in _alone(record)}
        for text in sorted(ranges | alone):
            yield {"severity": _SEVERITIES[one.severity], "url": _url(one), "versions": text}


def _alone(record: AffectedVersions) -> Iterator[str]:
    """Yield the versions that a record lists and no range of it has."""
    for text in sorted(record.listed):
        if (version := shown_version(text)) and not record.spanned(scheme_of("nuget").parse(version)):
            yield version


def _range(span: Span) -> str:
    return f"{_bound(span.low, low=True)}, {_bound(span.high, low=False)}"


def _bound(cut: Cut | None, *, low: bool) -> str:
    if cut is None:
        return "(" if low else ")"
    if low:
        return f"{'(' if cut.after else '['}{version_of(cut.key)}"
    return f"{version_of(cut.key)}{']' if cut.after else ')'}"


def _url(one: Vulnerability) -> str:
    """Return the address of an advisory: that by which projects are told not to warn of it, where there is such a one."""
    for identity in (one.id, *one.aliases):
        if identity.startswith("GHSA-"):
            return f"https://github.com/advisories/{identity}"
    return f"https://osv.dev/vulnerability/{one.id}"
