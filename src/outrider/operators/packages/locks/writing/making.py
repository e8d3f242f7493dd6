"""Makes the text of a lock file from what is asked for, by the name of the file."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.locks.writing import cargo, package_lock, pylock, requirements
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests import package_json
from outrider.operators.packages.manifests.cargo import read_manifest
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import session_of

# By ecosystem, what a file may be called, and the format that this stands for.
_NAMES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cargo": ((r"Cargo\.lock", "Cargo.lock"),),
    "npm": ((r"package-lock\.json", "package-lock.json"),),
    "pypi": ((r"pylock(\.[^.]+)?\.toml", "pylock.toml"), (r".*\.txt", "requirements.txt")),
}

USUAL_NAMES = {"cargo": "Cargo.lock", "npm": "package-lock.json", "pypi": "requirements.txt"}


class Made(msgspec.Struct, frozen=True):
    """A lock file that was made.

    Attributes:
        text: Of the file.
        warnings: What its reader should know.
    """

    text: str
    warnings: list[str] = []


def form_of(ecosystem: str, path: Path) -> str:
    """Return the format of a file that is to be written.

    Raises:
        UnsupportedError: Its ecosystem has none of such a name that can be written.
    """
    for pattern, form in _NAMES[ecosystem]:
        if re.fullmatch(pattern, path.name):
            return form
    forms = " or ".join(form for _, form in _NAMES[ecosystem])
    raise UnsupportedError(
        f"{path}: no lock file of {ecosystem} that can be written has such a name", path="file", found=path.name, expected=forms,
        suggestions=[f"--file {forms.partition(' ')[0]}"],
    )  # fmt: skip


async def made(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the text of a file.

    Args:
        form: Its format.
        path: Where it is to be; a manifest beside it counts where its format is about one.
        question: What is asked for; nothing where a manifest says it.

    Raises:
        ConflictError: What is asked for cannot be had at once.
        OutriderError: What is wrong with what is asked for, with a manifest or with a registry.
    """
    if form == "Cargo.lock":
        return await _of_cargo(path, question)
    if form == "package-lock.json":
        return await _of_npm(path, question)
    if not question.packages:
        raise _invalid("nothing is asked for", "none", "packages", "name packages")
    answer = await resolved("pypi", msgspec.structs.replace(question, files=True))
    return Made(pylock.written(answer) if form == "pylock.toml" else requirements.written(answer))


async def resolved(ecosystem: str, question: Question) -> Resolved:
    """Return what was chosen.

    Raises:
        ConflictError: What is asked for cannot be had at once.
        OutriderError: What a registry says.
    """
    answer: Resolved | Impossible = await session_of(ecosystem).resolve(question)
    if isinstance(answer, Impossible):
        raise answer.error()
    return answer


def _beside(path: Path, name: str, question: Question) -> str:
    """Return the text of the manifest beside a lock file, which alone says what is asked for."""
    beside = path.parent / name
    if question.packages:
        found = ", ".join(question.packages)
        raise _invalid(f"{beside} says what is asked for", found, "no packages", f"write it into {beside}")
    if not beside.is_file():
        raise NotFoundError(
            f"{beside}: there is none, and {path.name} is of one", path="file", found="none", suggestions=[f"name a file beside a {name}"]
        )  # fmt: skip
    return read_text(beside)


def _folder(path: Path) -> Path:
    return path.resolve().parent


async def _of_npm(path: Path, question: Question) -> Made:
    manifest = package_json.read_manifest(_beside(path, "package.json", question))
    folder = _folder(path)
    asked = package_json.asked(manifest, question, folder)
    answer = await resolved("npm", asked) if manifest.wishes else Resolved(target="npm", packages=[])
    return Made(package_lock.written(manifest.document, answer, folder))


async def _of_cargo(path: Path, question: Question) -> Made:
    manifest = read_manifest(_beside(path, "Cargo.toml", question))
    asked = msgspec.structs.replace(question, packages=[one.text() for one in manifest.wishes], folder=_folder(path))
    answer = await resolved("cargo", asked) if manifest.wishes else Resolved(target="cargo", packages=[])
    source = await lock_source(question.environment, question.cache) if manifest.wishes else ""
    warnings = ["Cargo prefers versions for the version of Rust here (resolver 3), and that was not looked at"]
    text = cargo.written(manifest.name, manifest.version, answer, source, manifest.form)
    return Made(text, warnings if manifest.heeds_rust else [])


def _invalid(what: str, found: str, expected: str, remedy: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"packages: {what}", path="packages", found=found, expected=expected, suggestions=[remedy]
    )
