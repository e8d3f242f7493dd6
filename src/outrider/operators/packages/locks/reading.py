"""Picks the reader for a lock file, and finds the lock files of a project."""

import os
import re
from importlib import import_module
from pathlib import Path, PurePosixPath

import msgspec

from outrider.core.errors import InvalidConfigError, LimitedError, NotFoundError, UnsupportedError
from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.empty import refuse_unmarked
from outrider.operators.packages.locks.form_versions import unknown_version
from outrider.operators.packages.locks.lock import Lock, unreadable

MAX_DEPTH = 8
MAX_FOLDERS = 20_000
MAX_FILES = 1000

# What a file is called, the module that reads it, and the name of its format; the first one that fits counts.
_READERS = (
    (r"(.*[-_.])?requirements([-_.].*)?\.txt", "requirements", "requirements.txt"),
    (r"requirements/[^/]+\.txt", "requirements", "requirements.txt"),
    (r"pylock(\.[^.]+)?\.toml", "pylock", "pylock.toml"),
    (r"uv\.lock", "uv", "uv.lock"),
    (r"poetry\.lock", "poetry", "poetry.lock"),
    (r"Pipfile\.lock", "pipfile", "Pipfile.lock"),
    (r"pdm(\.[^.]+)?\.lock", "pdm", "pdm.lock"),
    (r"package-lock\.json", "package_lock", "package-lock.json"),
    (r"npm-shrinkwrap\.json", "package_lock", "npm-shrinkwrap.json"),
    (r"yarn\.lock", "yarn", "yarn.lock"),
    (r"pnpm-lock\.yaml", "pnpm", "pnpm-lock.yaml"),
    (r"bun\.lock", "bun", "bun.lock"),
    (r"Cargo\.lock", "cargo", "Cargo.lock"),
    (r".*\.lockfile", "gradle", "gradle.lockfile"),
    (r"pom\.xml|.*\.pom", "pom", "pom.xml"),
    (r"packages(\..+)?\.lock\.json", "nuget_lock", "packages.lock.json"),
    (r"packages(\..+)?\.config", "nuget_project.read_config", "packages.config"),
    (r".+\.(cs|fs|vb)proj", "nuget_project", "NAME.csproj"),
    (r"Gemfile\.lock|gems\.locked|.*\.gemfile\.lock", "gemfile", "Gemfile.lock"),
    (r"composer\.lock", "composer", "composer.lock"),
)
# These are known by what stands in them, or by names that nobody must use.
_DESCRIPTIONS = (
    (r".*\.spdx\.json", "spdx", "SPDX 2 in JSON"),
    (r".*\.cdx\.json|bom\.json", "cyclonedx", "CycloneDX in JSON"),
    (r".*\.purls?|purls?\.txt", "package_urls", "package URLs, one per line"),
)
_KEYS = ((re.compile(r'"bomFormat"\s*:'), "cyclonedx"), (re.compile(r'"spdxVersion"\s*:'), "spdx"))
_REQUIREMENT = re.compile(r"--?[a-z]|[A-Za-z0-9][A-Za-z0-9._-]*+\s*+(?:\[[^\]]*+\]\s*+)?[=<>~!]=")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7}) ", re.MULTILINE)
_HEAD = 64 * 1024
_SKIPPED = frozenset({"node_modules", "vendor", "venv", "site-packages", "bower_components", "__pypackages__"})
# Formats that only wish, and those that say in the same folder what became of it.
_MANIFESTS = {
    "requirements.txt": ("pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"),
    "packages.config": ("packages.lock.json",),
    "NAME.csproj": ("packages.lock.json",),
    "pom.xml": ("gradle.lockfile",),
    "package-lock.json": ("npm-shrinkwrap.json",),
}


