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


@cache
def scheme_of(ecosystem: str) -> Scheme:
    """Return the rules of an ecosystem, one of `ECOSYSTEMS`; those of others are not imported."""
    module = import_module(f"outrider.operators.packages.versions.{ecosystem}")
    scheme: Scheme = getattr(module, _SCHEMES[ecosystem])()
    return scheme
