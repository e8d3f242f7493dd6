"""What the manifest in a package says, read strictly, and as registrations say it: https://learn.microsoft.com/nuget/reference/nuspec."""

import re
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.xml_properties import child_text
from outrider.operators.packages.nuget.client import is_name
from outrider.operators.packages.nuget.flat_container import groups_of, licence_of
from outrider.operators.packages.nuget.records import shown_version

_LONGEST = 4_000
# A manifest that declares another encoding than its own is read by some as another one.
_DECLARED = re.compile(r"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)")
_ADDRESS = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_TEXTS = ("authors", "description", "language", "summary", "title")
_ADDRESSES = ("iconUrl", "licenseUrl", "projectUrl")
_SYMBOLS = "symbolspackage"


class Nuspec(NamedTuple):
    """A manifest.

    Attributes:
        id: Of the package, as it writes it.
        version: As NuGet shows it.
        entry: What a registration says of it.
    """

    id: str
    version: str
    entry: dict[str, Any]


def read_nuspec(content: bytes) -> Nuspec:
    """Read a manifest.

    Raises:
        InvalidConfigError: It is none, or not one that all clients read alike.
    """
    metadata = _metadata(content)
    for name in ("id", "version"):
        if len(metadata.findall(name)) != 1:
            raise wrong_nuspec(name, f"{len(metadata.findall(name))} of them", "one")
    identity, written = child_text(metadata, "id"), child_text(metadata, "version")
    version, groups = shown_version(written), groups_of(metadata)
    if not is_name(identity):
        raise wrong_nuspec(
            "id", identity, "letters, digits, and dots, hyphens and underscores between them, at most 100"
        )
    if not version:
        raise wrong_nuspec("version", written, "a version such as 1.2.3 or 1.2.3-beta.1")
    if groups is None:
        raise wrong_nuspec(
            "dependencies", "a name or a range that cannot be read", "names of packages, each with a range"
        )
    return Nuspec(identity, version, _entry(identity, written, metadata, groups))


def _metadata(content: bytes) -> Element:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong_nuspec("encoding", str(error)[:80], "UTF-8") from error
    declared = _DECLARED.match(text)
    if declared is not None and declared[1].lower() not in ("utf-8", "utf8"):
        raise wrong_nuspec("encoding", declared[1], "UTF-8")
    try:
        root = read_xml("nuspec", text)
    except InvalidConfigError as error:
        raise wrong_nuspec("XML", str(error.found), "XML without a DOCTYPE") from error
    found = root.findall("metadata")
    if root.tag != "package" or len(found) != 1:
        raise wrong_nuspec(
            "package", f"<{root.tag[:40]}> with {len(found)} of metadata", "<package> with one <metadata>"
        )
    return found[0]


def _entry(
    identity: str, version: str, metadata: Element, groups: list[tuple[str, list[tuple[str, str]]]]
) -> dict[str, Any]:
    types = [one.get("name", "") for one in metadata.iterfind("packageTypes/packageType")]
    if _SYMBOLS in (one.lower() for one in types):
        raise wrong_nuspec("packageTypes", "symbols of a package", "a package; symbols are not kept here")
    addresses = {name: text for name in _ADDRESSES if _ADDRESS.fullmatch(text := child_text(metadata, name))}
    entry = {
        "id": identity, "version": version, **{name: child_text(metadata, name)[:_LONGEST] for name in _TEXTS},
        **{name: text[:_LONGEST] for name, text in addresses.items()},
        "minClientVersion": metadata.get("minClientVersion", "")[:_LONGEST], "tags": child_text(metadata, "tags")[:_LONGEST].split(),
        "packageTypes": [{"name": one[:_LONGEST]} for one in types],
    }  # fmt: skip
    dependencies = [
        {"targetFramework": framework, "dependencies": [{"id": name, "range": text} for name, text in needs]}
        for framework, needs in groups
    ]
    said = {name: value for name, value in entry.items() if value}
    accept = child_text(metadata, "requireLicenseAcceptance").lower() == "true"
    licence = licence_of(metadata)[:_LONGEST]
    return {**said, "licenseExpression": licence, "requireLicenseAcceptance": accept, "dependencyGroups": dependencies}


def wrong_nuspec(field: str, found: str, expected: str) -> InvalidConfigError:
    """Return the error for a manifest that cannot be taken."""
    return InvalidConfigError(
        f"the manifest cannot be taken: {field}: {found[:100]}, and not {expected}", path=field, found=found[:100], expected=expected,
        suggestions=["correct it, and pack anew: nuget pack"],
    )  # fmt: skip
