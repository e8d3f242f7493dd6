"""Crates for a resolution, wherever they come from: registries, repositories, and what patches put in their place."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.cargo.chosen import Version
from outrider.operators.packages.cargo.crates import Crate
from outrider.operators.packages.cargo.details import CargoPatch
from outrider.operators.packages.cargo.git_packages import GitPackages
from outrider.operators.packages.cargo.git_repositories import GitRepositories
from outrider.operators.packages.cargo.patching import Patch, found_patch, patched, refuse_double
from outrider.operators.packages.cargo.places import (
    CRATES_IO,
    GIT,
    INDEX,
    NAMED,
    SPARSE,
    USUAL,
    address_of,
    canonical,
    is_usual,
    key_of,
    parts_of,
    spelt,
)
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.cargo.sources import CargoSource


class CargoSources:
    """Has crates.

    Args:
        opened: Opens a registry by its place, once.
        repositories: Reads repositories.
        settings: Know registries by their names.

    Attributes:
        crates: Those that were loaded, and what lies here, by name and place.
        patches: Those that were loaded.
    """

    def __init__(
        self, opened: Callable[[str], Awaitable[CargoSource]], repositories: GitRepositories, settings: CargoSettings
    ) -> None:
        self._opened, self._repositories, self._settings = opened, repositories, settings
        self._registries: dict[str, CargoSource] = {}
        self._packages: dict[str, GitPackages] = {}
        self._spellings: dict[tuple[str, str], str] = {}
        # As they are without patches.
        self._plain: dict[str, Crate] = {}
        self.crates: dict[str, Crate] = {}
        self.patches: list[Patch] = []

    def place_of(self, said: str) -> str:
        """Return a place as Cargo.lock writes it; arguments and errors are those of `CargoSettings.place_of`."""
        return self._settings.place_of(said)

    async def load(self, keys: Iterable[str]) -> None:
        """Have crates among `crates`; one that a registry does not have is there without versions.

        Raises:
            NotFoundError: A repository does not have one.
            UnsupportedError: A registry is none that can be asked.
            OutriderError: What registries and repositories say.
        """
        missing = sorted({*keys} - self.crates.keys())
        by_place: dict[str, list[str]] = {}
        for key in missing:
            by_place.setdefault(parts_of(key)[1], []).append(key)
        for place, some in by_place.items():
            await self._load(place, some)
        self.crates |= {key: self._patched(self._plain[key]) for key in missing}

    async def _load(self, place: str, keys: list[str]) -> None:
        if place.startswith(GIT):
            packages = await self._repository(place)
            for key in keys:
                crate = self._plain[key] = Crate(key, packages.record(parts_of(key)[0]))
                crate.place = packages.place
            return
        registry = await self._registry(place)
        await registry.load(keys)
        self._plain |= {key: registry.crates[key] for key in keys}

    async def _registry(self, place: str) -> CargoSource:
        if place and not place.startswith(SPARSE):
            raise UnsupportedError(
                f"the registry {place} has its index in git, which is not read", path="registry", found=place.rpartition("@")[2],
                expected=f"{SPARSE}https://HOST/PATH/", suggestions=["name the sparse index of that registry, where it has one"],
            )  # fmt: skip
        if place not in self._registries:
            self._registries[place] = await self._opened(place)
        return self._registries[place]

    async def _repository(self, place: str) -> GitPackages:
        if place not in self._packages:
            meant = place.removeprefix(GIT)
            address, _, reference = meant.partition("?")
            known = self._spellings.setdefault((canonical(address), reference), meant)
            if known != meant:
                raise UnsupportedError(
                    f"one repository is spelt in two ways: {known} and {meant}", path="git", found=meant, expected=known,
                    suggestions=["spell it the same everywhere"],
                )  # fmt: skip
            checkout = await self._repositories.checkout(place)
            self._packages[place] = GitPackages(place, checkout, self.place_of)
        return self._packages[place]

    async def load_patches(self, said: Sequence[CargoPatch], local: Mapping[str, Crate]) -> None:
        """Have patches, before anything is loaded that they are about.

        Args:
            said: As the manifest has them.
            local: What lies here.

        Raises:
            InvalidConfigError: One does not lead to just one version, or leads to what it is to take the place of.
            UnsupportedError: Those of one place stand under two names, or one is about what another one has.
            OutriderError: As in `load`.
        """
        names: dict[str, str] = {}
        for one in said:
            of = self._meant_by(one.of)
            if names.setdefault(of, one.of) != one.of:
                # Cargo forgets those of one of them.
                raise UnsupportedError(
                    f"patches of one place stand under two names: {names[of]} and {one.of}", path=one.where, found=one.of, expected=names[of],
                    suggestions=[f"write all of them below [patch.{names[of]}]"],
                )  # fmt: skip
            crate = local[one.local] if one.local else await self._plain_crate(one, of)
            self.patches.append(found_patch(one, of, crate))
        refuse_double(self.patches)
        await self.load(one.crate.name for one in self.patches if one.crate.name not in local)

    async def _plain_crate(self, one: CargoPatch, of: str) -> Crate:
        """Return what a patch takes its version from, as it is without patches."""
        place = self.place_of(one.place)
        if address_of(place) == of:
            raise InvalidConfigError(
                f"{one.where} leads to what it is to take the place of", path=one.where, found=one.of, expected="another place", suggestions=["leave it out"]
            )  # fmt: skip
        key = key_of(one.name, place)
        await self._load(place, [key])
        return self._plain[key]

    def _meant_by(self, of: str) -> str:
        """Return the canonical address of what patches are about."""
        if of == CRATES_IO or is_usual(f"{INDEX}{of}"):
            return USUAL
        is_name = "://" not in of or bool(self._settings.index_named(of))
        return address_of(self.place_of(f"{NAMED}{of}") if is_name else of if of.startswith(SPARSE) else spelt(of))

    def _patched(self, crate: Crate) -> Crate:
        name, place = parts_of(crate.name)
        ours = [one for one in self.patches if one.name == name and one.of == address_of(place)]
        found = patched(crate, ours) if ours else crate
        for one in self.patches:
            # What a patch asks of a registry is tried first wherever that is asked for it.
            if one.crate.name == crate.name and not place.startswith(GIT):
                found.patched |= found.mask(one.range)
        return found

    async def templates(self, places: Iterable[str]) -> dict[str, str]:
        """Return where the files of crates are, by the places of registries.

        Raises:
            OutriderError: What the registries say.
        """
        return {one: (await (await self._registry(one)).config()).downloads for one in sorted({*places})}

    def unused(self, chosen: Iterable[Version]) -> list[Patch]:
        """Return the patches that nothing of an answer uses, in the order of Cargo."""
        used = {*chosen}
        return [one for one in self.patches if one.meant not in used]
