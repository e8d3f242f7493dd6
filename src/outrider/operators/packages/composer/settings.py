"""Where packages of Composer come from here, and what else it is told.

https://getcomposer.org/doc/05-repositories.md, repository-priorities.md and 06-config.md. Repositories of other kinds than `composer` and
`package` are not read.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.composer.credentials import ComposerCredentials, Headers, header_fields
from outrider.operators.packages.composer.files import ConfigFile, config_files, project_file
from outrider.operators.packages.composer.stabilities import STABLE, rank_of
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.registry import Registry, registry_at, unknown_registry

# Of the repository that stands in for Composer's own where Composer, which knows its name, is not installed.
_DEFAULT = "default"
_LOGIN = "composer config --global http-basic.{host} USER PASSWORD"
_SCHEME = re.compile(r"[\w.]+\??://", re.ASCII)


class DefaultRepository(NamedTuple):
    """The repository that Composer comes with.

    Attributes:
        name: By which it can be left out.
        url: Where it is.
    """

    name: str
    url: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A repository.

    Attributes:
        url: Its address; empty where its packages are in the settings.
        source: Where that was read.
        headers: That are sent to it.
        options: All that is said of the way there.
        packages: Where they are in the settings: what these say of them.
        only: Patterns of names that are looked for in it; all names where it is None.
        exclude: Patterns of names that are not.
        canonical: Whether what it has is not looked for in those after it.
    """

    url: str
    source: str
    headers: Headers = ()
    options: Any = None
    packages: list[Any] | None = None
    only: list[str] | None = None
    exclude: list[str] = []
    canonical: bool = True


