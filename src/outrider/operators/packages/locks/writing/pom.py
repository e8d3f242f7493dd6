"""Writes what is locked of a project of Maven: as a profile of its pom.xml, and as the checksums that Maven Resolver 1.9 can demand.

https://maven.apache.org/resolver/expected-checksums.html. One line for each artifact, so that a change of one is a change of one line.
"""

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import escape

from outrider.operators.packages.manifests.pom import LOCK_PROFILE, UNLOCKED, Line
from outrider.operators.packages.maven.poms import Dependency

CHECKSUMS = "checksums.sha256"
_COMMENT = "<!-- Written by outrider packages lock maven, and not to be edited. Without it: mvn {} -->"


def profile(
    managed: Iterable[Dependency], dependencies: Iterable[Dependency], *, by_default: bool = False
) -> list[Line]:
    """Return the lines of a profile, each with how deep it stands in it.

    Args:
        managed: Versions of all that is locked.
        dependencies: Of the project, those that would not be locked by that; in their order.
        by_default: Whether it is active by default, as others of the file are, which would not be beside one that is active otherwise.
    """
    condition = _BY_DEFAULT if by_default else _UNLESS_TOLD
    without = f"-P '!{LOCK_PROFILE}'" if by_default else f"-D{UNLOCKED}"
    return [
        (0, "<profile>"), (1, _COMMENT.format(without)), (1, _element("id", LOCK_PROFILE)), (1, "<activation>"), *condition,
        (1, "</activation>"), (1, "<dependencyManagement>"), *_listed(2, sorted(managed, key=_order)), (1, "</dependencyManagement>"),
        *_listed(1, [*dependencies]), (0, "</profile>"),
    ]  # fmt: skip


def managed_entry(one: Dependency) -> list[Line]:
    """Return the lines of an entry as people write it: each thing that is said on its own."""
    return [(0, "<dependency>"), *((1, line) for line in _within(one)), (0, "</dependency>")]


def checksums(digests: Mapping[str, str]) -> str:
    """Return the file of checksums.

    Args:
        digests: SHA-256 of files, by their paths in a repository.
    """
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def noted(checksums: str) -> dict[str, str]:
    """Return what a file of checksums has, as `checksums` takes it."""
    lines = (line.partition("  ") for line in checksums.splitlines())
    return {path: digest for digest, _, path in lines}


def _order(one: Dependency) -> tuple[str, ...]:
    return one.group or "", one.artifact or "", one.type, one.classifier or ""


def _listed(depth: int, dependencies: list[Dependency]) -> list[Line]:
    if not dependencies:
        return []
    lines = [(depth + 1, _element("dependency", *_within(one))) for one in dependencies]
    return [(depth, "<dependencies>"), *lines, (depth, "</dependencies>")]


def _within(one: Dependency) -> Iterator[str]:
    said = {
        "groupId": one.group, "artifactId": one.artifact, "version": one.version, "type": one.type if one.type != "jar" else None,
        "classifier": one.classifier, "scope": one.scope, "optional": one.optional,
    }  # fmt: skip
    yield from (_element(name, escape(value)) for name, value in said.items() if value is not None)
    exclusions = [
        _element("exclusion", _element("groupId", escape(group)), _element("artifactId", escape(artifact)))
        for group, artifact in one.exclusions
    ]
    if exclusions:
        yield _element("exclusions", *exclusions)


def _element(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name}>"


_BY_DEFAULT: list[Line] = [(2, _element("activeByDefault", "true"))]
_UNLESS_TOLD: list[Line] = [(2, "<property>"), (3, _element("name", f"!{UNLOCKED}")), (2, "</property>")]
