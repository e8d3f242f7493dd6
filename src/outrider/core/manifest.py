"""Manifests: what a folder offers (a family, a kind, services), read without importing any of its code."""

import re
import tomllib
from collections.abc import Iterator

import msgspec

from outrider.core.errors import CODES, InvalidConfigError, OutriderError, collected
from outrider.core.objects import API_VERSION
from outrider.core.operation import Alias, Effect, OperationDeclaration
from outrider.core.schema import convert

FAMILY_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")
OPERATION_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
MAX_TOOL_NAME = 64


class FamilyDeclaration(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A family of operations.

    Attributes:
        requires: The extras that some of its code needs, for the error where their libraries are not installed.
        errors: Codes that each operation can give.
        short: Letters that stand for parameters on the command line, such as `n` for `namespace`.
    """

    name: str
    title: str
    summary: str
    aliases: list[Alias] = []
    requires: list[str] = []
    errors: list[str] = []
    short: dict[str, str] = {}
    operations: list[OperationDeclaration]

    def __post_init__(self) -> None:
        """Add the codes of the family to those of its operations."""
        for index, operation in enumerate(self.operations):
            codes = [*operation.errors, *(code for code in self.errors if code not in operation.errors)]
            self.operations[index] = msgspec.structs.replace(operation, errors=codes)


class KindDeclaration(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A kind of object; `model` is `module:Class` of its spec, `validate` an optional check across objects."""

    name: str
    plural: str
    summary: str
    model: str
    validate: str = ""
    api_version: str = API_VERSION


class ServiceDeclaration(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A long-running server that `outrider NAME serve` starts; `entry` is `module:function`."""

    name: str
    entry: str
    summary: str


class Manifest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The content of one manifest.toml."""

    family: FamilyDeclaration | None = None
    kind: KindDeclaration | None = None
    services: list[ServiceDeclaration] = []


def read_manifest(text: str, source: str) -> Manifest:
    """Read and check a manifest.

    Args:
        text: The content of manifest.toml.
        source: Its file name, for errors.

    Raises:
        InvalidConfigError: With every fault.
    """
    try:
        manifest = convert(tomllib.loads(text), Manifest)
    except (ValueError, RecursionError) as error:  # not TOML, a number of thousands of digits, or brackets without end
        raise InvalidConfigError(
            f"{source}: not TOML: {error}",
            source=source,
            expected="TOML 1.0",
            suggestions=["check quotes and brackets at that place"],
        ) from error
    except OutriderError as error:
        error.source = source
        raise
    if manifest.family is not None:
        faults = list(_family_faults(manifest.family, source))
        if faults:
            raise collected(faults)
    return manifest


def _family_faults(family: FamilyDeclaration, source: str) -> Iterator[OutriderError]:
    seen: set[str] = set()
    for name in (family.name, *(alias.name for alias in family.aliases)):
        if not FAMILY_NAME.fullmatch(name) or name in seen:
            yield _fault(source, "family.name", name, f"a name that occurs once and matches {FAMILY_NAME.pattern}")
        seen.add(name)
    for letter in family.short:
        if not re.fullmatch("[a-z]", letter) or letter in "ho":
            yield _fault(source, "family.short", letter, "one small letter other than h and o")
    if not family.operations:
        yield _fault(source, "family.operations", "[]", "at least one operation")
    seen = set()
    for operation in family.operations:
        path = f"family.operations.{operation.name}"
        for name in (operation.name, *(alias.name for alias in operation.aliases)):
            if not OPERATION_NAME.fullmatch(name) or name in seen:
                yield _fault(source, path, name, f"a name that occurs once and matches {OPERATION_NAME.pattern}")
            seen.add(name)
        if len(f"{family.name}_{operation.name}") > MAX_TOOL_NAME:
            yield _fault(source, path, operation.name, f"family and operation within {MAX_TOOL_NAME} characters")
        yield from _promise_faults(operation, path, source)


def _promise_faults(operation: OperationDeclaration, path: str, source: str) -> Iterator[OutriderError]:
    for code in operation.errors:
        if code not in CODES:
            yield _fault(source, f"{path}.errors", code, "a code of the error table")
    if not operation.has_plan and operation.effect is not Effect.DESTROY:
        yield _fault(source, f"{path}.has_plan", "false", "effect = 'destroy' where no plan can be made")


def _fault(source: str, path: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{source}: {path}: {found!r} is not allowed here",
        path=path,
        source=source,
        found=found,
        expected=expected,
        suggestions=[f"write {expected}"],
    )
