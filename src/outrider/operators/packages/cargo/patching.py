"""Patches: what is taken in place of what a registry or a repository has.

What a patch has goes beside the versions that are there, takes the place of the same version, and is tried first: `PackageRegistry` in
src/cargo/core/registry.rs of Cargo 1.95.
"""

from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.cargo.chosen import Version
from outrider.operators.packages.cargo.crates import Crate
from outrider.operators.packages.cargo.details import CargoPatch
from outrider.operators.packages.cargo.lines import CargoRelease
from outrider.operators.packages.cargo.places import address_of, key_of, parts_of
from outrider.operators.packages.cargo.records import CargoRecord
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class Patch(NamedTuple):
    """A patch, of which it is known what it has.

    Attributes:
        of: The address of the registry or repository, in its canonical spelling.
        name: Of the crate.
        crate: What has it.
        bit: Of the version there.
        range: Which versions of that are tried first.
    """

    of: str
    name: str
    crate: Crate
    bit: int
    range: str

    @property
    def version(self) -> str:
        """The version that it has."""
        return self.crate.table.versions[self.bit]

    @property
    def meant(self) -> Version:
        """What is chosen with it."""
        return self.crate.name, self.bit


def found_patch(said: CargoPatch, of: str, crate: Crate) -> Patch:
    """Return a patch with what it has.

    Args:
        said: As the manifest has it.
        of: What it is about.
        crate: What it takes it from.

    Raises:
        InvalidConfigError: Not just one version there will do.
    """
    versions = crate.mask(said.range)
    if versions.bit_count() != 1:
        found = crate.table.named(versions or crate.table.everything)
        raise InvalidConfigError(
            f"{said.where} has to lead to one version, and {'none' if not versions else 'several'} will do", path=said.where,
            found=", ".join(found)[:200] or "none", expected="one version", suggestions=['name it: version = "=VERSION"'],
        )  # fmt: skip
    return Patch(of, said.name, crate, versions.bit_length() - 1, said.range)


def refuse_double(patches: list[Patch]) -> None:
    """Refuse patches that have the same version of the same crate, and those of what another one has.

    Raises:
        InvalidConfigError: Several have the same version.
        UnsupportedError: One is about what another one has.
    """
    about = {key_of(one.name, one.of) for one in patches}
    known: set[tuple[str, str, str]] = set()
    for one in patches:
        if (one.of, one.name, one.version) in known:
            raise InvalidConfigError(
                f"two patches have {one.name} {one.version}", path="patch", found=f"{one.name} {one.version}", expected="one of each version",
                suggestions=["leave one of them"],
            )  # fmt: skip
        known.add((one.of, one.name, one.version))
        name, place = parts_of(one.crate.name)
        # The name of what lies here is that of its manifest, and nobody patches that.
        if key_of(name, address_of(place)) in about:
            raise UnsupportedError(
                f"what a patch has is patched itself: {one.crate.name}", path="patch", found=one.crate.name, expected="patches of other places",
                suggestions=["have the first patch lead to what the second one has"],
            )  # fmt: skip


def patched(crate: Crate, patches: list[Patch]) -> Crate:
    """Return a crate with what patches have beside its own versions."""
    ours = {one.version: one for one in patches}
    table = VersionTable(scheme_of("cargo"), {*crate.table.versions, *ours})
    place = {version: bit for bit, version in enumerate(table.versions)}
    before = {version: bit for bit, version in enumerate(crate.table.versions)}

    def moved(mask: int) -> int:
        return sum(1 << place[crate.table.versions[bit]] for bit in bits(mask) if crate.table.versions[bit] not in ours)

    size = len(table.versions) // 8 + 1
    record, nothing = crate.record, msgspec.msgpack.encode(CargoRelease())
    published = record.published
    found = Crate(
        crate.name,
        CargoRecord(
            versions=table.versions,
            prereleases=(table.everything & ~table.releases).to_bytes(size, "little"),
            yanked=moved(int.from_bytes(record.yanked, "little")).to_bytes(size, "little"),
            releases=[record.releases[before[one]] if one in before else nothing for one in table.versions],
            left_out=record.left_out,
            published=[published[before[one]] if one in before else 0.0 for one in table.versions] if published else [],
        ),
        crate.policy,
        homes=crate.homes,
        stand_ins={place[one.version]: one.meant for one in patches},
    )
    found.preferred, found.rust, found.place = moved(crate.preferred), crate.rust, crate.place
    return found
