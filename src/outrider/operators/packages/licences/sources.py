"""Where the licence of a package is told: by itself where it is installed, else by the lock, else by its registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from outrider.operators.packages.licences.installed.found import Find, Installed, Places, finder_of
from outrider.operators.packages.licences.normalising import Licence, normalised
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS

Origin = Literal["", "installed", "lock", "registry", "text"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The licence of a package.

    Attributes:
        package: It.
        licence: Its licence.
        origin: Who says so: the installed package, the lock, a registry, or the texts of its licence files; empty where nobody does.
        installed: What is installed of it.
    """

    package: LockedPackage
    licence: Licence = Licence()
    origin: Origin = ""
    installed: Installed | None = None

    def as_locked(self) -> LockedPackage:
        """Return the package with its licence as a lock would have it, from which the same is made of it."""
        same = normalised(self.package.ecosystem, self.licence.raw).expression == self.licence.expression
        return msgspec.structs.replace(self.package, licence=self.licence.raw if same else self.licence.expression)


class Sources:
    """What this machine says of licences.

    Args:
        root: The folder of the project.
        others: Further folders of packages, such as a site-packages.
        environment: Variables, which may say where tools keep what they fetch.
    """

    def __init__(self, root: Path, others: tuple[Path, ...], environment: Mapping[str, str]) -> None:
        self._root, self._others, self._environment = root, others, environment
        self._finders: dict[tuple[str, Path], Find] = {}

    def told(self, package: LockedPackage, folder: Path) -> Told:
        """Return the licence of a package.

        Args:
            package: As a lock has it.
            folder: Of the lock; what is installed may be there, or at the top of the project.
        """
        installed = self._installed(package, folder)
        candidates: list[tuple[Licence, Origin]] = [(normalised(package.ecosystem, package.licence), "lock")]
        if installed is not None:
            candidates.insert(0, (installed.licence, "installed"))
        known = [one for one in candidates if one[0].expression] or [one for one in candidates if one[0].raw]
        if not known:
            return Told(package=package, installed=installed)
        return Told(package=package, licence=known[0][0], origin=known[0][1], installed=installed)

    def _installed(self, package: LockedPackage, folder: Path) -> Installed | None:
        # What is unpacked has a name and a version, and does not say whose: it may be the one of the usual registry.
        if package.ecosystem not in ECOSYSTEMS or package.address:
            return None
        finders = (self._finder(package.ecosystem, place) for place in dict.fromkeys((folder, self._root)))
        found = [one for finder in finders if (one := finder(package.name, package.version)) is not None]
        return next((one for one in found if one.licence.expression), found[0] if found else None)

    def _finder(self, ecosystem: str, place: Path) -> Find:
        if (ecosystem, place) not in self._finders:
            places = Places(project=place, others=self._others, environment=self._environment)
            self._finders[ecosystem, place] = finder_of(ecosystem, places)
        return self._finders[ecosystem, place]
