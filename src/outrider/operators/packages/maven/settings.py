"""Which repositories Maven asks here, and how: mirrors, credentials and proxies.

https://maven.apache.org/guides/mini/guide-mirror-settings.html, https://maven.apache.org/settings.html. What Maven is given on its
command line, or in .mvn/maven.config, is not read.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import MissingRequirementError, UnsupportedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.maven.client import MavenRepository
from outrider.operators.packages.maven.poms import PomRepository
from outrider.operators.packages.maven.profiles import Machine, active
from outrider.operators.packages.maven.program import MavenProgram
from outrider.operators.packages.maven.settings_files import MavenProxy, Mirror, Server, Settings, read_settings
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.proxies import proxies_of, through
from outrider.operators.packages.registries.registry import Registry, basic, registry_at, unknown_registry
from outrider.operators.packages.registries.unheeded import unheeded

CENTRAL = "central"
_LOGIN = "write a server with the id NAME, a username and a password into ~/.m2/settings.xml"
# Other settings, nobody to be asked, profiles, or a property that stands in an address.
_ARGUMENT = re.compile(
    r"-s$|-s=|-gs|-is|--(?:global-|install-|project-)?settings|-ps|-o$|--offline|-P|--activate-profiles|-Dmaven\.repo\.remote"
)
_HERE = ("localhost", "127.0.0.1")


class Named(msgspec.Struct, frozen=True):
    """A repository as something names it.

    Attributes:
        repository: As it is written.
        source: Where that was read.
    """

    repository: PomRepository
    source: str


class MavenSettings:
    """What Maven is told.

    Args:
        environment: Variables.
        program: The Maven of this machine.
        without: The address of a server whose repositories are passed over, such as that of who asks; empty for none.

    Attributes:
        properties: Of Java and of active profiles, and variables of the environment with `env.` before them.
        named: Profiles that are active in any case.
        left_out: What is to be said of repositories that are not asked, once they were returned.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], program: MavenProgram, *, without: str = "") -> None:
        home = environment.get("HOME") or "/"
        properties = {
            **program.properties,
            "user.home": home,
            **{f"env.{name}": value for name, value in environment.items()},
        }
        paths = [Path(home) / ".m2" / "settings.xml"]
        if program.home:
            paths.append(Path(program.home) / "conf" / "settings.xml")
        self._environment, self._program, self._without = environment, program, without
        self._settings: Settings = read_settings(paths, properties)
        self.named = tuple(self._settings.named)
        self._profiles = active(self._settings.profiles, Machine(properties), self.named, is_pom=False)
        own = {name: value for profile in self._profiles for name, value in profile.properties.items()}
        self.properties = {**properties, **own}
        self.left_out: list[str] = []

    def repositories(self, further: Iterable[Named] = ()) -> list[MavenRepository]:
        """Return all repositories, in the order in which they are asked.

        Args:
            further: Those of a project.

        Raises:
            InvalidConfigError: A setting cannot be used.
            MissingRequirementError: The repository that Maven comes with is not known here.
            UnsupportedError: One cannot be asked.
        """
        settings = [Named(one, profile.source) for profile in reversed(self._profiles) for one in profile.repositories]
        return self._distinct((*settings, *further, *self._built_in()))

    def only(self, wanted: Iterable[Named]) -> list[MavenRepository]:
        """Return some repositories and no others, in their order.

        Args:
            wanted: Of these, one without an address that is called `central` is the one that Maven comes with, or what is set for it.

        Raises:
            OutriderError: As `repositories`.
        """
        found = (
            self._built_in() if one.repository.id == CENTRAL and not one.repository.url else [one] for one in wanted
        )
        return self._distinct(one for several in found for one in several)

    def _built_in(self) -> list[Named]:
        built_in = [Named(one, "Maven's own POM") for one in self._program.repositories]
        own = own_address("maven", self._environment)
        if own is not None:
            central = PomRepository(CENTRAL, own.url, releases=True, snapshots=False)
            return [Named(central, own.source), *(one for one in built_in if one.repository.id != CENTRAL)]
        return built_in or [Named(PomRepository(CENTRAL, "", releases=True, snapshots=False), "")]

    def _distinct(self, several: Iterable[Named]) -> list[MavenRepository]:
        by_id: dict[str, Named] = {}
        for named in several:
            by_id.setdefault(named.repository.id, named)
        found: dict[str, MavenRepository] = {}
        for named in by_id.values():
            one = self._repository(named) if not _is_at(named.repository.url, self._without) else None
            if one is not None and one.id in found:
                # Several repositories of one mirror: it is asked for all that any of them is asked for.
                known = found[one.id]
                one = msgspec.structs.replace(
                    known, releases=known.releases or one.releases, snapshots=known.snapshots or one.snapshots
                )
            if one is not None:
                found[one.id] = one
        return [*found.values()]

    def _repository(self, named: Named) -> MavenRepository | None:
        """Return a repository, or what stands in for it; None where it is not to be asked."""
        repository, mirror = named.repository, self._mirror(named.repository)
        if mirror is not None and mirror.blocked:
            self.left_out.append(f"the repository {repository.id}, which {mirror.source} blocks")
            return None
        if mirror is None and not repository.url and repository.id != CENTRAL:
            raise MissingRequirementError(
                f"{named.source}: the address of the repository {repository.id} is not known here", path=repository.id, found="none",
                expected="a mirror of it in Maven's settings", suggestions=[f"write a mirror with mirrorOf {repository.id} into settings.xml"],
            )  # fmt: skip
        if mirror is None and not repository.url:
            raise unknown_registry(
                "maven", "Maven's settings, and Maven is not installed", "write a mirror of central into settings.xml", "install Maven"
            )  # fmt: skip
        name, url, source = (
            (repository.id, repository.url, named.source) if mirror is None else (mirror.id, mirror.url, mirror.source)
        )
        return MavenRepository(
            id=name, registry=self.registry(name, url, source), releases=repository.releases, snapshots=repository.snapshots
        )  # fmt: skip

    def _mirror(self, repository: PomRepository) -> Mirror | None:
        mirrors = [one for one in self._settings.mirrors if not _is_at(one.url, self._without)]
        exact = [one for one in mirrors if one.mirror_of == repository.id]
        return next(iter([*exact, *(one for one in mirrors if matches(repository, one.mirror_of))]), None)

    def registry(self, name: str, url: str, source: str) -> Registry:
        """Return a repository with what Maven is told of it and of the way there.

        Args:
            name: Its id, which is that of its server; empty for none.
            url: Its address.
            source: Where that was read.

        Raises:
            InvalidConfigError: The address cannot be used.
            UnsupportedError: It cannot be asked, or its credentials cannot be read.
        """
        scheme = url.partition(":")[0].lower()
        if scheme not in ("http", "https") and "://" in url:
            raise UnsupportedError(
                f"{source}: a repository of the kind {scheme} cannot be asked", path=f"repository {name}", found=scheme,
                expected="http or https", suggestions=[f"name a mirror of {name} in settings.xml"],
            )  # fmt: skip
        found = registry_at(
            url,
            source,
            authorities=self._environment.get("SSL_CERT_FILE", ""),
            login=_LOGIN.replace("NAME", name or "NAME"),
            environment=self._environment,
        )
        server = self._settings.servers.get(name)
        proxy = self._proxy(found.url)
        known = msgspec.structs.replace(
            found, authorization=found.authorization if server is None else _shown_to(server, found),
            proxies=proxies_of(through(proxy, {})) if proxy else found.proxies,
        )  # fmt: skip
        return with_own_login(known, self._environment)

    def _proxy(self, url: str) -> str:
        parts = urlsplit(url)
        usable = [one for one in self._settings.proxies if not _is_bypassed(one, parts.hostname or "")]
        wanted = [one for one in usable if one.protocol == parts.scheme] or [
            one for one in usable if one.protocol == "http"
        ]
        if not wanted:
            return ""
        if wanted[0].with_login:
            raise UnsupportedError(
                f"{wanted[0].source}: a proxy with a login cannot be used", path="proxies.proxy.username", found=wanted[0].url,
                expected="a proxy without one", suggestions=["name a proxy without a login"],
            )  # fmt: skip
        return wanted[0].url


