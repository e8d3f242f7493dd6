"""What package URLs say of packages that a distribution has packed.

https://github.com/package-url/purl-spec: the types apk, deb and rpm have `arch` and `distro`, and rpm an `epoch`. The source package stands
in `upstream`, as Syft and others write it: `NAME` or `NAME@VERSION`, of rpm the file of it,
with an epoch before its version where that is not the one of the package.
"""

from collections.abc import Mapping, Sequence

from outrider.operators.packages.distributions.releases import BY_PACKAGE, release_in
from outrider.operators.packages.distributions.rpm import source_of
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, LockedPackage, Packed


def full_version(ecosystem: str, version: str, qualifiers: Mapping[str, str]) -> str:
    """Return the version of a package, with its epoch, which a package URL of rpm has elsewhere."""
    epoch = qualifiers.get("epoch", "") if ecosystem == "rpm" else ""
    return f"{epoch}:{version}" if version and epoch not in ("", "0") else version


def packed_in(ecosystem: str, parts: Sequence[str], version: str, qualifiers: Mapping[str, str]) -> Packed | None:
    """Return what a package URL says of a package that a distribution has packed; None where it does not say of which release.

    Args:
        ecosystem: Its type.
        parts: Its namespace and its name.
        version: With its epoch.
        qualifiers: By name.
    """
    name, upstream, distro = parts[-1], qualifiers.get("upstream", ""), qualifiers.get("distro", "")
    release = release_in("/".join(parts[:-1]), distro)
    if release is None or not version:
        return None
    names = [(name, version)]
    if ecosystem == "rpm":
        names = [*source_of(upstream, version), *names]
    elif upstream:
        source, _, source_version = upstream.partition("@")
        others = names if release.advisories in BY_PACKAGE else []
        names = [(source, source_version or version), *others]
    return Packed(
        release=release.advisories, names=tuple(dict.fromkeys(names)), architecture=qualifiers.get("arch", ""), distro=release.distro
    )  # fmt: skip


def qualifiers_of(package: LockedPackage) -> dict[str, str]:
    """Return the qualifiers of the package URL of a package: what its distribution has to say, or where it comes from if that is not the
    usual registry.
    """
    packed = package.packed
    if packed is None:
        name = {"git": "vcs_url", OTHER_REGISTRY: "repository_url"}.get(package.source)
        return {name: package.address} if name and package.address else {}
    epoch = _epoch(package)
    found = {
        "arch": packed.architecture,
        "distro": packed.distro,
        "epoch": epoch,
        "upstream": _upstream(package, packed),
    }
    return {name: value for name, value in found.items() if value}


def plain_version(package: LockedPackage) -> str:
    """Return the version of a package as its package URL has it."""
    epoch = _epoch(package)
    return package.version.removeprefix(f"{epoch}:") if epoch else package.version


def _epoch(package: LockedPackage) -> str:
    return package.version.partition(":")[0] if package.ecosystem == "rpm" and ":" in package.version else ""


def _upstream(package: LockedPackage, packed: Packed) -> str:
    name, version = packed.names[0]
    own = package.name.rpartition("/")[2]
    if package.ecosystem == "rpm":
        # Where nothing but the package itself is known, there is but one name.
        is_told = len(packed.names) > 1 or (name, version) != (own, package.version)
        file = f"{name}-{version.rpartition(':')[2]}.src.rpm"
        if source_of(file, package.version) != [(name, version)]:
            # As RPM itself writes it where it has to.
            file = f"{name}-{version if ':' in version else f'0:{version}'}.src.rpm"
        return file if is_told else ""
    if version != package.version:
        return f"{name}@{version}"
    return name if name != own else ""
