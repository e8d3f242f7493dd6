"""Packages that lie here as crates of one version, so that they are chosen, and told of, like all others.

Of a member of a workspace all features count, and what its tests need; of other folders what something needs of them:
https://github.com/rust-lang/cargo/blob/master/src/cargo/core/workspace.rs, `members_with_features`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from outrider.operators.packages.cargo.crates import Crate, Want, is_implicit
from outrider.operators.packages.cargo.details import LocalNeed, LocalPackage
from outrider.operators.packages.cargo.lines import CargoNeed, CargoRelease
from outrider.operators.packages.cargo.records import CargoRecord
from outrider.operators.packages.versions.ecosystems import scheme_of


def local_crates(local: Sequence[LocalPackage], asked: Sequence[Want]) -> dict[str, Crate]:
    """Return what lies here, by name.

    Args:
        local: What.
        asked: What it asks for.
    """
    versions = {one.name: one.version for one in local}
    return {one.name: _crate(one, asked, versions) for one in local}


def local_roots(local: Sequence[LocalPackage], crates: dict[str, Crate]) -> list[Want]:
    """Return the wishes for the members, with all their features.

    Args:
        local: What lies here.
        crates: The same, as crates.
    """
    return [Want(one.name, _exactly(one.version), _features(crates[one.name])) for one in local if one.is_member]


def _crate(one: LocalPackage, asked: Sequence[Want], versions: dict[str, str]) -> Crate:
    features = {name: list(values) for name, values in one.features.items()}
    release = CargoRelease([_need(need, asked, versions) for need in one.needs], features, one.links)
    is_prerelease = scheme_of("cargo").parse(one.version).prerelease
    record = CargoRecord(
        versions=[one.version], prereleases=bytes([is_prerelease]), releases=[msgspec.msgpack.encode(release)]
    )
    return Crate(one.name, record, called=one.called)


def _need(need: LocalNeed, asked: Sequence[Want], versions: dict[str, str]) -> CargoNeed:
    if need.local:
        return CargoNeed(
            need.key, need.local, need.range or _exactly(versions[need.local]), need.features, need.optional
        )
    want = asked[need.asked]
    return CargoNeed(need.key, want.name, want.range, need.features, need.optional)


def _features(crate: Crate) -> tuple[str, ...]:
    release = crate.release(0)
    implicit: Iterable[str] = (need.key for need in release.needs if is_implicit(release, need.key))
    return tuple(sorted({"default", *release.features, *implicit}))


def _exactly(version: str) -> str:
    return f"={version.partition('+')[0]}"
