"""Objects in the files of a repository: the documents that declare them, and the files with another content of these."""

from collections.abc import Callable
from posixpath import dirname
from typing import Any

import msgspec

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.operators.kubernetes.kinds import kind_of_object, split_target, target_of_object
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.yaml_edits import edited
from outrider.ports.git import Branch
from outrider.runtime.documents import Document, read_text

_ENDINGS = (".yaml", ".yml")
_MOST_FILES = 200


class Files:
    """Files of a branch, as they are and as they are to be.

    Attributes:
        branch: Where they are.
        changed: Content before and after, by path.
    """

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.changed: dict[str, tuple[str, str]] = {}

    async def read(self, path: str) -> str:
        """Return a file as it is to be; empty where there is none.

        Raises:
            InvalidConfigError: It is no text.
        """
        if path in self.changed:
            return self.changed[path][1]
        content = await self.branch.read(path) or b""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise InvalidConfigError(f"{path}: not UTF-8 text", source=path) from error

    async def write(self, path: str, after: str) -> None:
        """Have a file be otherwise."""
        before = self.changed[path][0] if path in self.changed else await self.read(path)
        if before != after:
            self.changed[path] = (before, after)


class Declaration(msgspec.Struct, frozen=True):
    """A document of a file that declares an object."""

    file: str
    text: str
    document: Document

    @property
    def object(self) -> Object:
        """What it declares."""
        found: Object = self.document.data
        return found

    @property
    def place(self) -> str:
        """`FILE:LINE`."""
        return f"{self.file}:{self.document.position.line}"

    def with_object(self, wanted: Object) -> str:
        """Return the whole file with another content of this document.

        Raises:
            UnsupportedError: It is encrypted, or cannot be changed alone.
        """
        if "sops" in self.object:
            raise UnsupportedError(
                f"{self.place} is encrypted by SOPS", path="path", found="sops", expected="a plain document", suggestions=[f"sops {self.file}"]
            )  # fmt: skip
        return edited(self.text, self.document, wanted)


async def find_declaration(files: Files, target: str, namespace: str, folder: str) -> Declaration | None:
    """Return the one document that declares an object; None where none does.

    Args:
        files: Where to look.
        target: `KIND/NAME`.
        namespace: That of the object; documents that name none count too. Any if empty.
        folder: Where to look, or a file; everywhere if empty.

    Raises:
        ConflictError: Several do.
        InvalidConfigError: None does, and a file that could is no YAML.
        LimitedError: The name stands in too many files.
    """
    kind, name = split_target(target)
    paths = await files.branch.find([name, kind.partition(".")[0]], folder, _ENDINGS)
    if len(paths) > _MOST_FILES:
        raise LimitedError(
            f"{target}: its name stands in {len(paths)} files", found=str(len(paths)), expected=f"at most {_MOST_FILES}",
            suggestions=["narrow it: --path FOLDER"],
        )  # fmt: skip
    found: list[Declaration] = []
    faults: list[OutriderError] = []
    for path in paths:
        try:
            text = await files.read(path)
            declared = [Declaration(path, text, one) for one in read_text(text, path)]
        except InvalidConfigError as error:
            faults.append(error)
        else:
            found += [one for one in declared if _declares(one.document.data, target, namespace)]
    if not found and faults:
        raise faults[0].about(f"{target}: no file that can be read declares it")
    return _only_one(found, target, namespace)


def _declares(found: Any, target: str, namespace: str) -> bool:
    metadata = found.get("metadata") if isinstance(found, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(found.get(key), str) for key in ("apiVersion", "kind")):
        return False
    named = f"{kind_of_object(found['apiVersion'], found['kind'])}/{metadata.get('name')}"
    return named == target and (not namespace or metadata.get("namespace") in (None, namespace))


def _only_one(found: list[Declaration], target: str, namespace: str) -> Declaration | None:
    exact = [one for one in found if namespace and one.object["metadata"].get("namespace") == namespace] or found
    if len(exact) > 1:
        places = ", ".join(one.place for one in exact)
        raise ConflictError(
            f"{target} is declared {len(exact)} times: {places}", path="path", found=places, expected="one document",
            suggestions=[f"name the file: --path {exact[0].file}", "name the namespace: --namespace NAME"],
        )  # fmt: skip
    return exact[0] if exact else None