def read_lock(name: str, text: str) -> Lock:
    """Return what a lock file says.

    Args:
        name: Of the file; folders before it may be given too.
        text: Of the file.

    Raises:
        InvalidConfigError: It is not of the format that its name or its content says.
        UnsupportedError: It is of no format that is known.
    """
    reader = _by_name(name, _READERS)
    # A list of package URLs may be called requirements.txt, and many kinds of descriptions bom.json.
    by_content = _by_content(name, checked(name, text))
    reader = by_content or reader or _by_name(name, _DESCRIPTIONS)
    if not reader:
        raise UnsupportedError(
            f"{name}: it is of no format that is known", found=name, expected=", ".join(_formats()),
            suggestions=["give the file the name that its own tool gives it"],
        )  # fmt: skip
    module, _, function = reader.partition(".")
    found = import_module(f"outrider.operators.packages.locks.{module}")
    try:
        _refuse_conflict(name, text)
        lock: Lock = getattr(found, function or "read")(text)
        if not lock.packages and not lock.unreadable:
            refuse_unmarked(lock.form, text)
    except InvalidConfigError as error:
        # A reader knows its format; of several files of one, the path tells which it is.
        error.message = error.message.removeprefix(f"{PurePosixPath(name).name}: ")
        error.about(name)
        raise
    version = unknown_version(lock.form, text)
    if version:
        partial = f"its version {version} is not known here, and what it says may mean another thing: update Outrider, or have its own tool write an older one"
        return msgspec.structs.replace(lock, partial=partial, may_be_whole=False)
    return lock


def _refuse_conflict(name: str, text: str) -> None:
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        raise unreadable(PurePosixPath(name).name, f"a conflict of a merge in line {line}", "a file that is merged")


def lock_files(folder: Path) -> list[Path]:
    """Return the lock files of a project, sorted; a file that only wishes is left out where its lock is beside it.

    What others have put into the folder is not looked at: node_modules, vendor, environments, hidden folders, links.

    Args:
        folder: Of the project.

    Raises:
        NotFoundError: There is no such folder.
        LimitedError: It has too many folders or lock files.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder}: no such folder", found=str(folder), suggestions=["check the path"])
    found: list[Path] = []
    for number, (place, folders, files) in enumerate(os.walk(folder)):
        is_deep = len(Path(place).relative_to(folder).parts) >= MAX_DEPTH
        folders[:] = [] if is_deep else sorted(one for one in folders if _is_looked_into(Path(place, one)))
        found += _preferred([Path(place, one) for one in files])
        if number >= MAX_FOLDERS or len(found) > MAX_FILES:
            raise LimitedError(
                f"{folder}: it has too much to look through", found=f"{number + 1} folders, {len(found)} lock files",
                expected=f"at most {MAX_FOLDERS} folders and {MAX_FILES} lock files", suggestions=["name the lock files"],
            )  # fmt: skip
    return sorted(found)


def locks_beside(folder: Path) -> list[Path]:
    """Return the lock files that are in a folder itself, sorted, as `lock_files` does."""
    return sorted(_preferred([one for one in folder.iterdir() if one.is_file()]))


def _by_name(name: str, readers: tuple[tuple[str, str, str], ...], field: int = 1) -> str:
    path = PurePosixPath(name)
    names = (path.name, f"{path.parent.name}/{path.name}")
    return next((one[field] for one in readers if any(re.fullmatch(one[0], name) for name in names)), "")


def _by_content(name: str, text: str) -> str:
    suffix = PurePosixPath(name).suffix
    head = text[:_HEAD]
    lines = (line.strip() for line in head.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if suffix in (".txt", "") and first.startswith("pkg:"):
        return "package_urls"
    if suffix == ".txt" and _REQUIREMENT.match(first):
        return "requirements"
    if suffix != ".json" or _by_name(name, _READERS):
        return ""
    return next((module for key, module in _KEYS if key.search(head)), "")


def _formats() -> list[str]:
    return list(dict.fromkeys(reader[2] for reader in (*_READERS, *_DESCRIPTIONS)))


def is_lock_name(path: str) -> bool:
    """Return whether a file is a lock file, or a list of wishes, by its name; descriptions such as SBOMs are none."""
    return bool(_by_name(path, _READERS))


def is_own_folder(name: str) -> bool:
    """Return whether a folder is of the project itself, by its name: others have put nothing into it, and it is not hidden."""
    return name not in _SKIPPED and not name.startswith(".")


def _is_looked_into(folder: Path) -> bool:
    return is_own_folder(folder.name) and not folder.is_symlink()


def _preferred(files: list[Path]) -> list[Path]:
    formats = {file: form for file in files if (form := _by_name(file.as_posix(), _READERS, 2))}
    present = set(formats.values())
    return [file for file, form in formats.items() if present.isdisjoint(_MANIFESTS.get(form, ()))]
