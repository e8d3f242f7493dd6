"""The files in which Composer is told things, the one that counts least first.

https://getcomposer.org/doc/03-cli.md#environment-variables and https://getcomposer.org/doc/06-config.md.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError

_LARGEST = 16 << 20
_XDG = Path("/etc/xdg")


class ConfigFile(NamedTuple):
    """A file, or a variable in place of one.

    Attributes:
        source: Its path; the name of the variable.
        folder: What paths within are relative to.
        content: What it says.
    """

    source: str
    folder: Path
    content: dict[str, Any]

    def table(self, key: str) -> dict[str, Any]:
        """Return a table of it; an empty one where there is none.

        Raises:
            InvalidConfigError: It is something else.
        """
        found = self.content.get(key)
        if found is None or found == []:
            return {}
        if not isinstance(found, dict):
            raise self.wrong(key, found, "an object")
        return found

    def wrong(self, path: str, found: Any, expected: str) -> InvalidConfigError:
        """Return the error for what is not as it should be; what was found is not shown, as it may be a password."""
        return InvalidConfigError(
            f"{self.source}: {path} cannot be used", path=path, found=type(found).__name__, expected=expected,
            suggestions=[f"correct it in {self.source}"],
        )  # fmt: skip


def composer_home(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's own settings."""
    if environment.get("COMPOSER_HOME"):
        return Path(environment["COMPOSER_HOME"])
    user = Path(environment.get("HOME") or "/")
    places = [user / ".composer"]
    if _XDG.is_dir() or any(name.startswith("XDG_") for name in environment):
        places.insert(0, Path(environment.get("XDG_CONFIG_HOME") or user / ".config") / "composer")
    return next((place for place in places if place.is_dir()), places[0])


def project_file(environment: Mapping[str, str], folder: Path) -> Path:
    """Return the path of a project's own file."""
    return folder / (environment.get("COMPOSER", "").strip() or "composer.json")


def config_files(environment: Mapping[str, str], folder: Path) -> Iterator[ConfigFile]:
    """Yield what has settings in the form of `composer.json`; in those of credentials all of them are below `config`.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A file cannot be read.
    """
    home, project = composer_home(environment), project_file(environment, folder)
    yield from _read(home / "config.json")
    yield from map(_below_config, _read(home / "auth.json"))
    if environment.get("COMPOSER_AUTH"):
        content = _decoded("COMPOSER_AUTH", environment["COMPOSER_AUTH"].encode("utf-8", "surrogateescape"))
        yield _below_config(ConfigFile("COMPOSER_AUTH", folder, content))
    yield from _read(project)
    yield from map(_below_config, _read(project.parent / "auth.json"))


def _below_config(file: ConfigFile) -> ConfigFile:
    return file._replace(content={"config": file.content})


def _read(path: Path) -> Iterator[ConfigFile]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        return
    yield ConfigFile(str(path), path.parent, _decoded(str(path), content))


def _decoded(source: str, content: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content) if len(content) <= _LARGEST else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        # What is wrong with it would be told with a part of it, and in it are passwords.
        raise InvalidConfigError(
            f"{source}: Composer's settings cannot be read", found=f"{len(content)} bytes", expected="a JSON object",
            suggestions=[f"correct {source}"],
        )  # fmt: skip
    return found
