"""The files of a branch that an update needs, laid out in a folder: lock files, manifests and settings, and nothing else."""

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from outrider.core.errors import DeniedError, LimitedError
from outrider.core.visible import visible
from outrider.operators.packages.locks.reading import is_lock_name, is_own_folder
from outrider.operators.packages.policies.places import FILE_NAME
from outrider.operators.packages.updating.groups import UPDATES_FILE
from outrider.operators.packages.updating.strangers.machine import Machine
from outrider.operators.packages.updating.strangers.objecting import Objection, objection_to
from outrider.ports.git import Branch

# Manifests, and what their clients read of a project's folder.
_NAMES = (
    "package.json", "Cargo.toml", "pyproject.toml", "Pipfile", "Gemfile", "gems.rb", "composer.json", "pom.xml", "*.csproj", "*.fsproj", "*.vbproj",
    "*.props", "*.targets", "*.patch", "*.gradle", "*.gradle.kts", "libs.versions.toml", "gradle.properties",
    ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", "bunfig.toml", "uv.toml", "auth.json", "[Nn]u[Gg]et.[Cc]onfig",
    FILE_NAME, UPDATES_FILE,
)  # fmt: skip
# Settings that stand in folders which are hidden, and what goes with a lock there.
_HIDDEN = (
    ".cargo/config.toml", ".cargo/config", ".bundle/config", ".mvn/checksums/checksums.sha256", ".yarn/patches/*.patch",
)  # fmt: skip
_MOST_FILES = 2000


async def lay_out(branch: Branch, folder: Path, machine: Machine) -> list[str]:
    """Write the files that count below a folder, and return what was left out of it and why.

    Args:
        branch: What is to be laid out.
        folder: An empty one.
        machine: What of this machine the files might take.

    Raises:
        LimitedError: They are too many.
        DeniedError: What says how the repository is updated is a link.
        OutriderError: The repository cannot be read.
    """
    paths = [path for path in await branch.paths() if is_needed(path)]
    if len(paths) > _MOST_FILES:
        raise LimitedError(
            f"branch '{branch.name}' has too many lock files and manifests", path="repository", found=str(len(paths)),
            expected=f"at most {_MOST_FILES}", suggestions=["update its parts by themselves: outrider packages fix FOLDER"],
        )  # fmt: skip
    left = [_link(path) for path in await branch.links() if is_needed(path)]
    objections: list[Objection] = []
    # Settings come first: what they say decides whether a lock file is looked at.
    for path in sorted(paths, key=is_lock_name):
        why = next((f"{one.path}: {one.why}" for one in objections if one.concerns(path)), "")
        content = b""
        if not why:
            content, why = await _read(branch, path)
        objection = objection_to(path, content.decode("utf-8", "replace"), machine)
        objections += [objection] if objection is not None else []
        # A pom.xml is locked, and is settings at once.
        why = why or (objection.why if objection is not None and objection.concerns(path) else "")
        why = why or _written(folder, path, content)
        if why:
            left.append(f"{visible(path)}: left as it is: {why}")
    return left


async def _read(branch: Branch, path: str) -> tuple[bytes, str]:
    """Return what is in a file, or why that is not to be had.

    Raises:
        LimitedError: What says how the repository is updated is too large.
    """
    try:
        return await branch.read(path) or b"", ""
    except LimitedError as error:
        if PurePosixPath(path).name in (FILE_NAME, UPDATES_FILE):
            raise
        return b"", f"it is too large: {error.found}"


def _link(path: str) -> str:
    if PurePosixPath(path).name in (FILE_NAME, UPDATES_FILE):
        raise DeniedError(
            f"{visible(path)} is a link, which is not followed", path="repository", found="a link", expected="a plain file",
            suggestions=["commit the file itself in its place"],
        )  # fmt: skip
    return f"{visible(path)}: left as it is: it is a link, which is not followed"


def _written(folder: Path, path: str, content: bytes) -> str:
    """Write a file, and return why that cannot be; empty where it can."""
    if not path.isprintable():
        return "its name holds what cannot be seen"
    target = folder / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        return f"it cannot be laid out: {error.strerror}"
    return ""


def is_needed(path: str) -> bool:
    """Return whether an update needs a file of a repository."""
    # git itself makes no such names, and does not refuse those that others have made.
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        return False
    pure = PurePosixPath(path)
    hidden = next((len(PurePosixPath(one).parts) for one in _HIDDEN if pure.match(one)), 0)
    folders = pure.parts[: -(hidden or 1)]
    is_known = hidden > 0 or is_lock_name(path) or any(fnmatchcase(pure.name, name) for name in _NAMES)
    return is_known and all(is_own_folder(one) for one in folders)
