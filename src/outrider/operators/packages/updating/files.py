"""The files of a branch that an update needs, laid out in a folder: lock files, manifests and settings, and nothing else."""

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from outrider.core.errors import LimitedError
from outrider.operators.packages.locks.reading import is_lock_name, is_own_folder
from outrider.operators.packages.policies.places import FILE_NAME
from outrider.operators.packages.updating.groups import UPDATES_FILE
from outrider.ports.git import Branch

# Manifests, and what their clients read of a project's folder.
_NAMES = (
    "package.json", "Cargo.toml", "pyproject.toml", "Pipfile", "Gemfile", "gems.rb", "composer.json", "pom.xml", "*.csproj",
    ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", "uv.toml", "auth.json", "[Nn]u[Gg]et.[Cc]onfig",
    FILE_NAME, UPDATES_FILE,
)  # fmt: skip
# Settings that stand in folders which are hidden.
_HIDDEN = (".cargo/config.toml", ".cargo/config", ".bundle/config")
_MOST_FILES = 2000


async def lay_out(branch: Branch, folder: Path) -> None:
    """Write the files that count below a folder.

    Raises:
        LimitedError: They are too many.
        OutriderError: The repository cannot be read.
    """
    paths = [path for path in await branch.paths() if is_needed(path)]
    if len(paths) > _MOST_FILES:
        raise LimitedError(
            f"branch '{branch.name}' has too many lock files and manifests", path="repository", found=str(len(paths)),
            expected=f"at most {_MOST_FILES}", suggestions=["update its parts by themselves: outrider packages fix FOLDER"],
        )  # fmt: skip
    for path in paths:
        content = await branch.read(path)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content or b"")


def is_needed(path: str) -> bool:
    """Return whether an update needs a file of a repository."""
    pure = PurePosixPath(path)
    is_hidden = any(pure.match(one) for one in _HIDDEN)
    folders = pure.parts[: -2 if is_hidden else -1]
    is_known = is_hidden or is_lock_name(path) or any(fnmatchcase(pure.name, name) for name in _NAMES)
    return is_known and all(is_own_folder(one) for one in folders)
