"""What bun.lock has of each package: `write_package_info_object` of bun 1.4, and https://bun.com/docs/pm/lockfile."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outrider.operators.packages.npm.bun.graph import BunPackage
from outrider.operators.packages.npm.bun.members import MEMBER
from outrider.operators.packages.npm.bun.needs import OPTIONAL, OPTIONAL_PEER, PEER, PROD, BunNeed

_KINDS = {"dependencies": (PROD,), "optionalDependencies": (OPTIONAL,), "peerDependencies": (PEER, OPTIONAL_PEER)}
# Systems and processors that bun knows, in its order; others are as none.
_KNOWN = {
    "os": ("aix", "linux", "sunos", "win32", "darwin", "android", "freebsd", "openbsd"),
    "cpu": ("arm", "ppc", "x32", "x64", "ia32", "mips", "s390", "arm64", "ppc64", "s390x", "mipsel"),
    "libc": ("musl", "glibc"),
}
_SCRIPTS = ("preinstall", "install", "postinstall")
_HASH = re.compile(r"(sha(?:1|256|384|512)-)([A-Za-z0-9+/]+=*)")


def entry_of(package: BunPackage, default: str, *, is_bundled: bool, unmet: Sequence[str]) -> list[Any]:
    """Return the entry of a version of a registry, or of a member of a workspace.

    Args:
        package: The version.
        default: The address of the registry that npm comes with, which is not written.
        is_bundled: Whether it came within the tarball of whoever needs it.
        unmet: Names of needs that nothing meets, though something by that name is found from there.
    """
    if package.npm is None:
        return [f"{package.name}@{MEMBER}{package.place}"]
    url, _ = package.npm.distribution(package.bit)
    is_usual = bool(default) and f"{url}/".startswith(f"{default.rstrip('/')}/")
    return [
        f"{package.name}@{package.version}",
        "" if is_usual else url,
        _info(package, unmet, is_bundled=is_bundled),
        integrity_of(package),
    ]


def integrity_of(package: BunPackage) -> str:
    """Return the hash of a version as bun writes it; empty where there is none that it knows."""
    dist = package.said.get("dist")
    said = dist if isinstance(dist, dict) else {}
    match = _HASH.match(str(said.get("integrity") or ""))
    if match is not None:
        return match[0]
    shasum = said.get("shasum")
    try:
        return f"sha1-{b64encode(bytes.fromhex(shasum)).decode()}" if isinstance(shasum, str) else ""
    except ValueError:
        return ""


def _info(package: BunPackage, unmet: Sequence[str], *, is_bundled: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, kinds in _KINDS.items():
        needs = named(package.needs, kinds)
        if needs:
            found[field] = {one.name: one.text for one in needs}
    if optional := named(package.needs, (OPTIONAL_PEER,)):
        found["optionalPeers"] = [one.name for one in optional]
    if unmet:
        found["unresolved"] = list(unmet)
    if is_bundled:
        found["bundled"] = True
    said = package.said
    machines = {field: _machines(said.get(field), known) for field, known in _KNOWN.items() if field in said}
    found |= {field: one for field, one in machines.items() if one is not None}
    scripts = said.get("scripts")
    if said.get("hasInstallScript") is True or (
        isinstance(scripts, dict) and any(scripts.get(one) for one in _SCRIPTS)
    ):
        found["hasInstallScript"] = True
    return found | programs_of(said)


def named(needs: Iterable[BunNeed], kinds: Sequence[int]) -> list[BunNeed]:
    """Return the needs of some kinds, by name."""
    return sorted((one for one in needs if one.kind in kinds), key=lambda one: one.name.encode())


def programs_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a lock has of the programs of a package."""
    programs, folders = said.get("bin"), said.get("directories")
    if isinstance(programs, dict) or (isinstance(programs, str) and programs):
        are_texts = isinstance(programs, str) or all(isinstance(one, str) for one in programs.values())
        return {"bin": programs} if programs and are_texts else {}
    folder = folders.get("bin") if isinstance(folders, dict) else None
    return {"binDir": folder} if isinstance(folder, str) and folder else {}


def _machines(said: Any, known: Sequence[str]) -> Any:
    """Return for which machines a package is, the shorter way; None where that is for all."""
    texts = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    added: set[str] = set()
    removed: set[str] = set()
    is_any = is_odd = False
    for text in texts:
        if not isinstance(text, str) or not text:
            continue
        bare = text.removeprefix("!")
        if text == "any":
            is_any = True
        elif bare in known:
            (removed if text.startswith("!") else added).add(bare)
            is_any = is_odd = False
        elif not text.startswith("!"):
            is_odd = True
    has = set(known) if is_any else added
    if not has and not removed:
        return "none" if is_odd else None
    fit = (has or set(known)) - removed
    if not fit:
        return "none"
    left = [one for one in known if one not in fit]
    if not left:
        return None
    shown = (
        [one for one in known if one in fit] if len(left) > len(fit) or len(fit) == 1 else [f"!{one}" for one in left]
    )
    return shown[0] if len(shown) == 1 else shown
