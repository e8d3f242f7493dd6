"""Releases of distributions: by what they say of themselves, and by what OSV calls them.

https://www.freedesktop.org/software/systemd/man/latest/os-release.html and
https://ossf.github.io/osv-schema/#defined-ecosystems. Some have several names in OSV that mean the same packages: the parts of a
release of Red Hat, the modules and products of a release of SUSE, and what Ubuntu fixes for subscribers. They count as one here.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from outrider.operators.packages.versions.ecosystems import DISTRIBUTIONS

# Where nobody says of which release something is.
UNKNOWN = "an unknown distribution"
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,99}")


class Release(NamedTuple):
    """A release of a distribution.

    Attributes:
        advisories: As OSV names it, such as `Debian:12`; what it says of itself where OSV does not know it.
        namespace: In package URLs.
        distro: In package URLs, such as `debian-12`.
        updates: The command that updates packages there, to which their names are added.
    """

    advisories: str
    namespace: str
    distro: str
    updates: str


# They advise by the package itself, too.
BY_PACKAGE = ("Chainguard", "Wolfi")
_APT, _APK = "apt-get install --only-upgrade", "apk upgrade"
_DNF, _ZYPPER = "dnf upgrade", "zypper update"
_MAJOR = re.compile(r"([0-9]+)(?:\.[0-9.]+)?")
_MINOR = re.compile(r"([0-9]+\.[0-9]+)(?:\.[0-9.]+)?")
_SERVICE_PACK = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


def _major(name: str) -> Callable[[str], str]:
    return lambda version: f"{name}{match[1]}" if (match := _MAJOR.fullmatch(version)) else ""


def _minor(name: str) -> Callable[[str], str]:
    return lambda version: f"{name}{match[1]}" if (match := _MINOR.fullmatch(version)) else ""


def _ubuntu(version: str) -> str:
    return _joined(f"Ubuntu:{match[1]}") if (match := _MINOR.fullmatch(version)) else ""


def _service_pack(version: str) -> str:
    match = _SERVICE_PACK.fullmatch(version)
    if match is None:
        return ""
    return f"SUSE:Linux Enterprise {match[1]}{f' SP{match[2]}' if match[2] not in (None, '0') else ''}"


# By the ID of os-release: the namespace of package URLs, what OSV calls a VERSION_ID, and the command that updates packages.
_KNOWN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "almalinux": ("almalinux", _major("AlmaLinux:"), _DNF),
    "alpine": ("alpine", _minor("Alpine:v"), _APK),
    "chainguard": ("chainguard", lambda _: "Chainguard", _APK),
    "debian": ("debian", _major("Debian:"), _APT),
    "mageia": ("mageia", _major("Mageia:"), _DNF),
    "opensuse-leap": ("opensuse", _minor("openSUSE:Leap "), _ZYPPER),
    "opensuse-tumbleweed": ("opensuse", lambda _: "openSUSE:Tumbleweed", _ZYPPER),
    "photon": ("photon", _minor("Photon OS:"), "tdnf upgrade"),
    "rhel": ("redhat", _major("Red Hat:enterprise_linux:"), _DNF),
    "rocky": ("rocky", _major("Rocky Linux:"), _DNF),
    "sled": ("suse", _service_pack, _ZYPPER),
    "sles": ("suse", _service_pack, _ZYPPER),
    "sles_sap": ("suse", _service_pack, _ZYPPER),
    "ubuntu": ("ubuntu", _ubuntu, _APT),
    "wolfi": ("wolfi", lambda _: "Wolfi", _APK),
}
_OTHER_IDS = {"redhat": "rhel", "rocky-linux": "rocky", "rockylinux": "rocky"}
# Package URLs may have the name of a release instead of its number.
_CODENAMES = {
    "buster": ("debian", "10"), "bullseye": ("debian", "11"), "bookworm": ("debian", "12"), "trixie": ("debian", "13"),
    "bionic": ("ubuntu", "18.04"), "focal": ("ubuntu", "20.04"), "jammy": ("ubuntu", "22.04"), "noble": ("ubuntu", "24.04"),
}  # fmt: skip
_TOOLS = {"apk": _APK, "deb": _APT, "rpm": _DNF}


def release_of(identity: str, version: str) -> Release:
    """Return a release.

    Args:
        identity: The ID of its os-release; may be empty.
        version: Its VERSION_ID; may be empty, as that of a release that is not out yet.
    """
    known = _KNOWN.get(_OTHER_IDS.get(identity, identity))
    words = [one for one in (identity, version) if _TEXT.fullmatch(one)]
    # No name of an ecosystem is like that, so that nobody takes it for one.
    itself = f"the distribution {' '.join(words)}" if words else UNKNOWN
    if known is None:
        return Release(itself, identity if identity in words else "", "-".join(words), "")
    namespace, advisories, updates = known
    return Release(advisories(version) or itself, namespace, "-".join(words), updates)


def release_in(namespace: str, distro: str) -> Release | None:
    """Return the release that a package URL names; None where it names none.

    Args:
        namespace: Of the package URL.
        distro: Its qualifier, such as `debian-12`, `bookworm`, `opensuse-leap-15.5` or `12`.
    """
    if distro in _CODENAMES:
        return release_of(*_CODENAMES[distro])
    name, _, version = distro.rpartition("-")
    if name or not distro:
        return release_of(name, version) if name else None
    if distro in _KNOWN:
        return release_of(distro, "")
    return release_of(namespace, distro) if namespace else None


def updates_of(ecosystem: str, distro: str) -> str:
    """Return the command that updates packages of a release, as package URLs name it."""
    name, _, version = distro.rpartition("-")
    return release_of(name or distro, version).updates or _TOOLS.get(ecosystem, "")


_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Ubuntu:(?:Pro:)?([0-9]{2}\.[0-9]{2})(?::LTS)?"), r"Ubuntu:\1"),
    (re.compile(r"Red Hat:enterprise_linux:([0-9]+)(?:\.[0-9]+)?(?:::.*)?"), r"Red Hat:enterprise_linux:\1"),
    # What is for the whole system, and not for live patches or another system such as SUSE Linux Enterprise Micro.
    (re.compile(r"SUSE:Linux Enterprise (?!Micro|Live Patching|Module for Live Patching).*?\b([0-9]{2})( SP[0-9]+)?(?:-[A-Z-]+)?"),
     r"SUSE:Linux Enterprise \1\2"),
)  # fmt: skip


def _joined(name: str) -> str:
    for pattern, whole in _PARTS:
        if (match := pattern.fullmatch(name)) is not None:
            return match.expand(whole)
    return name


def advised_release(name: str) -> str | None:
    """Return the release that an ecosystem of OSV is about, by the name that it has here; None where that is no distribution."""
    return _joined(name) if name.partition(":")[0] in DISTRIBUTIONS else None
