"""Projects of Yarn: which Yarn a lock file is of, and how its packages are asked for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.locks.yarn import entries_of, is_of_yarn_1
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.manifests.yarn_workspaces import YarnWorkspace
from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.classic_settings import refuse_classic
from outrider.operators.packages.yarn.manifests import WORKSPACE
from outrider.operators.packages.yarn.settings import SETTINGS, BerrySettings
from outrider.operators.packages.yarn.zips import CACHE_KEY

_LOCK = "yarn.lock"
_METADATA = "__metadata"
# Versions of the format, and from which Yarn 4 on each is written.
_FORMS = {8: 0, 9: 14, 10: 15}
_NEWEST_FORM = 10
_WHOLE = re.compile(r"yarn[@-](\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)(?:\+|\.c?js|$)")
_PROGRAM = re.compile(r"yarn[@-](\d{1,6})(?:\.(\d{1,6}))?")


def form_of(folder: Path, manifest: str, before: str) -> int:
    """Return the version of the format of Yarn 4 that a lock file has; 0 for the format of Yarn 1.

    Args:
        folder: Of the project.
        manifest: Its package.json.
        before: The lock file that is there; empty where there is none.

    Raises:
        UnsupportedError: It is that of another Yarn.
        InvalidConfigError: A file cannot be read.
    """
    if is_of_yarn_1(before):
        return 0
    if before.strip():
        return _checked(entries_of(before).get(_METADATA, {}))
    program = str(read_json(FORM, manifest).get("packageManager") or "")
    if program.startswith("yarn@"):
        return _of_program(program)
    if (folder / SETTINGS).is_file():
        path = BerrySettings(folder, {}).text("yarnPath")
        return _of_program(path.rpartition("/")[2]) if path else _NEWEST_FORM
    return 0


def client_of(form: int) -> str:
    """Return which Yarn writes a format."""
    return "yarn4" if form else "yarn1"


def asked(
    workspace: YarnWorkspace,
    question: Question,
    folder: Path,
    form: int,
    pinned: Mapping[str, Mapping[str, Any]] | None = None,
) -> Question:
    """Return the question for what a project and the members of its workspace need, with the settings of its Yarn.

    Args:
        workspace: Who asks.
        question: What may be used for an answer.
        folder: Of the project.
        form: Of the lock file.
        pinned: What a lock has, as `NpmDetails` has it.

    Raises:
        UnsupportedError: A setting changes what a lock file has.
        InvalidConfigError: One cannot be read.
    """
    details = NpmDetails(
        members=[one.asked() for one in workspace.members], overrides=workspace.root.document.get("resolutions") or {}, pinned=pinned or {}
    )  # fmt: skip
    wanted = msgspec.structs.replace(
        question, folder=folder, files=True, client=client_of(form), details=details,
        packages=[at(one.place, f"{wish.name}@{wish.range}") for one in workspace.members for wish in one.manifest.wishes],
    )  # fmt: skip
    if not form:
        refuse_classic(folder, question.environment)
        return wanted
    settings = BerrySettings(folder, question.environment)
    program = _program(folder, settings, str(workspace.root.document.get("packageManager") or ""))
    return msgspec.structs.replace(
        wanted, environment=settings.environment(),
        details=msgspec.structs.replace(details, extensions=settings.extensions(), program=program),
    )  # fmt: skip


def _program(folder: Path, settings: BerrySettings, said: str) -> str:
    """Return the file of the program that a project has, else the version that it names; empty where it names none that is whole."""
    path = settings.text("yarnPath")
    try:
        file = (folder / path).resolve()
        # What a stranger's project names elsewhere is not looked into.
        if path and file.is_relative_to(folder.resolve()) and file.is_file():
            return str(file)
    except (OSError, ValueError) as error:
        raise InvalidConfigError(
            f"{SETTINGS}: yarnPath is no path", path="yarnPath", found=path[:80], expected="the file of a program", suggestions=["correct it"]
        ) from error  # fmt: skip
    match = _WHOLE.match(path.rpartition("/")[2] or said)
    return match[1] if match is not None else ""


def entries_by_key(text: str) -> dict[str, dict[str, Any]]:
    """Return the entries of packages in a lock file by each of their keys; the errors are those of `entries_of`."""
    return {key: entry for key, entry in entries_of(text).items() if key != _METADATA and not _is_of_project(entry)}


def _is_of_project(entry: Mapping[str, Any]) -> bool:
    return split_name(str(entry.get("resolution", "")))[1].startswith(WORKSPACE)


def _checked(metadata: Mapping[str, Any]) -> int:
    version, key = str(metadata.get("version", "")), str(metadata.get("cacheKey", CACHE_KEY))
    if key != CACHE_KEY:
        raise UnsupportedError(
            f"{_LOCK}: its checksums are of another compression", path=f"{_METADATA}.cacheKey", found=key, expected=CACHE_KEY,
            suggestions=["set compressionLevel to 0 in .yarnrc.yml, and have Yarn 4 write it anew: yarn install"],
        )  # fmt: skip
    if version not in map(str, _FORMS):
        raise UnsupportedError(
            f"{_LOCK}: its version {version} is not written here", path=f"{_METADATA}.version", found=version,
            expected=" or ".join(str(form) for form in _FORMS), suggestions=["have Yarn 4 write it anew: yarn install"],
        )  # fmt: skip
    return int(version)


def _of_program(text: str) -> int:
    match = _PROGRAM.match(text)
    major, minor = (int(match[1]), int(match[2] or 0)) if match is not None else (0, 0)
    if major == 1:
        return 0
    if major != 4:
        raise UnsupportedError(
            f"{FORM}: the lock file of {text[:40]} is not written here", path="packageManager", found=text[:40], expected="Yarn 1 or 4",
            suggestions=["have Yarn write it: yarn install"],
        )  # fmt: skip
    return max(form for form, since in _FORMS.items() if since <= minor)
