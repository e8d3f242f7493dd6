"""Settings of bun: `bunfig.toml` of the project, that of the user, and variables: https://bun.com/docs/runtime/bunfig.

Where bun is told nothing, .npmrc files count as they do for npm.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml

SETTINGS = "bunfig.toml"
REGISTRY_VARIABLES = ("BUN_CONFIG_REGISTRY", "NPM_CONFIG_REGISTRY", "npm_config_registry")
TOKEN_VARIABLES = ("BUN_CONFIG_TOKEN", "NPM_CONFIG_TOKEN", "npm_config_token")
# What of the table `install` leaves a lock file as it is. Whatever else is set may change it.
_HARMLESS = frozenset((
    "auto", "cache", "concurrentScripts", "dryRun", "exact", "globalBinDir", "globalDir", "globalStore", "ignoreScripts", "linker", "logLevel",
    "prefer", "registry", "saveTextLockfile", "scopes",
))  # fmt: skip


class BunSettings:
    """What bun is told.

    Args:
        folder: Of the project.
        environment: Variables.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._environment = environment
        home = environment.get("XDG_CONFIG_HOME") or environment.get("HOME")
        self._files = [*([Path(home) / f".{SETTINGS}"] if home else []), folder / SETTINGS]
        self._values: dict[str, Any] = {}
        for path in self._files:
            self._values |= _of_file(path)

    def environment(self) -> dict[str, str]:
        """Return the variables, with registries and credentials as npm is told of them.

        Raises:
            InvalidConfigError: What a file says of a registry cannot be read.
            UnsupportedError: A setting changes what a lock file has.
        """
        odd = next((key for key in sorted(self._values) if key not in _HARMLESS), "")
        if odd:
            raise UnsupportedError(
                f"{self._files[-1]}: a project with install.{odd} is not read", path=f"install.{odd}", found=odd, expected="bun's own setting",
                suggestions=["use bun itself: bun install"],
            )  # fmt: skip
        return {**self._environment, **dict(self._registries())}

    def _registries(self) -> Iterator[tuple[str, str]]:
        said = first_of(self._environment, REGISTRY_VARIABLES) or self._values.get("registry")
        if said:
            yield from self._registry("npm_config_registry", "install.registry", said)
        scopes = self._values.get("scopes") or {}
        if not isinstance(scopes, dict):
            raise _unreadable("install.scopes", scopes)
        for scope, one in scopes.items():
            name = scope.removeprefix("@")
            yield from self._registry(f"npm_config_@{name}:registry", f"install.scopes.{scope}", one)

    def _registry(self, variable: str, where: str, said: Any) -> Iterator[tuple[str, str]]:
        table = {"url": said} if isinstance(said, str) else said
        if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
            raise _unreadable(where, said)
        found = {key: self._expanded(value) for key, value in table.items()}
        url, user, password = _without_login(found.get("url", ""))
        if not url:
            raise _unreadable(where, said)
        yield variable, url
        place = f"npm_config_//{url.partition('//')[2].rstrip('/')}/"
        user, password = found.get("username") or user, found.get("password") or password
        own = first_of(self._environment, TOKEN_VARIABLES) if where == "install.registry" else ""
        if token := own or found.get("token"):
            yield f"{place}:_authToken", token
        elif user or password:
            yield f"{place}:_auth", b64encode(f"{user}:{password}".encode()).decode()

    def _expanded(self, text: str) -> str:
        return self._environment.get(text[1:], "") if text.startswith("$") else text


def first_of(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of some variables that is set; empty where none is."""
    return next((value for name in names if (value := environment.get(name))), "")


def variables_in(said: Any) -> list[str]:
    """Return the names of the variables that stand in place of texts of a document of settings."""
    if isinstance(said, str):
        return [said[1:]] if said.startswith("$") else []
    parts = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    return [name for part in parts for name in variables_in(part)]


def install_table(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document of settings says of packages."""
    found = said.get("install") or {}
    if not isinstance(found, dict):
        raise _unreadable("install", found)
    return found


def _of_file(path: Path) -> dict[str, Any]:
    try:
        return install_table(read_toml(str(path), path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: bun's settings cannot be read: {error}", found=type(error).__name__, expected="TOML", suggestions=[f"correct {path}"]
        ) from error  # fmt: skip


def _without_login(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), user, password


def _unreadable(where: str, said: Any) -> InvalidConfigError:
    return InvalidConfigError(
        f"{SETTINGS}: {where} cannot be read", path=where, found=type(said).__name__, expected="an address, or a table with url",
        suggestions=["correct it"],
    )  # fmt: skip
