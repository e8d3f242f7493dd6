"""settings.xml: https://maven.apache.org/ref/3.8.7/maven-settings/settings.html. What the user's says counts more than the installation's."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.maven.poms import PomRepository, read_activation, read_markup, read_repositories
from outrider.operators.packages.maven.profiles import Activation

_FORM = "settings.xml"
_BLANK = " \t\r\n"
_REFERENCE = re.compile(r"\$\{([^{}]+)\}")
# Maven takes what is in braces for an encrypted text, unless they are escaped.
_ENCRYPTED = re.compile(r"(?<!\\)\{[^{}]+(?<!\\)\}")


class Mirror(msgspec.Struct, frozen=True):
    """What stands in for repositories.

    Attributes:
        id: Its name.
        url: Where it is.
        mirror_of: For which repositories: names and wildcards.
        blocked: Whether it is there so that they are not asked.
        source: The file that says so.
    """

    id: str
    url: str
    mirror_of: str
    blocked: bool
    source: str


class Server(msgspec.Struct, frozen=True):
    """What is shown to a repository or a mirror of that name.

    Attributes:
        id: Of the repository or the mirror.
        user: Empty for none.
        password: As it is written.
        headers: Further fields of each request, by their names.
        source: The file that says so.
    """

    id: str
    user: str
    password: SecretValue
    headers: Mapping[str, SecretValue]
    source: str

    @property
    def is_encrypted(self) -> bool:
        """Return whether only Maven can read the password."""
        return _ENCRYPTED.search(self.password.reveal()) is not None


class MavenProxy(msgspec.Struct, frozen=True):
    """A proxy on the way to repositories.

    Attributes:
        protocol: Of the repositories.
        url: Where it is.
        with_login: Whether it wants one.
        bypassed: Hosts that are reached without it, with `*` for any letters.
        source: The file that says so.
    """

    protocol: str
    url: str
    with_login: bool
    bypassed: tuple[str, ...]
    source: str


class SettingsProfile(msgspec.Struct, frozen=True):
    """A part of the settings that counts where its conditions hold."""

    id: str
    activation: Activation | None
    properties: Mapping[str, str]
    repositories: tuple[PomRepository, ...]
    source: str


class Settings(msgspec.Struct):
    """What Maven is told.

    Attributes:
        mirrors: In the order in which they are looked at.
        servers: By their names.
        proxies: Those that are switched on.
        profiles: Parts.
        named: Profiles that are active in any case.
    """

    mirrors: list[Mirror] = []
    servers: dict[str, Server] = {}
    proxies: list[MavenProxy] = []
    profiles: list[SettingsProfile] = []
    named: list[str] = []


def read_settings(paths: list[Path], properties: Mapping[str, str]) -> Settings:
    """Read files of settings.

    Args:
        paths: The one that counts most first; those that are not there are passed over.
        properties: Of Java, and variables of the environment with `env.` before them.

    Raises:
        InvalidConfigError: One cannot be read.
    """
    found = Settings()
    for path in paths:
        root = _root(path)
        if root is not None:
            _add(found, _Reader(root, properties, str(path)))
    return found


def _root(path: Path) -> Element | None:
    try:
        return read_markup(_FORM, path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, InvalidConfigError) as error:
        found = error.found if isinstance(error, InvalidConfigError) else error.strerror
        raise InvalidConfigError(
            f"{path}: Maven's settings cannot be read", found=str(found), expected="XML", suggestions=[f"correct {path}"]
        ) from error  # fmt: skip


def _add(found: Settings, reader: "_Reader") -> None:
    """Add what a file says, where none that counts more says it."""
    mirrors, profiles = ({one.id for one in known} for known in (found.mirrors, found.profiles))
    found.mirrors += [one for one in reader.mirrors() if one.id not in mirrors]
    found.servers = {one.id: one for one in reader.servers()} | found.servers
    found.proxies += reader.proxies()
    found.profiles += [one for one in reader.profiles() if one.id not in profiles]
    found.named += [one for one in reader.named() if one not in found.named]


class _Reader:
    def __init__(self, root: Element, properties: Mapping[str, str], source: str) -> None:
        self._root, self._properties, self._source = root, properties, source

    def mirrors(self) -> Iterator[Mirror]:
        for one in self._root.iterfind("mirrors/mirror"):
            blocked = self._text(one, "blocked").lower() == "true"
            yield Mirror(
                self._text(one, "id") or "default",
                self._text(one, "url"),
                self._text(one, "mirrorOf"),
                blocked,
                self._source,
            )

    def servers(self) -> Iterator[Server]:
        for one in self._root.iterfind("servers/server"):
            headers = {
                self._text(each, "name"): SecretValue(self._text(each, "value"))
                for each in one.iterfind("configuration/httpHeaders/property")
            }
            password = SecretValue(self._text(one, "password"))
            yield Server(
                self._text(one, "id") or "default", self._text(one, "username"), password, headers, self._source
            )

    def proxies(self) -> Iterator[MavenProxy]:
        for one in self._root.iterfind("proxies/proxy"):
            if (self._text(one, "active") or "true").lower() == "true":
                host, port = self._text(one, "host"), self._text(one, "port") or "8080"
                bypassed = tuple(filter(None, self._text(one, "nonProxyHosts").split("|")))
                yield MavenProxy(
                    (self._text(one, "protocol") or "http").lower(), f"http://{host}:{port}", bool(self._text(one, "username")),
                    bypassed, self._source,
                )  # fmt: skip

    def profiles(self) -> Iterator[SettingsProfile]:
        for one in self._root.iterfind("profiles/profile"):
            properties = {each.tag: self._resolved(each.text or "") for each in one.iterfind("properties/*")}
            repositories = [
                PomRepository(self._resolved(each.id), self._resolved(each.url), each.releases, each.snapshots)
                for each in read_repositories(one)
            ]
            yield SettingsProfile(
                self._text(one, "id") or "default", read_activation(one), properties, tuple(repositories), self._source
            )  # fmt: skip

    def named(self) -> Iterator[str]:
        for one in self._root.iterfind("activeProfiles/activeProfile"):
            yield self._resolved(one.text or "")

    def _text(self, element: Element, name: str) -> str:
        return self._resolved(element.findtext(name) or "")

    def _resolved(self, text: str) -> str:
        return _REFERENCE.sub(lambda match: self._properties.get(match[1], match[0]), text).strip(_BLANK)
