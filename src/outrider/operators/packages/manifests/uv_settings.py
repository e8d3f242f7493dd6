"""Settings of uv that a lock would follow from, and that are not heeded: https://docs.astral.sh/uv/reference/settings/.

Where indexes are is read elsewhere: `pypi/settings.py`.
"""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.registries.unheeded import is_on, unheeded

FILE = "uv.toml"
_MANIFEST = "pyproject.toml"
# What a lock does not follow from, and where indexes are.
_HARMLESS = frozenset(
    {
        "allow-insecure-host", "build-backend", "cache-dir", "cache-keys", "check-url", "compile-bytecode", "concurrent-builds",
        "concurrent-downloads", "concurrent-installs", "default-groups", "extra-index-url", "index-url", "keyring-provider", "link-mode",
        "managed", "native-tls", "offline", "package", "preview", "publish-url", "python-downloads", "python-preference", "reinstall",
        "reinstall-package", "system-certs", "trusted-publishing",
    }
)  # fmt: skip
# What a lock follows from, and is read: `uv_workspace.py`.
_READ = frozenset(
    {
        "constraint-dependencies", "dev-dependencies", "environments", "override-dependencies", "required-environments", "sources",
        "workspace",
    }
)  # fmt: skip
# What counts of a member of a workspace, and is not read; all else counts of the root alone.
_OF_MEMBERS = ("conflicts", "dependency-groups")
_VARIABLES = (
    "UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_FIND_LINKS", "UV_FORK_STRATEGY", "UV_INDEX_STRATEGY", "UV_NO_BINARY",
    "UV_NO_SOURCES", "UV_OVERRIDE", "UV_PRERELEASE", "UV_RESOLUTION",
)  # fmt: skip
# With them uv writes no lock.
_WRITES_NONE = ("UV_FROZEN", "UV_LOCKED")
_REQUIRED = "required-version"
# Whose locks are written.
_VERSION = "0.13.9"
_ITSELF = ["use uv itself: uv lock"]


def refuse_settings(table: Mapping[str, Any], where: str, read: Collection[str] = _READ) -> None:
    """Refuse settings that are not heeded.

    Args:
        table: Of settings.
        where: It stands.
        read: Names of those that are.

    Raises:
        UnsupportedError: There is one.
    """
    for key, value in table.items():
        if key in _HARMLESS or key in read or not value:
            continue
        if key == _REQUIRED:
            _refuse_other_uv(value, f"{where}{key}")
            continue
        if key == "index" and isinstance(value, list) and not any(map(_is_special, value)):
            continue
        raise _unheeded(f"{where}{key}", key)


def _refuse_other_uv(wanted: Any, where: str) -> None:
    """Refuse a lock as the uv that is known writes it, where the project is for others; a plain version stands for itself."""
    try:
        ranges = SpecifierSet(wanted if wanted[:1] in "<>=!~" else f"=={wanted}")
    except (InvalidSpecifier, TypeError) as error:
        raise InvalidConfigError(
            f"{where} cannot be read", path=_REQUIRED, found=str(wanted)[:80], expected="a range of versions of uv", suggestions=["correct it"]
        ) from error  # fmt: skip
    if not ranges.contains(_VERSION, prereleases=True):
        raise UnsupportedError(
            f"{where} is {wanted}, and locks are written as uv {_VERSION} does it", path=_REQUIRED, found=str(wanted), expected=_VERSION,
            suggestions=_ITSELF,
        )  # fmt: skip


def refuse_settings_of_member(table: Mapping[str, Any], where: str) -> None:
    """Refuse settings of a member of a workspace that count and are not heeded; arguments and errors are those of `refuse_settings`."""
    for key in _OF_MEMBERS:
        if table.get(key):
            raise _unheeded(f"{where}{key}", key)


def refuse_around(folder: Path, environment: Mapping[str, str]) -> None:
    """Refuse what around a project changes its lock: variables, its uv.toml, or that it is a member of a workspace.

    Raises:
        InvalidConfigError: A file cannot be read.
        UnsupportedError: There is such a thing.
    """
    for name in _VARIABLES:
        if environment.get(name):
            raise _unheeded(name, name)
    for name in _WRITES_NONE:
        if is_on(environment.get(name, "")):
            raise unheeded(name, name, "it says that no lock is written")
    text = text_or_none(folder / FILE)
    if text is not None:
        refuse_settings(read_toml(FILE, text), f"{FILE}: ", read=())
    above = workspace_of(folder)
    if above is not None:
        raise UnsupportedError(
            f"{folder}: it is a member of the workspace of {above}, which has one lock for all", path="file", found=str(above),
            expected="the lock of the workspace", suggestions=[f"name {above / 'uv.lock'}"],
        )  # fmt: skip


def workspace_of(folder: Path) -> Path | None:
    """Return the folder above one whose workspace that is a member of; None where there is none.

    Raises:
        InvalidConfigError: A file cannot be read.
    """
    for above, workspace in _workspaces(folder):
        place = folder.relative_to(above).as_posix()
        if _matches(place, workspace.get("members")) and not _matches(place, workspace.get("exclude")):
            return above
    return None


def _workspaces(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for above in folder.parents:
        if (above / _MANIFEST).is_file():
            found: Any = read_toml(_MANIFEST, text_or_none(above / _MANIFEST) or "")
            for key in ("tool", "uv", "workspace"):
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, dict):
                yield above, found


def _matches(place: str, patterns: Any) -> bool:
    return isinstance(patterns, list) and any(fnmatch(place, str(one).rstrip("/")) for one in patterns)


def _is_special(index: Any) -> bool:
    """Return whether an index is no ordinary one."""
    return not isinstance(index, dict) or any(index.get(key) for key in ("exclude-newer", "format", "cache-control"))


def _unheeded(where: str, key: str) -> UnsupportedError:
    return UnsupportedError(
        f"{where} is not heeded here, and a lock of uv follows from it", path=key, found=where, expected="a project without it",
        suggestions=_ITSELF,
    )  # fmt: skip
