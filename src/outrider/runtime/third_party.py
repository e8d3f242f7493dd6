"""Families of other distributions: found by their entry points, and used only where the user has allowed them.

They run in this process with all that it may do, so an installed package alone is not enough: its distribution and version
must be on the user's list.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError, OutriderError, did_you_mean
from outrider.core.manifest import read_manifest
from outrider.core.registry import BrokenPackage, Package

if TYPE_CHECKING:
    from importlib.metadata import Distribution

GROUP = "outrider.families"
_SECTION = f"[{GROUP}]".encode()


class InstalledFamily(msgspec.Struct, frozen=True):
    """A package that another distribution offers as a family."""

    distribution: str
    version: str
    module: str

    @property
    def origin(self) -> str:
        """Distribution and version, as the user allows them."""
        return f"{self.distribution}=={self.version}"


def allow_list() -> Path:
    """Return the file with what the user has allowed."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "outrider" / "families.json"


def allowed() -> dict[str, str]:
    """Return the allowed version of each distribution.

    Raises:
        DeniedError: Others may write the list.
        InvalidConfigError: It is damaged.
    """
    from outrider.ports.secrets.private_files import read_private  # noqa: PLC0415 - every command imports this module

    data = read_private(allow_list())
    return decode(data, dict[str, str]) if data else {}


def allow(distribution: str) -> InstalledFamily:
    """Allow the installed version of a distribution.

    Raises:
        NotFoundError: It is not installed, or has no family.
    """
    found = {family.distribution: family for family in installed()}
    if distribution not in found:
        raise NotFoundError(
            f"no installed distribution called '{distribution}' has a family",
            found=distribution,
            expected=", ".join(sorted(found)) or f"a distribution with an entry point in {GROUP}",
            suggestions=did_you_mean(distribution, found) or ["install it into the environment of outrider first"],
        )
    _write(allowed() | {distribution: found[distribution].version})
    return found[distribution]


def disallow(distribution: str) -> bool:
    """Take a distribution off the list; return whether it was on it."""
    before = allowed()
    _write({name: version for name, version in before.items() if name != distribution})
    return distribution in before


def _write(versions: dict[str, str]) -> None:
    from outrider.ports.secrets.private_files import write_private  # noqa: PLC0415 - as above

    write_private(allow_list(), encode(versions))


def installed(folders: Iterable[str] | None = None) -> list[InstalledFamily]:
    """Return the families of installed distributions; none of their code is imported."""
    found: dict[tuple[str, str], InstalledFamily] = {}
    for distribution in _distributions(sys.path if folders is None else folders):
        for point in distribution.entry_points.select(group=GROUP):
            name = distribution.metadata["Name"]
            found.setdefault((name, point.value), InstalledFamily(name, distribution.version, point.value))
    return sorted(found.values(), key=lambda family: (family.distribution, family.module))


def _distributions(folders: Iterable[str]) -> "Iterator[Distribution]":
    """Yield the distributions that name our group; only for these the parser of metadata is loaded."""
    for folder in folders:
        try:
            with os.scandir(folder or ".") as entries:
                names = [entry.path for entry in entries if entry.name.endswith(".dist-info")]
        except OSError:
            continue
        for path in names:
            try:
                with open(f"{path}/entry_points.txt", "rb") as file:  # noqa: PTH123 - a Path for each costs as much again
                    ours = _SECTION in file.read()
            except OSError:
                continue
            if ours:
                from importlib.metadata import Distribution  # noqa: PLC0415 - costs too much where nobody needs it

                yield Distribution.at(path)


def third_party() -> tuple[list[Package], list[BrokenPackage]]:
    """Return the families that are allowed, and those that cannot be used with the reason."""
    packages, broken = [], []
    families = installed()
    try:
        versions = allowed() if families else {}
    except OutriderError as error:
        return [], [BrokenPackage(family.module, error) for family in families]
    for family in families:
        try:
            _check_allowed(family, versions)
            packages.append(Package(family.module, read_manifest(*_manifest(family)), family.origin))
        except OutriderError as error:
            broken.append(BrokenPackage(family.module, error))
    return packages, broken


def _check_allowed(family: InstalledFamily, versions: dict[str, str]) -> None:
    version = versions.get(family.distribution)
    if version == family.version:
        return
    raise DeniedError(
        f"the family {family.module} of {family.origin} is not allowed",
        found=family.origin,
        expected=f"{family.distribution}=={version}" if version else "a distribution on the user's list",
        suggestions=[f"look at what it is, then: outrider operators allow {family.distribution}"],
    )


def _manifest(family: InstalledFamily) -> tuple[str, str]:
    """Return text and name of a family's manifest, found without importing the family."""
    from importlib.util import find_spec  # noqa: PLC0415 - the same

    try:
        spec = find_spec(family.module)
    except (ImportError, ValueError) as error:
        raise NotFoundError(
            f"{family.origin}: {family.module} cannot be found: {error}", found=family.module
        ) from error
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        path = Path(folder) / "manifest.toml"
        if path.is_file():
            return path.read_text(encoding="utf-8"), f"{family.module}/manifest.toml"
    raise InvalidConfigError(
        f"{family.origin}: {family.module} holds no manifest.toml", found=family.module, expected="a package with a manifest.toml",
        suggestions=["report it to its authors"],
    )  # fmt: skip
