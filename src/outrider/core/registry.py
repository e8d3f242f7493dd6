"""The frozen table of everything callable and declarable, built from manifests."""

from collections.abc import Iterable, Mapping

import msgspec

from outrider.core.errors import (
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnknownOperationError,
    UnknownOperatorError,
    did_you_mean,
)
from outrider.core.manifest import FamilyDeclaration, KindDeclaration, Manifest, ServiceDeclaration
from outrider.core.operation import OperationDeclaration

# Built-in functions of files of calls, and nouns of the command line: no family takes their names.
RESERVED_NAMES = frozenset({"env", "var", "secret", "file", "json", "date", "if"})
NOUNS = frozenset({
    "agent", "agents", "apply", "approvals", "audit", "backup", "cluster", "completion", "context", "controller", "delete", "demo", "describe",
    "doctor", "down", "events", "explain", "get", "mcp", "operators", "pause", "plan", "plans", "plugin", "queue", "reload", "restore", "resume", "rules", "run", "runs", "schedules",
    "serve", "silences", "status", "support-bundle", "tsk", "up", "validate", "version", "watch",
})  # fmt: skip


class Package(msgspec.Struct, frozen=True):
    """A manifest and the Python package that it stands in, such as `outrider.operators.host`.

    `origin` names the distribution of another author, as `name==version`.
    """

    module: str
    manifest: Manifest
    origin: str = ""


class BrokenPackage(msgspec.Struct, frozen=True):
    """A package whose manifest cannot be used; all others work."""

    module: str
    error: OutriderError


class Family(msgspec.Struct, frozen=True):
    """A family with the package that implements it."""

    module: str
    declaration: FamilyDeclaration
    origin: str = ""

    @property
    def name(self) -> str:
        """The family's canonical name."""
        return self.declaration.name

    def operation(self, verb: str) -> tuple[OperationDeclaration, Mapping[str, object]]:
        """Return an operation and the preset of the alias that named it; `-` and `_` are equal.

        Raises:
            UnknownOperationError: With near names.
        """
        wanted = verb.replace("-", "_")
        for operation in self.declaration.operations:
            if operation.name == wanted:
                return operation, {}
            for alias in operation.aliases:
                if alias.name == wanted:
                    return operation, alias.preset
        known = [operation.name for operation in self.declaration.operations]
        error = UnknownOperationError(
            f"@{self.name} has no operation '{verb}'",
            found=verb,
            expected=", ".join(known),
            suggestions=did_you_mean(wanted, known),
        )
        error.operator = f"@{self.name}"
        raise error


class Registry:
    """Families, kinds and services by name. Nothing changes after construction.

    Args:
        packages: What was found; built-in ones come first and win a clash of names.
        broken: What was found and cannot be used.
    """

    def __init__(self, packages: Iterable[Package], broken: Iterable[BrokenPackage] = ()) -> None:
        self.families: dict[str, Family] = {}
        self.kinds: dict[str, KindDeclaration] = {}
        self.services: dict[str, ServiceDeclaration] = {}
        self.broken = list(broken)
        self._names: dict[str, tuple[Family, Mapping[str, object]]] = {}
        for package in packages:
            try:
                self._add(package)
            except OutriderError as error:
                self.broken.append(BrokenPackage(package.module, error))

    def _add(self, package: Package) -> None:
        """Add a package with everything in it, or nothing of it."""
        manifest = package.manifest
        family = Family(package.module, manifest.family, package.origin) if manifest.family is not None else None
        kinds = {manifest.kind.name: manifest.kind} if manifest.kind is not None else {}
        names = _presets(family) if family is not None else {}
        self._check_names(names, package.module)
        self._check_free(kinds, self.kinds, package.module)
        self._check_free((service.name for service in manifest.services), self.services, package.module)
        if family is not None:
            self.families[family.name] = family
            self._names.update({name: (family, preset) for name, preset in names.items()})
        self.kinds.update(kinds)
        self.services.update({service.name: service for service in manifest.services})

    def _check_names(self, names: Iterable[str], module: str) -> None:
        for name in names:
            if name in RESERVED_NAMES | NOUNS:
                what = "a built-in function" if name in RESERVED_NAMES else "a command of outrider"
                raise InvalidConfigError(
                    f"{module}: '{name}' is {what}, not a name for a family",
                    suggestions=[f"rename '{name}' in the manifest of {module}"],
                )
            if name in self._names:
                raise InvalidConfigError(
                    f"the name '{name}' is claimed by {self._names[name][0].module} and by {module}",
                    suggestions=[f"remove one of the two packages, or the alias '{name}' of one of them"],
                )

    @staticmethod
    def _check_free(names: Iterable[str], taken: Mapping[str, object], module: str) -> None:
        seen = set(taken)
        for name in names:
            if name in seen:
                raise InvalidConfigError(
                    f"the name '{name}' of {module} is taken already",
                    suggestions=[f"rename '{name}' in the manifest of {module}, or remove the package"],
                )
            seen.add(name)

    def kind(self, name: str) -> KindDeclaration:
        """Return a kind by its name or plural, in any case.

        Raises:
            NotFoundError: With near names.
        """
        wanted = name.lower()
        for kind in self.kinds.values():
            if wanted in (kind.name.lower(), kind.plural.lower()):
                return kind
        names = sorted(kind.plural for kind in self.kinds.values())
        raise NotFoundError(
            f"no kind is called '{name}'",
            found=name,
            expected=", ".join(names),
            suggestions=did_you_mean(wanted, names)[:3],
        )

    def family(self, name: str) -> tuple[Family, Mapping[str, object]]:
        """Return a family by name or alias, and the alias's preset; one leading `@` is stripped, case matters.

        Raises:
            UnknownOperatorError: With near names.
        """
        found = self._names.get(name.removeprefix("@"))
        if found is not None:
            return found
        bare = name.removeprefix("@")
        for package in self.broken:
            if package.module.rpartition(".")[2] == bare:
                raise UnknownOperatorError(
                    f"@{bare} cannot be used: {package.error.message}",
                    found=name,
                    suggestions=package.error.suggestions or [f"repair the manifest of {package.module}"],
                    causes=[package.error],
                )
        raise UnknownOperatorError(
            f"no operator is called '{name}'",
            found=name,
            expected=", ".join(sorted(self._names)),
            suggestions=did_you_mean(bare, self._names),
        )


def _presets(family: Family) -> dict[str, Mapping[str, object]]:
    return {family.name: {}, **{alias.name: alias.preset for alias in family.declaration.aliases}}