class ComposerSettings:
    """What Composer is told.

    Args:
        environment: Variables of this process.
        folder: Of the project.
        default: The repository that Composer comes with; None where it is not known.
        without: The address of a server whose repositories are passed over, such as that of who asks; empty for none.

    Attributes:
        minimum: How unstable versions may be.
        prefer_stable: Whether stable versions come before newer ones.
        platform: What there is of the platform, by name as it is written; False where a thing counts as missing.

    Raises:
        InvalidConfigError: A setting cannot be used.
    """

    def __init__(
        self, environment: Mapping[str, str], folder: Path, default: DefaultRepository | None, *, without: str = ""
    ) -> None:
        self._environment, self._default, self._without = environment, default, without
        self._files = list(config_files(environment, folder))
        self._credentials = ComposerCredentials(self._files)
        self.minimum, self.prefer_stable = STABLE, False
        self.platform: dict[str, str | bool] = {}
        self._numbers = count()
        for file in self._files:
            self._take_platform(file)
            if file.source == str(project_file(environment, folder)):
                self.minimum = _minimum(file)
                self.prefer_stable = bool(file.content.get("prefer-stable"))

    def places(self) -> list[Place]:
        """Return the repositories, in the order in which they are asked.

        Raises:
            InvalidConfigError: A setting cannot be used.
            UnsupportedError: One of them is of a kind that is not read.
            MissingRequirementError: There is none.
        """
        merged: dict[str | int, Place] = {}
        own = own_address("composer", self._environment)
        if own is not None:
            # It stands in for the default, and goes where that is left out.
            merged[self._default.name if self._default is not None else _DEFAULT] = Place(
                url=own.url, source=own.source
            )
        elif self._default is not None:
            merged[self._default.name] = Place(url=self._default.url, source="Composer's own default")
        for file in self._files:
            merged = dict(reversed(merged.items()))
            for name, found in reversed(list(_repositories(file))):
                self._merge(merged, file, name, found)
            merged = dict(reversed(merged.items()))
        places = [
            one for one in merged.values() if not self._without or not f"{one.url}/".startswith(f"{self._without}/")
        ]
        if merged and not places and self._default is not None:
            # What is passed over stands in the place of what Composer comes with.
            places = [Place(url=self._default.url, source="Composer's own default")]
        if not places:
            looked = "the settings of Composer, and Composer is not installed or does not name its own"
            raise unknown_registry("composer", looked, "add a repository to composer.json", "install Composer")
        return places

    def registry(self, url: str, source: str, headers: Headers = ()) -> Registry:
        """Return a registry by its address, with what Composer is told of the way there.

        Args:
            url: Of it, or of a document in it.
            source: Where that was read.
            headers: Further fields that are sent to it.

        Raises:
            InvalidConfigError: It cannot be asked, or not without encryption.
        """
        authorities = self._environment.get("COMPOSER_CAFILE") or self._config("cafile")
        found = registry_at(
            url, source, authorities=str(authorities or self._environment.get("SSL_CERT_FILE") or ""), login=_LOGIN,
            environment=self._environment,
        )  # fmt: skip
        if found.url.startswith("http:") and self._config("secure-http", otherwise=True) not in (False, "false"):
            raise InvalidConfigError(
                f"{source}: Composer asks no repository without encryption", found=found.url, expected="https://HOST/PATH",
                suggestions=["composer config --global secure-http false, if the way there is safe"],
            )  # fmt: skip
        other_name = self._default.name if self._default is not None and self.is_default(found.url) else ""
        found = with_own_login(self._credentials.known_to(found, other_name), self._environment)
        return msgspec.structs.replace(found, headers=tuple(dict((*found.headers, *headers)).items()))

    def is_default(self, url: str) -> bool:
        """Return whether an address is at the host of the repository that Composer comes with."""
        return self._default is not None and urlsplit(url).netloc == urlsplit(self._default.url).netloc

    def _config(self, key: str, *, otherwise: Any = None) -> Any:
        """Return a setting of the file that counts most among those that have it."""
        for file in reversed(self._files):
            if (found := file.table("config").get(key)) is not None:
                return found
        return otherwise

    def _take_platform(self, file: ConfigFile) -> None:
        config = ConfigFile(file.source, file.folder, file.table("config"))
        if "platform" not in config.content:
            return
        self.platform = {}
        for name, version in config.table("platform").items():
            if not isinstance(version, str) and version is not False:
                raise file.wrong(f"config.platform.{name}", version, "a version, or false")
            self.platform[name] = version

    def _merge(self, merged: dict[str | int, Place], file: ConfigFile, name: str | int, found: Any) -> None:
        """Add a repository, or leave out the one that a setting names."""
        if isinstance(found, dict) and len(found) == 1 and False in found.values():
            name, found = next(iter(found)), False
        if found is False:
            merged.pop(self._full_name(name), None)
            return
        place = self._place(file, name, found)
        if self._is_default(place.url):
            merged.pop(self._full_name("") if self._default is None else self._default.name, None)
        merged[self._full_name(name) if isinstance(name, str) else next(self._numbers)] = place

    def _full_name(self, name: str | int) -> str | int:
        """Return a name; the default repository has a shorter one too, of earlier times."""
        if self._default is not None and name == self._default.name.partition(".")[0]:
            return self._default.name
        return name

    def _is_default(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return self._default is not None and (host == self._default.name or host.endswith(f".{self._default.name}"))

    def _place(self, file: ConfigFile, name: str | int, found: Any) -> Place:
        where = f"repositories.{name}"
        if not isinstance(found, dict) or not isinstance(found.get("type"), str):
            raise file.wrong(where, found, 'an object such as {"type": "composer", "url": "https://HOST/PATH"}')
        only, exclude, canonical = found.get("only"), found.get("exclude"), found.get("canonical", True)
        if not all(_are_texts(one) for one in (only or [], exclude or [])) or not isinstance(canonical, bool):
            raise file.wrong(where, found, "only or exclude with a list of patterns, canonical with true or false")
        kind, url = found["type"], found.get("url")
        if kind == "package":
            packages = found.get("package")
            made = Place(url="", source=file.source, packages=packages if isinstance(packages, list) else [packages])
        elif kind != "composer":
            raise UnsupportedError(
                f"{file.source}: a repository of the kind {kind[:40]} cannot be asked", path=where, found=kind[:40], expected="composer or package",
                suggestions=[f"name one that serves packages.json in {file.source}"],
            )  # fmt: skip
        elif not isinstance(url, str) or not url.strip("/"):
            raise file.wrong(f"{where}.url", url, "https://HOST/PATH")
        else:
            headers = _headers(file, where, found)
            made = Place(
                url=_with_scheme(url.rstrip("/")), source=file.source, headers=headers, options=found.get("options")
            )
        return msgspec.structs.replace(made, only=only or None, exclude=exclude or [], canonical=canonical)


def _repositories(file: ConfigFile) -> Iterator[tuple[str | int, Any]]:
    """Yield repositories with their names; those of a list have numbers."""
    found = file.content.get("repositories")
    if isinstance(found, dict):
        yield from ((0 if name.isascii() and name.isdecimal() else name, one) for name, one in found.items())
    elif isinstance(found, list):
        for number, one in enumerate(found):
            named = one.get("name") if isinstance(one, dict) else None
            yield (named if isinstance(named, str) else number), one
    elif found is not None:
        raise file.wrong("repositories", found, "a list, or an object")


def _headers(file: ConfigFile, where: str, found: Mapping[str, Any]) -> Headers:
    """Return the header fields among the options of a repository."""
    options: Any = found.get("options") or {}
    for key in ("http", "header"):
        options = (options.get(key) or {}) if isinstance(options, dict) else {}
    return header_fields(file, f"{where}.options.http.header", options) if options else ()


def _with_scheme(url: str) -> str:
    if _SCHEME.match(url) is None:
        return f"http://{url}"
    return url.replace("https?://", "https://", 1)


def _are_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _minimum(file: ConfigFile) -> int:
    found = file.content.get("minimum-stability", "stable")
    rank = rank_of(found) if isinstance(found, str) else None
    if rank is None:
        raise file.wrong("minimum-stability", found, "stable, RC, beta, alpha or dev")
    return rank
