"""What a composer.json asks for: https://getcomposer.org/doc/04-schema.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.composer.branches import InlineAlias, inline_aliases
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.details import ComposerDetails
from outrider.operators.packages.composer.platforms import is_platform
from outrider.operators.packages.composer.projects import version_of
from outrider.operators.packages.composer.releases import SELF
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.composer import normal_form

FORM = "composer.json"
DEVELOPMENT = "require-dev"
_KINDS = ("require", DEVELOPMENT)
_OWN = ("replace", "provide", "conflict")
# The name of the manifest, which is that beside the lock here.
_OTHER_NAME = "COMPOSER"
_REMEDY = "use Composer itself: composer update"


class ComposerWish(msgspec.Struct, kw_only=True, frozen=True):
    """A requirement.

    Attributes:
        kind: The field that it stands in.
        key: Under which it stands there.
        name: In small letters.
        range: What is asked of it, as it is written.
        aliases: By which other versions it is called there.
    """

    kind: str
    key: str
    name: str
    range: str
    aliases: list[InlineAlias]

    def text(self, wanted: str) -> str:
        """Return it as Composer is asked for it, with a range."""
        return f"{self.name}:{wanted}"


class ComposerManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A project.

    Attributes:
        document: All of it.
        wishes: What it needs, each name once.
    """

    document: dict[str, Any]
    wishes: list[ComposerWish]

    def of(self, kind: str) -> list[ComposerWish]:
        """Return the requirements of a kind."""
        return [one for one in self.wishes if one.kind == kind]


def read_manifest(text: str, environment: Mapping[str, str]) -> ComposerManifest:
    """Read a composer.json.

    Args:
        text: Of the file.
        environment: Variables of this process, one of which may be the version of the project.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It says what is not read, or only git can tell its version.
    """
    document = read_json(FORM, text)
    wishes: dict[str, ComposerWish] = {}
    for kind in _KINDS:
        for one in _wishes(document, kind):
            _refuse(one, wishes.get(one.name), document)
            wishes[one.name] = one
    _check_own(document, environment)
    config = document.get("config")
    if isinstance(config, dict) and config.get("lock") is False:
        raise _unsupported("config.lock", "false", "a project that has a lock")
    return ComposerManifest(document=document, wishes=list(wishes.values()))


def asked(manifest: ComposerManifest, question: Question, folder: Path) -> Question:
    """Return the question for what a project needs."""
    return msgspec.structs.replace(
        question, packages=[one.text(one.range) for one in manifest.wishes], folder=folder, environment=own_variables(question.environment), files=True,
        details=ComposerDetails(development=[one.name for one in manifest.of(DEVELOPMENT)], project=manifest.document),
    )  # fmt: skip


def own_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables without that which names another manifest."""
    return {name: value for name, value in environment.items() if name != _OTHER_NAME}


def _wishes(document: Mapping[str, Any], kind: str) -> Iterator[ComposerWish]:
    for key, text in _texts(document, kind).items():
        path = _checked_name(kind, key)
        if text == SELF:
            raise _unsupported(path, SELF, "a constraint such as ^1.2")
        try:
            Constraints().read(text)
            aliases = list(inline_aliases(text))
        except InvalidConfigError as error:
            raise _malformed(path, text, error.expected or "a constraint such as ^1.2") from error
        yield ComposerWish(kind=kind, key=key, name=key.lower(), range=text, aliases=aliases)


def _checked_name(kind: str, key: str) -> str:
    """Return the path of a requirement, whose name Composer must take: but for the platform in small letters."""
    path = f"{kind}.{key}"[:200]
    if not (is_name(key) or is_platform(key.lower())):
        raise _malformed(path, key, "vendor/name in small letters, or a thing of the platform such as php or ext-json")
    return path


def _refuse(wish: ComposerWish, other: ComposerWish | None, document: Mapping[str, Any]) -> None:
    """Raise where a requirement is none that is read."""
    path = f"{wish.kind}.{wish.key}"
    if wish.name == str(document.get("name", "")).lower():
        raise _malformed(path, wish.key, "another package than the project itself")
    if other is not None:
        raise _unsupported(path, f"{other.kind}.{other.key}", "each package once")


def _check_own(document: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Look at the version of a project, and at what it says of others."""
    if version := version_of(document, environment):
        try:
            normal_form(version)
        except InvalidConfigError as error:
            raise _malformed("version", version, error.expected or "a version such as 1.2.3") from error
    for kind in _OWN:
        for name, text in _texts(document, kind).items():
            path = _checked_name(kind, name)
            if text == SELF and not version_of(document, environment):
                raise _unsupported(path, SELF, "a version beside it: without one only git can tell it")
            if text != SELF:
                try:
                    Constraints().read(text)
                except InvalidConfigError as error:
                    raise _malformed(path, text, error.expected or "a constraint such as ^1.2") from error


def _texts(document: Mapping[str, Any], kind: str) -> dict[str, str]:
    found = document.get(kind, {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise _malformed(kind, type(found).__name__, "names with constraints")
    return found


def _malformed(path: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{FORM}: {path} cannot be read", path=path, found=found[:80], expected=expected, suggestions=["correct it: composer validate"]
    )  # fmt: skip


def _unsupported(path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{FORM}: {path}: {found[:80]} is not read", path=path, found=found[:80], expected=expected, suggestions=[_REMEDY]
    )  # fmt: skip
