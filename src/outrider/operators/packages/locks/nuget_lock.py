"""packages.lock.json of NuGet: https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files.

Its contentHash is that of a package without its signature. A registry has another one, so it has a name of its own here.
"""

from collections.abc import Mapping
from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, optional_text, table_at, table_of, text_at
from outrider.operators.packages.locks.hashes import from_base64
from outrider.operators.packages.locks.lock import Lock

FORM = "packages.lock.json"
REMEDY = "use NuGet itself: dotnet restore --use-lock-file"
CONTENT_HASH = "sha512-content"
# https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.ProjectModel/ProjectLockFile
NAMED_VERSION = 3


def read(text: str) -> Lock:
    """Return the packages of a file, those of all target frameworks.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    findings = Findings(FORM, "nuget")
    frameworks = frameworks_of(findings, read_json(FORM, text))
    for framework in frameworks:
        # That of one kind of machine has only what differs there: net8.0/linux-x64.
        names = dict.fromkeys((framework.partition("/")[0], framework))
        versions = {
            name.lower(): str(entry["resolved"])
            for one in names for name, entry in findings.section(frameworks, one).items()
            if isinstance(entry, dict) and "resolved" in entry
        }  # fmt: skip
        for name, entry in findings.section(frameworks, framework).items():
            with findings.entry(f"{framework}: {name}"):
                _take(findings, name, table_of(entry), versions)
    return findings.lock()


def frameworks_of(findings: Findings, document: dict[str, Any]) -> dict[str, Any]:
    """Return packages by framework: from version 3 on each has a name that the project gives it, and stands beside the version."""
    version = document.get("version")
    if not isinstance(version, int) or version < NAMED_VERSION:
        return findings.section(document, "dependencies")
    names = [name for name in document if name != "version"]
    return {name: findings.section(findings.section(document, name), "dependencies") for name in names}


def _take(findings: Findings, name: str, entry: dict[str, Any], versions: Mapping[str, str]) -> None:
    kind = optional_text(entry, "type").lower()
    needs = [(one, versions.get(one, "")) for one in map(str.lower, table_at(entry, "dependencies"))]
    if kind == "project":
        findings.ask(needs)
        return
    if kind == "direct":
        findings.ask([(name.lower(), text_at(entry, "resolved"))])
    content = optional_text(entry, "contentHash")
    findings.add(
        name.lower(), text_at(entry, "resolved"), needs=needs,
        hashes={CONTENT_HASH: (from_base64(content),)} if content else {},
    )  # fmt: skip