def refuse_arguments(environment: Mapping[str, str], folder: Path) -> None:
    """Refuse arguments that Maven is always given and that say whom it asks.

    Args:
        environment: Variables.
        folder: Of the project; the nearest `.mvn` above it counts.

    Raises:
        UnsupportedError: There is one.
    """
    place = folder.absolute()
    files = (one / ".mvn" / "maven.config" for one in (place, *place.parents) if (one / ".mvn").is_dir())
    file = next(files, None)
    said = {"MAVEN_ARGS": environment.get("MAVEN_ARGS", "")}
    if file is not None and file.is_file():
        said[str(file)] = file.read_text(encoding="utf-8", errors="replace")
    for source, text in said.items():
        odd = next((one for one in text.split() if _ARGUMENT.match(one)), "")
        if odd:
            raise unheeded(source, odd, "arguments of Maven are not read", "write what it says into ~/.m2/settings.xml")


def _is_at(url: str, server: str) -> bool:
    """Return whether an address is of a server, whose machine may have several names for itself."""
    if not server:
        return False
    try:
        one, other = urlsplit(url), urlsplit(server)
        hosts = [_HERE[0] if host in _HERE else host for host in (one.hostname, other.hostname)]
        return (one.scheme, one.port, hosts[0]) == (other.scheme, other.port, hosts[1])
    except ValueError:
        return False


def _shown_to(server: Server, registry: Registry) -> SecretValue | None:
    """Return what is shown to a repository."""
    headers = {name.lower(): value for name, value in server.headers.items()}
    said = headers.pop("authorization", None)
    if headers:
        raise UnsupportedError(
            f"{server.source}: of the headers for the server {server.id} only Authorization can be sent", path="servers.server.configuration",
            found=", ".join(headers), expected="Authorization, or a username and a password",
            suggestions=["use a username and a password, which most repositories take as well"],
        )  # fmt: skip
    if said is not None or not server.user:
        return said or registry.authorization
    if server.is_encrypted:
        raise UnsupportedError(
            f"{server.source}: the password of the server {server.id} is encrypted, and only Maven can read it",
            path="servers.server.password", found="an encrypted password", expected="a password, or ${env.NAME}",
            suggestions=["write ${env.NAME} there, and set that variable"],
        )  # fmt: skip
    return basic(server.user, server.password.reveal())


def _is_bypassed(proxy: MavenProxy, host: str) -> bool:
    patterns = (".*".join(re.escape(part) for part in one.split("*")) for one in proxy.bypassed)
    return any(re.fullmatch(pattern, host, re.IGNORECASE) for pattern in patterns)


def matches(repository: PomRepository, mirror_of: str) -> bool:
    """Return whether a mirror is one of a repository: names, `*`, `external:*`, `external:http:*`, and `!` before what it is not of."""
    try:
        parts = urlsplit(repository.url)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
    except ValueError:
        scheme, host = "", ""
    found = False
    for one in mirror_of.split(","):
        if one == f"!{repository.id}":
            return False
        if one == repository.id:
            return True
        found = found or one == "*"
        found = found or (one == "external:*" and host not in _HERE and scheme != "file")
        found = found or (one == "external:http:*" and host not in _HERE and scheme == "http")
    return found
