"""Settings of Yarn 4: `.yarnrc.yml` of the project, of the folders above it and of the user, and variables: https://yarnpkg.com/configuration/yarnrc."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.versions.ecosystems import scheme_of

SETTINGS = ".yarnrc.yml"
_VARIABLE = re.compile(r"(\\?)\$\{([A-Za-z0-9_]+)(?::?-([^}]{0,2000}))?\}")
# Says whether a range finds a member of the workspace, too.
TRANSPARENT = "YARN_ENABLE_TRANSPARENT_WORKSPACES"
# What a lock file has depends on these, or whether Yarn takes it.
_NOT_READ = ("enableConstraintsChecks",)
_EXTENSIONS = "packageExtensions"
# What an extension may have; peers change nothing of a lock file.
_EXTENDED = ("dependencies", "peerDependencies", "peerDependenciesMeta")


class BerrySettings:
    """What Yarn 4 is told.

    Args:
        folder: Of the project.
        environment: Variables.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._environment = environment
        home = environment.get("HOME")
        place = folder.resolve()
        paths = [*([Path(home)] if home else []), *reversed(place.parents), place]
        self._values: dict[str, Any] = {}
        for path in dict.fromkeys(paths):
            self._values = _merged(self._values, _of_file(path / SETTINGS))

    def text(self, key: str) -> str:
        """Return a setting that is a text; empty where there is none."""
        said = self._environment.get("YARN_" + re.sub(r"([A-Z])", r"_\1", key).upper()) or self._values.get(key)
        return str(said).lower() if isinstance(said, bool) else self._expanded(said)

    def environment(self) -> dict[str, str]:
        """Return the variables, with registries and credentials as npm is told of them.

        Raises:
            UnsupportedError: A setting changes what a lock file has.
        """
        self._refuse()
        transparent = {TRANSPARENT: self.text("enableTransparentWorkspaces") or "true"}
        return {**self._environment, **transparent, **dict(self._registries())}

    def extensions(self) -> dict[str, dict[str, str]]:
        """Return what is added to the dependencies of packages, by `NAME@RANGE`.

        Raises:
            InvalidConfigError: It is not written as Yarn reads it.
        """
        said = self._values.get(_EXTENSIONS) or {}
        if not isinstance(said, dict):
            raise _unreadable(_EXTENSIONS, said)
        return {str(key): _added(str(key), one) for key, one in said.items()}

    def _refuse(self) -> None:
        odd = next((key for key in _NOT_READ if self._values.get(key)), "")
        if not odd and self.text("compressionLevel") not in ("", "0"):
            odd = "compressionLevel"
        if odd:
            raise UnsupportedError(
                f"{SETTINGS}: a project with {odd} is not read", path=odd, found=odd, expected="the usual setting",
                suggestions=["use Yarn itself: yarn install"],
            )  # fmt: skip

    def _registries(self) -> Iterator[tuple[str, str]]:
        server = self.text("npmRegistryServer")
        if server:
            yield "npm_config_registry", server
            yield from self._credentials(server, {key: self.text(key) for key in ("npmAuthToken", "npmAuthIdent")})
        for scope, said in _tables(self._values.get("npmScopes")):
            address = self._expanded(said.get("npmRegistryServer")) or server
            if address:
                yield f"npm_config_@{scope}:registry", address
                yield from self._credentials(address, said)
        for address, said in _tables(self._values.get("npmRegistries")):
            yield from self._credentials(address, said)

    def _credentials(self, address: str, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        where = f"npm_config_//{address.partition('//')[2].rstrip('/')}/"
        if token := self._expanded(said.get("npmAuthToken")):
            yield f"{where}:_authToken", token
        if ident := self._expanded(said.get("npmAuthIdent")):
            yield f"{where}:_auth", b64encode(ident.encode()).decode() if ":" in ident else ident

    def _expanded(self, said: Any) -> str:
        def one(match: re.Match[str]) -> str:
            return match[0][1:] if match[1] else self._environment.get(match[2]) or match[3] or ""

        return _VARIABLE.sub(one, said) if isinstance(said, str) else ""


def _added(key: str, said: Any) -> dict[str, str]:
    name, text = split_name(key)
    if not name or not text or not isinstance(said, dict) or not said.keys() <= {*_EXTENDED}:
        raise _unreadable(f"{_EXTENSIONS}.{key}", said)
    try:
        scheme_of("npm").range(text)
    except InvalidConfigError as error:
        raise _unreadable(f"{_EXTENSIONS}.{key}", text) from error
    found = said.get("dependencies") or {}
    if not isinstance(found, dict) or not all(isinstance(one, str | int | float) for one in found.values()):
        raise _unreadable(f"{_EXTENSIONS}.{key}.dependencies", found)
    return {str(other): str(wanted) for other, wanted in found.items()}


def _unreadable(path: str, found: Any) -> InvalidConfigError:
    return InvalidConfigError(
        f"{SETTINGS}: {path} is not what Yarn reads", path=path, found=str(found)[:80],
        expected="NAME@RANGE with dependencies, peerDependencies or peerDependenciesMeta", suggestions=["yarn config get packageExtensions"],
    )  # fmt: skip


def _merged(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Return settings with those of a folder further in, which count more; of tables each entry by itself."""
    both = {key for key in outer.keys() & inner.keys() if isinstance(outer[key], dict) and isinstance(inner[key], dict)}
    return {**outer, **inner, **{key: _merged(outer[key], inner[key]) for key in both}}


def variables_in(said: Any) -> list[str]:
    """Return the names of the variables that would be put into the texts of a document of settings."""
    if isinstance(said, str):
        return [match[2] for match in _VARIABLE.finditer(said) if not match[1]]
    parts = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    return [name for part in parts for name in variables_in(part)]


def _of_file(path: Path) -> dict[str, Any]:
    try:
        documents = read_yaml(str(path), path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: Yarn's settings cannot be read: {error}", found=type(error).__name__, expected="YAML", suggestions=[f"correct {path}"]
        ) from error  # fmt: skip
    return documents[0] if documents else {}


def _tables(said: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, one in said.items() if isinstance(said, dict) else ():
        if isinstance(one, dict):
            yield key, one
