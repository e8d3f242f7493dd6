"""Lock files that can be changed, by their formats."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.bun import BunProject
from outrider.operators.packages.fixing.cargo import CargoProject
from outrider.operators.packages.fixing.composer import ComposerProject
from outrider.operators.packages.fixing.gem import GemProject
from outrider.operators.packages.fixing.npm import NpmProject
from outrider.operators.packages.fixing.nuget import NugetProject
from outrider.operators.packages.fixing.pipfile import PipfileProject
from outrider.operators.packages.fixing.pnpm import PnpmProject
from outrider.operators.packages.fixing.pylock import PylockProject
from outrider.operators.packages.fixing.requirements import RequirementsProject
from outrider.operators.packages.fixing.uv import UvProject
from outrider.operators.packages.fixing.wishes import Project
from outrider.operators.packages.fixing.yarn import YarnProject
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.discovery import import_module

_Opener = Callable[[Path, str, str], Project]


def _poetry_project(path: Path, text: str, _: str) -> Project:
    # Poetry's own library is imported where it is asked for alone.
    return cast(
        "Project",
        import_module("outrider.operators.packages.fixing.poetry", extra="packages").PoetryProject(path, text),
    )


def _gradle_project(path: Path, text: str, _: str) -> Project:
    # Few folders have a build of Gradle, and all that knows of Maven comes with it.
    return cast(
        "Project", import_module("outrider.operators.packages.fixing.gradle", extra="packages").GradleFix(path, text)
    )


# The ecosystem, and what reads a lock file together with what it is the lock of.
PROJECTS: Mapping[str, tuple[Ecosystem, _Opener]] = {
    "Cargo.lock": ("cargo", lambda path, text, _: CargoProject(path, text)),
    "bun.lock": ("npm", lambda path, text, _: BunProject(path, text)),
    "composer.lock": ("composer", lambda path, text, _: ComposerProject(path, text)),
    "gradle.lockfile": ("maven", _gradle_project),
    "Gemfile.lock": ("gem", lambda path, text, _: GemProject(path, text)),
    "Pipfile.lock": ("pypi", lambda path, text, _: PipfileProject(path, text)),
    "packages.lock.json": ("nuget", lambda path, text, _: NugetProject(path, text)),
    "package-lock.json": ("npm", lambda path, text, _: NpmProject(path, text)),
    "pnpm-lock.yaml": ("npm", lambda path, text, _: PnpmProject(path, text)),
    "poetry.lock": ("pypi", _poetry_project),
    "pylock.toml": ("pypi", PylockProject),
    "requirements.txt": ("pypi", RequirementsProject),
    "uv.lock": ("pypi", lambda path, text, _: UvProject(path, text)),
    "yarn.lock": ("npm", lambda path, text, _: YarnProject(path, text)),
}


def refuse_outside(paths: Sequence[Path], folder: Path) -> None:
    """Refuse a project that leads to files outside of a folder, which are not those of its repository.

    Args:
        paths: Of its files, that which leads to the others first.
        folder: Of the repository.

    Raises:
        UnsupportedError: It does.
    """
    outside = next((one for one in paths if not one.resolve().is_relative_to(folder.resolve())), None)
    if outside is not None:
        raise UnsupportedError(
            f"{paths[0]}: it leads to a file outside of the repository", path="path", found=os.path.relpath(outside, folder),
            expected="files of the repository alone", suggestions=["update it where all of them are: outrider packages fix FOLDER"],
        )  # fmt: skip
