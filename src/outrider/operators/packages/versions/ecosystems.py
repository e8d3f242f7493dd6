"""The ecosystems, and where the rules of their versions are."""

from functools import cache
from importlib import import_module
from typing import Literal

from outrider.operators.packages.versions.scheme import Scheme

# By the names that package URLs use.
Ecosystem = Literal["cargo", "composer", "gem", "maven", "npm", "nuget", "pypi"]
_SCHEMES = {
    "cargo": "CargoScheme",
    "composer": "ComposerScheme",
    "gem": "GemScheme",
    "maven": "MavenScheme",
    "npm": "NpmScheme",
    "nuget": "NugetScheme",
    "pypi": "PypiScheme",
}
ECOSYSTEMS = tuple(sorted(_SCHEMES))
# What distributions pack, by the same names. Locks, advisories and bills know of it; nothing resolves it.
_PACKED = {"apk": ("apk", "ApkScheme"), "deb": ("dpkg", "DpkgScheme"), "rpm": ("rpm", "RpmScheme")}
PACKED = tuple(sorted(_PACKED))
# What a distribution packs, by the names that OSV has for distributions: https://ossf.github.io/osv-schema/#defined-ecosystems.
DISTRIBUTIONS = {
    "AlmaLinux": "rpm", "Alpine": "apk", "Chainguard": "apk", "Debian": "deb", "Mageia": "rpm", "Photon OS": "rpm", "Red Hat": "rpm",
    "Rocky Linux": "rpm", "SUSE": "rpm", "Ubuntu": "deb", "Wolfi": "apk", "openSUSE": "rpm",
}  # fmt: skip


@cache
def scheme_of(ecosystem: str) -> Scheme:
    """Return the rules of an ecosystem, one of `ECOSYSTEMS`; those of others are not imported.

    Args:
        ecosystem: It may also be what distributions pack, or a release of one, such as `Debian:12`.
    """
    packed = _PACKED.get(DISTRIBUTIONS.get(ecosystem.partition(":")[0], ecosystem))
    name, scheme_name = packed or (ecosystem, _SCHEMES[ecosystem])
    module = import_module(f"outrider.operators.packages.versions.{name}")
    scheme: Scheme = getattr(module, scheme_name)()
    return scheme
