"""What a source has besides what it tells: lists of versions, and the manifests of packages.

https://learn.microsoft.com/nuget/api/package-base-address-resource and https://learn.microsoft.com/nuget/reference/nuspec.
"""

from urllib.parse import quote
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.xml_properties import child_text
from outrider.operators.packages.nuget.package_files import manifest_text
from outrider.operators.packages.nuget.records import Entry, NugetRelease, PageRecord, shown_version
from outrider.operators.packages.nuget.registrations import are_needs

_MOST_VERSIONS = 50_000
_MOST_NEEDS = 2_000
_LONGEST_TEXT = 1024


class _Versions(msgspec.Struct):
    versions: list[str]


def file_name(name: str, version: str) -> str:
    """Return how the file of a package is called."""
    return f"{name.lower()}.{version.lower()}.nupkg"


def place(base: str, name: str, version: str, file: str) -> str:
    """Return where a file of a package is."""
    return "/".join([base, *(quote(part, safe="") for part in (name.lower(), version.lower(), file))])


def read_versions(name: str, content: bytes) -> PageRecord:
    """Return a list of versions in the form in which it is kept.

    Raises:
        ExecutionFailedError: It is no such list.
    """
    try:
        texts = msgspec.json.decode(content, type=_Versions).versions[:_MOST_VERSIONS]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExecutionFailedError(
            f"nuget {name}: what the source says cannot be used", found=str(error)[:200], expected='{"versions": [...]}',
            suggestions=["check the address of the source: dotnet nuget list source"],
        ) from error  # fmt: skip
    versions = [version for text in texts if (version := shown_version(text))]
    return PageRecord("", "", [Entry(version) for version in versions], len(texts) - len(versions))


def read_manifest(content: bytes) -> NugetRelease | None:
    """Return what a manifest says; None where it cannot be read."""
    try:
        root = read_xml("nuspec", manifest_text(content))
    except (InvalidConfigError, UnicodeDecodeError):
        return None
    metadata = root.find("metadata")
    if root.tag != "package" or metadata is None:
        return None
    groups = groups_of(metadata)
    return None if groups is None else NugetRelease(groups, "", licence_of(metadata)[:_LONGEST_TEXT])


def groups_of(metadata: Element) -> list[tuple[str, list[tuple[str, str]]]] | None:
    """Return what a version needs for each framework; None where that cannot be read, or is too much."""
    groups = _groups(metadata)
    readable = all(are_needs(needs) for _, needs in groups)
    return groups if readable and sum(len(needs) for _, needs in groups) <= _MOST_NEEDS else None


def _groups(metadata: Element) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the groups; what stands in none is for any framework, where there are no groups."""
    found = [
        (group.get("targetFramework", "")[:_LONGEST_TEXT], _needs(group))
        for group in metadata.iterfind("dependencies/group")
    ]
    dependencies = metadata.find("dependencies")
    if not found and dependencies is not None:
        found = [("", _needs(dependencies))]
    return found


def _needs(group: Element) -> list[tuple[str, str]]:
    return [(one.get("id", "").strip(), one.get("version", "")) for one in group.iterfind("dependency")]


def licence_of(metadata: Element) -> str:
    """Return the expression of SPDX in a manifest; empty where it has none."""
    licence = metadata.find("license")
    is_expression = licence is not None and licence.get("type") == "expression"
    return child_text(metadata, "license") if is_expression else ""
