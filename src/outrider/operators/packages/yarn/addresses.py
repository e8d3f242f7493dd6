"""The addresses of tarballs in yarn.lock of Yarn 1, which may write another one of the same registry than npm does."""

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.resolving.outcomes import ResolvedPackage

_CODE = "lib/cli.js"
_OWN = re.compile(r"\bYARN_REGISTRY = '(https?://[^']+)'")
_NPM = re.compile(r"\bNPM_REGISTRY_RE = /([^\n]+)/g;")
_LARGEST = 64 << 20


def readdressed(
    packages: Iterable[ResolvedPackage], before: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> list[ResolvedPackage]:
    """Return packages with the addresses that Yarn would write.

    Args:
        packages: With those that their registries tell.
        before: The entries of the lock that is there, whose addresses count for what comes from the same registry.
        environment: Variables; Yarn itself is looked for in PATH, and says what it writes in place of npm's own registry.
    """
    packages = list(packages)
    known = _known(packages, before)
    npm, own = _of_program(environment)
    found = []
    for one in packages:
        if not one.url:
            found.append(one)
            continue
        base, written = _base(one), str(one.entry.get("resolved", ""))
        other = known.get(base) or (re.sub(npm, lambda _: own, base) if own else base)
        address = f"{other}{written.removeprefix(base)}" if base and written.startswith(base) else written
        found.append(msgspec.structs.replace(one, entry={**one.entry, "resolved": address}))
    return found


def _known(packages: Iterable[ResolvedPackage], before: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what stands in a lock in place of the address of each registry, where that is one alone."""
    found: dict[str, set[str]] = {}
    for one in packages:
        base, rest = _base(one), one.url.removeprefix(_base(one))
        for key in one.ranges if base else ():
            plain = str(before.get(key, {}).get("resolved", "")).partition("#")[0]
            if plain.endswith(rest):
                found.setdefault(base, set()).add(plain.removesuffix(rest))
    return {base: others.pop() for base, others in found.items() if len(others) == 1}


def _base(one: ResolvedPackage) -> str:
    """Return the address of the registry that a package is from, where its tarball is where most have it; empty otherwise."""
    rest = f"/{one.name}/-/{one.name.rpartition('/')[2]}-{one.version}.tgz"
    return one.url.removesuffix(rest) if one.url.endswith(rest) else ""


def _of_program(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return a pattern for npm's own registry, and what Yarn writes for it; nothing where there is no Yarn 1."""
    program = shutil.which("yarn", path=environment.get("PATH"))
    code = Path(program).resolve().parent.parent / _CODE if program else None
    if code is None or not code.is_file() or code.stat().st_size > _LARGEST:
        return "", ""
    text = code.read_text(encoding="utf-8", errors="replace")
    own, npm = _OWN.search(text), _NPM.search(text)
    return (npm[1].replace("\\/", "/"), own[1]) if own and npm else ("", "")
