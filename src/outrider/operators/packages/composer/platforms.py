"""What packages find on this machine: PHP, its extensions and libraries, and Composer. These are packages too, in one version each.

https://getcomposer.org/doc/01-basic-usage.md#platform-packages and https://getcomposer.org/doc/06-config.md#platform.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.candidates import Candidate, Links
from outrider.operators.packages.composer.program import ComposerProgram
from outrider.operators.packages.composer.releases import ComposerRelease
from outrider.operators.packages.versions.composer import normal_form

_NAME = re.compile(
    r"(?P<php>php(?:-(?:64bit|ipv6|zts|debug))?|hhvm|ext-[a-z0-9](?:[_.-]?[a-z0-9]++)*+)"
    r"|lib-[a-z0-9](?:[_.-]?[a-z0-9]++)*+|composer(?:-(?:plugin|runtime)-api)?"
)
_NUMBERS = re.compile(r"\d+\.\d+\.\d+(?:\.\d+)?", re.ASCII)


def is_platform(name: str) -> bool:
    """Return whether a name, in small letters, is one of the platform's."""
    return _NAME.fullmatch(name) is not None


class ComposerPlatform:
    """The platform.

    Args:
        program: What is installed here.
        overrides: What counts in its place, by name; False where a thing counts as missing.
        project: The project itself and what it is called, where it counts.

    Attributes:
        project: As it was given.
        candidates: What there is: the project, and what of the platform it does not provide itself.

    Raises:
        InvalidConfigError: What counts in its place is no version.
    """

    def __init__(
        self, program: ComposerProgram, overrides: Mapping[str, str | bool], project: Sequence[Candidate] = ()
    ) -> None:
        self._program, self.project = program, project
        self._overrides = {name.lower(): version for name, version in overrides.items()}
        self.candidates = [*project, *(one for one in self._candidates() if not self._provides(one))]
        self._names = {one.name for one in self.candidates}

    def is_open(self, name: str) -> bool:
        """Return whether a name is of the platform, and nothing is known of it here: what is required of it counts as met."""
        match = _NAME.fullmatch(name)
        if match is None or name in self._names or name in self._overrides:
            return False
        return not (self._program.knows_php if match["php"] else self._program.knows_composer)

    @property
    def named(self) -> str:
        """How it is called: by its PHP."""
        php = next((one.version for one in self.candidates if one.name == "php"), "")
        return f"php {php}" if php else "any php"

    @property
    def notes(self) -> list[str]:
        """What is to be said of what is not known."""
        found = []
        if not self._program.knows_php:
            found.append(
                "php: it is not here, so what is required of PHP, its extensions and of Composer counts as met"
            )
        elif not self._program.knows_composer:
            found.append(
                "composer: it is not here, so what is required of Composer and of PHP's libraries counts as met"
            )
        if not self._program.url:
            found.append("composer: the repository that it comes with is not known here")
        return found

    def _provides(self, thing: Candidate) -> bool:
        """Return whether the project itself provides a thing of the platform."""
        links = (link for one in self.project for link in one.links.provides)
        return any(link.target == thing.name and link.constraint.allows(thing.key) for link in links)

    def _candidates(self) -> Iterator[Candidate]:
        """Yield what there is; where PHP is another one, all that goes by its version is."""
        for name, version in self._overrides.items():
            if not is_platform(name):
                raise _wrong(name, name, "the name of a thing of the platform, such as php or ext-json")
            if isinstance(version, str):
                try:
                    yield _thing(name, version)
                except InvalidConfigError as error:
                    raise _wrong(name, version, "a version such as 8.2.1") from error
        php = self._overrides.get("php")
        for name, version in self._program.platform.items():
            if name not in self._overrides and is_platform(name):
                yield _thing(name, php if isinstance(php, str) and name.startswith("php-") else _readable(version))


def _thing(name: str, version: str) -> Candidate:
    return Candidate(name, version, normal_form(version), Links(), ComposerRelease())


def _readable(version: str) -> str:
    """Return a version; what is none stands for its numbers, as with Composer."""
    try:
        normal_form(version)
    except InvalidConfigError:
        match = _NUMBERS.match(version)
        return match[0] if match is not None else "0"
    return version


def _wrong(name: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"config.platform.{name[:80]} cannot be used", path=f"config.platform.{name[:80]}", found=found[:80], expected=expected,
        suggestions=["correct it in Composer's settings"],
    )  # fmt: skip
