"""Packages that projects of .NET name: packages.config, and PackageReference in files such as NAME.csproj.

https://learn.microsoft.com/nuget/reference/packages-config and .../package-references-in-project-files.
"""

import re
from xml.etree.ElementTree import Element

from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.xml_properties import child_text, resolved

CONFIG, PROJECT = "packages.config", "csproj"
_PARTIAL = "only what it names is looked at, not what that needs: lock it with outrider nuget lock, or dotnet restore --use-lock-file"
_REFERENCE = re.compile(r"\$\(([^()]+)\)")
_ONE_VERSION = re.compile(r"\[([^,\[\]()]+)\]")


def read_config(text: str) -> Lock:
    """Return the packages of a packages.config.

    Raises:
        InvalidConfigError: It is none.
    """
    root = read_xml(CONFIG, text)
    if root.tag != "packages":
        raise unreadable(CONFIG, f"<{root.tag}> at the top", "<packages> at the top")
    findings = Findings(CONFIG, "nuget")
    for number, one in enumerate(root.iterfind("package"), 1):
        with findings.entry(f"package {one.get('id') or number}"):
            is_development = one.get("developmentDependency", "").lower() == "true"
            findings.add(one.get("id", "").lower(), one.get("version", ""), development=is_development)
    return findings.lock(tells_needs=False)


def read(text: str) -> Lock:
    """Return the packages that a project names; a plain version is the lowest one, which is what NuGet takes.

    Raises:
        InvalidConfigError: It is no project.
    """
    root = read_xml(PROJECT, text)
    if root.tag != "Project":
        raise unreadable(PROJECT, f"<{root.tag}> at the top", "<Project> at the top")
    findings = Findings(PROJECT, "nuget")
    # Names of properties compare without case.
    properties = {one.tag.lower(): (one.text or "").strip() for one in root.iterfind("PropertyGroup/*")}
    for number, one in enumerate(root.iterfind(".//ItemGroup/PackageReference"), 1):
        with findings.entry(f"PackageReference {one.get('Include') or one.get('Update') or number}"):
            _take(findings, one, properties)
    return findings.lock(tells_needs=False, partial=_PARTIAL)


def _take(findings: Findings, reference: Element, properties: dict[str, str]) -> None:
    name = reference.get("Include", "").strip()
    if not name:
        raise UnusableEntry("it has no Include")
    written = next(
        (
            found
            for field in ("VersionOverride", "Version")
            if (found := reference.get(field, "").strip() or child_text(reference, field))
        ),
        "",
    )
    version = resolved(_REFERENCE.sub(lambda match: match[0].lower(), written), properties, _REFERENCE)
    fixed = _ONE_VERSION.fullmatch(version)
    version = fixed[1].strip() if fixed else version
    if not version or "*" in version or version[0] in "[(":
        raise UnusableEntry(f"{version} is no fixed version" if version else "it has no version in this file")
    findings.ask([name.lower()])
    findings.add(name.lower(), version)
