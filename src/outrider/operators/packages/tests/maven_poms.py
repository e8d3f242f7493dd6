"""POMs and repositories of Maven for tests, as files by their paths."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape


def element(name: str, *content: str) -> str:
    """Return an element."""
    return f"<{name}>{''.join(content)}</{name}>"


def fields(**values: str | None) -> str:
    """Return elements for what is given; a low line in a name is a capital behind it."""
    return "".join(element(_camel(name), escape(value)) for name, value in values.items() if value is not None)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def dependency(coordinates: str, **values: Any) -> str:
    """Return a dependency.

    Args:
        coordinates: `group:artifact[:version]`.
        values: Further elements; `exclusions` is a list of `group:artifact`.
    """
    group, artifact, *version = coordinates.split(":", 2)
    exclusions = [
        element("exclusion", fields(groupId=one.split(":")[0], artifactId=one.split(":")[1]))
        for one in values.pop("exclusions", [])
    ]
    return element(
        "dependency", fields(groupId=group, artifactId=artifact, version=version[0] if version else None),
        fields(**values), element("exclusions", *exclusions) if exclusions else "",
    )  # fmt: skip


def bom(coordinates: str) -> str:
    """Return the import of a BOM."""
    return dependency(coordinates, type="pom", scope="import")


def parts(needs: Iterable[str] = (), managed: Iterable[str] = (), properties: Mapping[str, str] | None = None) -> str:
    """Return what a POM and a profile have in common.

    Args:
        needs: Dependencies, as `dependency` makes them.
        managed: Likewise.
        properties: Values by their names.
    """
    set_ = "".join(element(name, escape(value)) for name, value in (properties or {}).items())
    return "".join(
        (
            element("properties", set_) if set_ else "",
            element("dependencies", *needs) if (needs := [*needs]) else "",
            element("dependencyManagement", element("dependencies", *managed)) if (managed := [*managed]) else "",
        )
    )


def pom(coordinates: str, *content: str, parent: str = "", packaging: str | None = None) -> str:
    """Return a POM.

    Args:
        coordinates: `group:artifact:version`; with a parent, group and version may be empty.
        content: Further elements.
        parent: `group:artifact:version` of it; empty for none.
        packaging: What it is of, where it is no jar.
    """
    group, artifact, version = coordinates.split(":")
    above = parent.split(":")
    return element(
        "project", fields(modelVersion="4.0.0"),
        element("parent", fields(groupId=above[0], artifactId=above[1], version=above[2])) if parent else "",
        fields(groupId=group or None, artifactId=artifact, version=version or None, packaging=packaging), *content,
    )  # fmt: skip


def path_of(coordinates: str, extension: str = "pom") -> str:
    """Return where a repository has a file of `group:artifact:version`."""
    group, artifact, version = coordinates.split(":")
    return f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.{extension}"


def metadata(versions: Iterable[str]) -> str:
    """Return the document of which versions there are."""
    listed = [element("version", escape(one)) for one in versions]
    return element("metadata", element("versioning", element("versions", *listed)))
