"""Patches that a project of pnpm applies to packages: a lock calls what is patched by the hash of its patch too.

https://pnpm.io/10.x/settings#patcheddependencies, and `getPatchInfo` and `groupPatchedDependencies` of pnpm 10.34.
"""

import re
from collections.abc import Iterable, Mapping

from outrider.core.errors import ConflictError, InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import VersionRange
from outrider.operators.packages.versions.tables import VersionTable

_EXACT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_WHERE = "patchedDependencies"
_ALL = "*"


class Patches:
    """Patches.

    Args:
        said: Their hashes, by `NAME`, `NAME@VERSION` or `NAME@RANGE` of what they are for.

    Raises:
        InvalidConfigError: A range cannot be read.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        self._said = said
        self._exact: dict[tuple[str, str], str] = {}
        self._ranges: dict[str, list[tuple[str, str]]] = {}
        self._all: dict[str, str] = {}
        for key in said:
            name, text = split_name(key) if "@" in key[1:] else (key, _ALL)
            if _EXACT.fullmatch(text):
                self._exact[name, text] = key
            elif text.strip() == _ALL:
                self._all[name] = key
            else:
                _range(key, text)
                self._ranges.setdefault(name, []).append((text, key))

    def suffix(self, name: str, version: str) -> str:
        """Return what stands behind a version for its patch; empty where it has none.

        Raises:
            ConflictError: Several are for it.
        """
        key = self._key(name, version)
        return f"(patch_hash={self._said[key]})" if key else ""

    def refuse_unused(self, packages: Iterable[tuple[str, str]]) -> None:
        """Refuse patches that are for none of some packages, by name and version.

        Raises:
            UnsupportedError: There is one, with which pnpm ends too.
        """
        used = {self._key(name, version) for name, version in packages}
        unused = next((key for key in self._said if key not in used), "")
        if unused:
            raise UnsupportedError(
                f"{_WHERE}.{unused}: nothing that it is for is needed (ERR_PNPM_UNUSED_PATCH)", path=f"{_WHERE}.{unused}", found=unused,
                expected="what one of the packages is", suggestions=["remove it, or name the version that is needed"],
            )  # fmt: skip

    def _key(self, name: str, version: str) -> str:
        if exact := self._exact.get((name, version)):
            return exact
        table = VersionTable(scheme_of("npm"), [version])
        found = [key for text, key in self._ranges.get(name, ()) if table.mask(text)]
        if len(found) > 1:
            raise ConflictError(
                f"{_WHERE}: several patches are for {name} {version} (ERR_PNPM_PATCH_KEY_CONFLICT)", path=_WHERE, found=", ".join(found),
                expected="one", suggestions=[f"name that version: {name}@{version}"],
            )  # fmt: skip
        return found[0] if found else self._all.get(name, "")


def _range(key: str, text: str) -> VersionRange:
    try:
        return scheme_of("npm").range(text)
    except InvalidConfigError as error:
        raise InvalidConfigError(
            f"{_WHERE}.{key}: {text} is no range (ERR_PNPM_PATCH_NON_SEMVER_RANGE)", path=f"{_WHERE}.{key}", found=text, expected="a version or a range",
            suggestions=["correct it"],
        ) from error  # fmt: skip
