"""What a statement is about: which packages a package URL in it names.

One without a version names all versions. What it says beyond type, name and version, such as an architecture, locks tell of what a
distribution has packed alone: otherwise a package URL with such a qualifier names nothing that was found. https://github.com/openvex/spec, and how its own tool compares:
`PurlMatches` of https://github.com/openvex/go-vex.
"""

from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.distributions.urls import qualifiers_of
from outrider.operators.packages.locks.entries import UnusableEntry
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.locks.package_urls import PackageUrl, package_url
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, PACKED, scheme_of

# What a package URL of Maven means where it says nothing.
_USUAL = {("maven", "type", "jar")}


class Named(msgspec.Struct, frozen=True):
    """A package URL of a statement, or of what is audited.

    Attributes:
        text: As it is written.
        url: What it says.
        qualifiers: What it says beyond that, by name.
        path: A part of the package; nearly always empty.
    """

    text: str
    url: PackageUrl
    qualifiers: tuple[tuple[str, str], ...]
    path: str

    def holds(self, package: LockedPackage) -> bool:
        """Return whether it names a package that was found."""
        more = set(self.qualifiers) - set(qualifiers_of(package).items())
        return not more and not self.path and self._is(package.ecosystem, package.name, package.version)

    def covers(self, other: "Named") -> bool:
        """Return whether it names all that another package URL names."""
        more = set(self.qualifiers) - set(other.qualifiers)
        path = self.path in ("", other.path)
        return not more and path and self._is(other.url.ecosystem, other.url.name, other.url.version)

    def _is(self, ecosystem: str, name: str, version: str) -> bool:
        if (self.url.ecosystem, self.url.name) != (ecosystem, name):
            return False
        return not self.url.version or _same(ecosystem, self.url.version, version)


def named(text: str) -> Named:
    """Read a package URL.

    Raises:
        UnusableEntry: It is none.
    """
    url = package_url(text)
    rest, _, path = text.partition("#")
    said = sorted(parse_qsl(rest.partition("?")[2]))
    qualifiers = tuple((name, value) for name, value in said if (url.ecosystem, name, value) not in _USUAL)
    return Named(text, url, qualifiers, path)


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about.

    Attributes:
        names: Package URLs of it; any of them will do.
        parts: Those of the parts of it that the statement is about; None where it is about all of it.
        versions: Those that it is about, where they stand apart; None where they do not.
    """

    names: tuple[Named, ...]
    parts: tuple[Named, ...] | None = None
    versions: tuple[str, ...] | None = None

    def holds(self, package: LockedPackage, audited: Named | None) -> bool:
        """Return whether a package that was found is meant.

        A part counts where its product is the one that is audited: others that use the part too may be open to what it is not.

        Args:
            package: The package.
            audited: The product that it was found in, where that is known.
        """
        whole = audited is not None and any(one.covers(audited) for one in self.names)
        if self.parts is not None:
            return whole and any(one.holds(package) for one in self.parts)
        if self.versions is not None and not any(
            _same(package.ecosystem, one, package.version) for one in self.versions
        ):
            return False
        return whole or any(one.holds(package) for one in self.names)


@lru_cache(maxsize=100_000)
def _same(ecosystem: str, one: str, two: str) -> bool:
    """Return whether two texts are the same version, such as 1.0 and 1.0.0 of PyPI."""
    if one == two or ecosystem not in (*ECOSYSTEMS, *PACKED):
        return one == two
    try:
        scheme = scheme_of(ecosystem)
        return scheme.parse(one).key == scheme.parse(two).key
    except InvalidConfigError:
        return False


def audited_product(text: str) -> Named | None:
    """Return the product that a call names; None where it names none.

    Raises:
        InvalidConfigError: It is no package URL.
    """
    if not text:
        return None
    try:
        return named(text)
    except UnusableEntry as error:
        raise InvalidConfigError(
            f"product: {error}", path="product", found=text[:200], expected="a package URL, such as pkg:oci/shop@1.4"
        ) from error