async def change_object(
    files: Files, target: str, namespace: str, folder: str, decide: Callable[[Object], Object]
) -> Object:
    """Change what declares an object, and return what it is to be.

    Args:
        files: Where it is declared.
        target: `KIND/NAME`.
        namespace: That of the object; any if empty.
        folder: Where to look, or a file; everywhere if empty.
        decide: Returns how it is to be.

    Raises:
        NotFoundError: No document declares it.
        InvalidConfigError: It would become another object.
        OutriderError: As `find_declaration` and `Declaration.with_object`.
    """
    found = await find_declaration(files, target, namespace, folder)
    if found is None:
        elsewhere = await find_declaration(files, target, namespace, "") if folder else None
        raise _undeclared(target, folder, elsewhere)
    wanted = decide(found.object)
    if _identity(wanted) != _identity(found.object):
        raise InvalidConfigError(
            f"{target} would become another object", path="patch", found=str(_identity(wanted)), expected=str(_identity(found.object)),
            suggestions=["write the new one: --manifest @FILE --path FILE"],
        )  # fmt: skip
    await files.write(found.file, found.with_object(wanted))
    return wanted


def _identity(found: Any) -> tuple[Any, ...]:
    metadata = found.get("metadata")
    names = (metadata.get("namespace"), metadata.get("name")) if isinstance(metadata, dict) else ()
    return (found.get("apiVersion"), found.get("kind"), *names)


def _undeclared(target: str, folder: str, elsewhere: Declaration | None) -> NotFoundError:
    return NotFoundError(
        f"{target}: no plain YAML document in {folder or 'the repository'} declares it", path="path",
        found=elsewhere.place if elsewhere else "none", expected="a document of its kind and name; kustomize and Helm make others, which are not looked for",
        suggestions=[f"it stands outside of that folder: --path {elsewhere.file}"] if elsewhere else ["name its file: --path FILE"],
    )  # fmt: skip


async def place_objects(files: Files, manifest: str, wanted: list[Object], namespace: str, path: str) -> None:
    """Put objects in the place of the documents that declare them; where none does, all of them into a file.

    Args:
        files: Where they are declared.
        manifest: The objects as YAML.
        wanted: The objects.
        namespace: Of those that name none; any if empty.
        path: File or folder; everywhere if empty.

    Raises:
        NotFoundError: An object is declared nowhere, and no file is named.
        InvalidConfigError: Some are declared and some are not.
        ConflictError: One is declared in another file beside the one that is named.
        OutriderError: As `find_declaration` and `Declaration.with_object`.
    """
    new = []
    for one in wanted:
        own = str(one["metadata"].get("namespace") or namespace)
        found = await find_declaration(files, target_of_object(one), own, path)
        if found is not None:
            await files.write(found.file, found.with_object(one))
            continue
        new.append(one)
        if path.endswith(_ENDINGS) and (
            other := await find_declaration(files, target_of_object(one), own, dirname(path))
        ):
            raise ConflictError(
                f"{target_of_object(one)} is declared beside that file", path="path", found=other.place, expected="an object that is new",
                suggestions=[f"name its file: --path {other.file}"],
            )  # fmt: skip
    if not new:
        return
    if not path.endswith(_ENDINGS):
        raise _undeclared(target_of_object(new[0]), path, None)
    if len(new) < len(wanted):
        raise InvalidConfigError(
            f"{target_of_object(new[0])} is new, and others of the manifest are not", path="manifest", found=target_of_object(new[0]),
            expected="new objects alone, or such as are declared", suggestions=["write them in two calls"],
        )  # fmt: skip
    before = await files.read(path)
    joint = "---\n" if before.strip() and not manifest.startswith("---") else ""
    ending = "" if before.endswith("\n") or not before else "\n"
    await files.write(path, f"{before}{ending}{joint}{manifest.removesuffix(chr(10))}\n")
