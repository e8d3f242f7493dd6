"""Gradle module metadata: files `.module`, which say more of a version than its POM does.

https://github.com/gradle/gradle/blob/master/platforms/documentation/docs/src/docs/design/gradle-module-metadata-latest-specification.md.
What is not known of a file is passed over, as Gradle does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.manifests.gradle.builds import ALL, Exclusion, RichVersion
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.gradle.components import (
    CATEGORY,
    ENFORCED_PLATFORM,
    JAVA_VERSION,
    PLATFORM,
    Attribute,
    Component,
    Need,
    Variant,
)

FORM = "Gradle module metadata"
# What a POM has in a comment where there is such a file beside it.
MARKER = b"do_not_remove: published-with-gradle-metadata"
_LARGEST = 16 << 20
# As an `int` of Java is.
_LARGEST_NUMBER = (1 << 31) - 1
_LONGEST_NUMBER = len(str(_LARGEST_NUMBER))
_VERSIONS = ("0.4", "1.0", "1.1")
_Text = Annotated[str, msgspec.Meta(max_length=500)]


class _Version(msgspec.Struct, frozen=True):
    requires: _Text = ""
    prefers: _Text = ""
    strictly: _Text = ""
    rejects: tuple[_Text, ...] = ()

    @property
    def rich(self) -> RichVersion:
        required = "" if self.strictly else self.requires
        return RichVersion(required=required, strictly=self.strictly, preferred=self.prefers, rejected=self.rejects)


class _Exclude(msgspec.Struct, frozen=True):
    group: _Text = ALL
    module: _Text = ALL


class _Capability(msgspec.Struct, frozen=True):
    group: _Text
    name: _Text


class _Dependency(msgspec.Struct, frozen=True, rename="camel"):
    group: _Text
    module: _Text
    version: _Version = _Version()
    excludes: tuple[_Exclude, ...] = ()
    attributes: dict[str, Any] = {}
    requested_capabilities: tuple[_Capability, ...] = ()
    endorse_strict_versions: bool = False


class _Elsewhere(msgspec.Struct, frozen=True):
    group: _Text
    module: _Text
    version: _Text


class _Variant(msgspec.Struct, frozen=True, rename="camel"):
    name: _Text
    attributes: dict[str, Any] = {}
    dependencies: tuple[_Dependency, ...] = ()
    dependency_constraints: tuple[_Dependency, ...] = ()
    capabilities: tuple[_Capability, ...] = ()
    available_at: _Elsewhere | None = msgspec.field(name="available-at", default=None)


class _Component(msgspec.Struct, frozen=True):
    attributes: dict[str, Any] = {}


class _File(msgspec.Struct, frozen=True, rename="camel"):
    format_version: str
    component: _Component = _Component()
    variants: tuple[_Variant, ...] = ()


_DECODER = msgspec.json.Decoder(_File)


def read_module(project: Project, content: bytes) -> Component:
    """Read a file.

    Args:
        project: Whose it is: what it says of that itself does not count.
        content: Of the file.

    Raises:
        InvalidConfigError: It is none.
    """
    if len(content) > _LARGEST:
        raise unreadable(FORM, f"{len(content)} bytes", f"at most {_LARGEST} bytes")
    try:
        file = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(FORM, str(error), "a file as Gradle publishes it") from error
    if file.format_version not in _VERSIONS:
        raise unreadable(FORM, f"formatVersion {file.format_version[:40]!r}", f"one of {', '.join(_VERSIONS)}")
    common = _attributes(file.component.attributes)
    variants = [_variant(one, common) for one in file.variants]
    return Component(project=project, variants=(*variants, *_enforced(variants)))


def _enforced(variants: Sequence[Variant]) -> Iterator[Variant]:
    """Yield platforms as they are when they are enforced, which no file tells of."""
    for one in variants:
        if one.attributes.get(CATEGORY) == PLATFORM:
            yield msgspec.structs.replace(
                one, name=f"enforced{one.name[:1].upper()}{one.name[1:]}", attributes={**one.attributes, CATEGORY: ENFORCED_PLATFORM},
                needs=tuple(msgspec.structs.replace(need, is_forced=True) for need in one.needs),
            )  # fmt: skip


def _variant(one: _Variant, common: Mapping[str, Attribute]) -> Variant:
    attributes = {**common, **_attributes(one.attributes)}
    capabilities = tuple((capability.group, capability.name) for capability in one.capabilities)
    if one.available_at is not None:
        there = one.available_at
        way = Need(group=there.group, name=there.module, version=RichVersion(required=there.version))
        return Variant(name=one.name, attributes=attributes, capabilities=capabilities, needs=(way,), is_elsewhere=True)
    return Variant(name=one.name, attributes=attributes, capabilities=capabilities, needs=tuple(_needs(one)))


def _needs(variant: _Variant) -> Iterator[Need]:
    for one in variant.dependencies:
        yield _need(one, is_constraint=False)
    for one in variant.dependency_constraints:
        yield _need(one, is_constraint=True)


def _need(one: _Dependency, *, is_constraint: bool) -> Need:
    return Need(
        group=one.group, name=one.module, version=one.version.rich, attributes=_attributes(one.attributes),
        capabilities=tuple((capability.group, capability.name) for capability in one.requested_capabilities),
        excluded=tuple(Exclusion(exclude.group, exclude.module) for exclude in one.excludes),
        is_constraint=is_constraint, is_transitive=not is_constraint, endorses=one.endorse_strict_versions,
    )  # fmt: skip


def _attributes(said: Mapping[str, Any]) -> dict[str, Attribute]:
    for name, value in said.items():
        if not isinstance(value, (str, int, bool)) or (isinstance(value, int) and abs(value) > _LARGEST_NUMBER):
            raise unreadable(FORM, f"attribute {name[:80]!r}: {value!r:.80}", "a text, a number, or true or false")
    version = said.get(JAVA_VERSION)
    # Some tools write this number as a text.
    if isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < _LONGEST_NUMBER:
        return {**said, JAVA_VERSION: int(version)}
    return dict(said)


def is_marked(pom: bytes) -> bool:
    """Return whether a POM says that there is such a file beside it."""
    return MARKER in pom


def faulty(project: Project, error: InvalidConfigError) -> Component:
    """Return a version whose file cannot be read."""
    return Component(project=project, fault=f"has {FORM} that cannot be read: {error.found}")
