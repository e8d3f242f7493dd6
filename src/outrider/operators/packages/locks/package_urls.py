"""Package URLs (ECMA-427), and lists of them, one per line."""

from collections import Counter
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from outrider.operators.packages.distributions.urls import full_version, packed_in, plain_version, qualifiers_of
from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, Lock, LockedPackage, Packed
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, PACKED

FORM = "package URLs"
_SCHEME = "pkg:"
# Letters and digits need not be named. A colon is not encoded either.
_PLAIN = "-._~:"


class PackageUrl(msgspec.Struct, frozen=True):
    """What a package URL says.

    Attributes:
        ecosystem: Its type.
        name: As the ecosystem compares names; with the namespace before it.
        version: Empty where it has none.
        source: `git` or `url` where the qualifiers name a repository or an archive, and `registry` where they name a registry of Cargo.
        packed: What it says of what a distribution has packed; None where it does not say of which release.
        names_source: Whether it says of which source package that is.
    """

    ecosystem: str
    name: str
    version: str
    source: str
    packed: Packed | None = None
    names_source: bool = False


def package_url(text: str) -> PackageUrl:
    """Read a package URL.

    Raises:
        UnusableEntry: It is none.
    """
    if text[: len(_SCHEME)].lower() != _SCHEME:
        raise UnusableEntry(f"{text[:100]} is no package URL")
    rest, _, qualifiers = text[len(_SCHEME) :].partition("#")[0].partition("?")
    kind, _, path = rest.strip("/").partition("/")
    path, _, version = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    parts = [unquote(part) for part in path.split("/") if part]
    if not kind or not parts:
        raise UnusableEntry(f"{text[:100]} has no type or no name")
    named = dict(parse_qsl(qualifiers))
    ecosystem = kind.lower()
    source = "git" if "vcs_url" in named else "url" if "download_url" in named else ""
    if ecosystem == "cargo" and named.get("repository_url", "").startswith("sparse+"):
        source = OTHER_REGISTRY
    full = full_version(ecosystem, unquote(version), named)
    packed = packed_in(ecosystem, parts, full, named) if ecosystem in PACKED else None
    return PackageUrl(ecosystem, _name(ecosystem, parts), full, source, packed, "upstream" in named)


def written(ecosystem: str, name: str, version: str) -> str:
    """Return the package URL of a package, by its compared name."""
    parts = name.split(":" if ecosystem == "maven" else "/")
    path = "/".join(quote(part, safe=_PLAIN) for part in parts)
    return f"{_SCHEME}{ecosystem}/{path}@{quote(version, safe=_PLAIN)}"


def url_of(package: LockedPackage) -> str:
    """Return the package URL of a package, with what a distribution has to say of it."""
    url = written(package.ecosystem, package.name, plain_version(package))
    # By name, as the specification wants it.
    said = "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in sorted(qualifiers_of(package).items()))
    return f"{url}?{said}" if said else url


def _name(ecosystem: str, parts: list[str]) -> str:
    name = (":" if ecosystem == "maven" else "/").join(parts)
    if ecosystem == "pypi":
        return normalised(name)
    return name.lower() if ecosystem in ("nuget", "composer") else name


class Others:
    """Counts the packages of ecosystems that are not read here, and those that say too little."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._of_no_release: Counter[str] = Counter()
        self._sources: dict[str, Counter[bool]] = {}

    def has(self, url: PackageUrl) -> bool:
        """Return whether a package is of such an ecosystem, and count it if so."""
        if url.ecosystem in ECOSYSTEMS:
            return False
        if url.packed is not None:
            self._sources.setdefault(url.ecosystem, Counter())[url.names_source] += 1
            return False
        if url.ecosystem in PACKED:
            self._of_no_release[url.ecosystem] += 1
            return True
        self._kinds[url.ecosystem] += 1
        return True

    def tell(self, findings: Findings) -> None:
        """Report them, each kind in one sentence."""
        for kind, count in sorted(self._kinds.items()):
            findings.report(f"{count} of the type {kind}: only {', '.join((*ECOSYSTEMS, *PACKED))} are read")
        for kind, count in sorted(self._of_no_release.items()):
            findings.report(
                f"{count} of the type {kind}: they do not say of which release (distro), or in which version"
            )
        for kind, told in sorted(self._sources.items()):
            if not told[True]:
                findings.report(
                    f"{told[False]} of the type {kind}: none names its source (upstream); advisories that name another are missed"
                )


def read(text: str) -> Lock:
    """Return the packages of a list; lines that begin with # are comments.

    Raises:
        InvalidConfigError: It is too large, or no text.
    """
    findings, others = Findings(FORM), Others()
    for number, line in enumerate(checked(FORM, text).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        with findings.entry(f"line {number}"):
            url = package_url(line.strip())
            if not others.has(url):
                findings.add(url.name, url.version, ecosystem=url.ecosystem, source=url.source, packed=url.packed)
    others.tell(findings)
    return findings.lock(tells_needs=False)
