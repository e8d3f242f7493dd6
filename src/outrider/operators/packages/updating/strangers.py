"""What settings in a repository would take from this machine: they may say where packages are, and nothing else.

Whoever writes to a repository is a stranger to whoever runs the update. As the native clients read them, settings of a project have
variables of the environment put into addresses, lead the way through a proxy, and name an index to which a token goes by its name alone:
https://docs.npmjs.com/cli/v11/configuring-npm/npmrc, https://yarnpkg.com/configuration/yarnrc,
https://pipenv.pypa.io/en/latest/indexes.html, https://bun.com/docs/runtime/bunfig,
https://doc.rust-lang.org/cargo/reference/config.html and https://maven.apache.org/settings.html#servers. Credentials that go by their
host need no such care but for encryption, which Yarn 4 too asks for, unless the project says otherwise; of the others it is looked
after where they would be sent.
"""

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.cargo.settings import SPARSE, CargoSettings, cargo_home
from outrider.operators.packages.locks.documents import read_toml, read_yaml
from outrider.operators.packages.manifests import pipfile_sources
from outrider.operators.packages.manifests.pom import FORM as POM
from outrider.operators.packages.maven.poms import PomRepository, read_pom
from outrider.operators.packages.maven.settings import matches
from outrider.operators.packages.maven.settings_files import Settings as MavenFileSettings
from outrider.operators.packages.maven.settings_files import read_settings
from outrider.operators.packages.npm import settings as npm
from outrider.operators.packages.npm.bun import settings as bun
from outrider.operators.packages.registries.strangers import is_in_the_clear
from outrider.operators.packages.yarn import settings as yarn

# Files of this machine, and ways to registries that somebody else watches.
_OF_NPM = ("cafile", "globalconfig", "https-proxy", "noproxy", "prefix", "proxy", "userconfig")
_OF_CARGO = ("cainfo", "proxy")
_OF_YARN = (("npmAuthToken", "YARN_NPM_AUTH_TOKEN"), ("npmAuthIdent", "YARN_NPM_AUTH_IDENT"))
_YARN_SERVER = "YARN_NPM_REGISTRY_SERVER"
_NPM_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock")
_BUN_LOCKS = ("bun.lock",)
_CARGO_LOCKS = ("Cargo.lock",)
# A variable is taken by its own name too, where nothing else is called so.
_MAVEN_VARIABLE = re.compile(r"\$\{\.?(?:env\.)?([^{}$]+)\}")
_PIPENV_LOCKS = ("Pipfile.lock",)


class Machine(NamedTuple):
    """What there is to take.

    Attributes:
        environment: Variables.
        given: Names of those that a repository may have.
    """

    environment: Mapping[str, str]
    given: Collection[str] = ()


class Objection(NamedTuple):
    """What is wrong with a file of settings.

    Attributes:
        path: Of the file.
        folder: For whose projects it counts, and for those below.
        locks: Names of the lock files that it is about.
        why: In words.
        alone: Whether it does not count for those below.
    """

    path: str
    folder: PurePosixPath
    locks: tuple[str, ...]
    why: str
    alone: bool = False

    def concerns(self, path: str) -> bool:
        """Return whether a lock file would be updated with these settings."""
        lock = PurePosixPath(path)
        folders = [lock.parent] if self.alone else lock.parents
        return lock.name in self.locks and self.folder in folders


def objection_to(path: str, text: str, machine: Machine) -> Objection | None:
    """Return what is wrong with a file of a repository; None where it takes nothing, or is none of settings."""
    pure = PurePosixPath(path)
    found = next((one for one in _KINDS if pure.match(one)), "")
    if not found:
        return None
    locks, looked = _KINDS[found]
    folder = pure.parent.parent if "/" in found else pure.parent
    try:
        why = next(looked(text, machine), "")
    except InvalidConfigError as error:
        why = error.message
    return Objection(path, folder, locks, why, alone=found == pipfile_sources.FORM) if why else None


def _of_npmrc(text: str, machine: Machine) -> Iterator[str]:
    for key, value in npm.npmrc_lines(text):
        yield from _variables(npm.variables_in(key) + npm.variables_in(value), machine)
        if key in _OF_NPM:
            yield _reserved(key, "the .npmrc of whoever runs this")


def _of_yarnrc(text: str, machine: Machine) -> Iterator[str]:
    said = _document(text)
    yield from _variables(yarn.variables_in(said), machine)
    server = said.get("npmRegistryServer")
    scopes = said.get("npmScopes")
    tables = [one for one in scopes.values() if isinstance(one, dict)] if isinstance(scopes, dict) else []
    servers = [server, *(one.get("npmRegistryServer") for one in tables)]
    yield from (_unencrypted(one) for one in servers if isinstance(one, str) and _is_in_the_clear(one))
    own = yarn.BerrySettings(Path(machine.environment.get("HOME") or "/"), machine.environment)
    # A token without a server goes to whichever counts; variables count more than files.
    shown = any(own.text(key) and (machine.environment.get(name) or not said.get(key)) for key, name in _OF_YARN)
    if server and shown and server != own.text("npmRegistryServer") and _YARN_SERVER not in machine.environment:
        yield _would_be_shown(
            "npmRegistryServer", "the npmAuthToken of this machine", "the .yarnrc.yml of whoever runs this"
        )


def _of_bunfig(text: str, machine: Machine) -> Iterator[str]:
    said = bun.install_table(read_toml(bun.SETTINGS, text))
    yield from _variables(bun.variables_in(said), machine)
    shown = bun.first_of(machine.environment, bun.TOKEN_VARIABLES)
    # Variables count more than files, and a token among them goes to whichever registry counts.
    if "registry" in said and shown and not bun.first_of(machine.environment, bun.REGISTRY_VARIABLES):
        token = next(name for name in bun.TOKEN_VARIABLES if machine.environment.get(name))
        yield _would_be_shown(
            "install.registry", f"the {token} of this machine", f"the variable {bun.REGISTRY_VARIABLES[0]}"
        )


def _of_cargo(text: str, machine: Machine) -> Iterator[str]:
    said = read_toml("config.toml", text)
    http = said.get("http")
    reserved = [f"http.{key}" for key in _OF_CARGO if isinstance(http, dict) and key in http]
    yield from (_reserved(key, "the config.toml of whoever runs this") for key in reserved)
    own = CargoSettings(machine.environment, cargo_home(machine.environment))
    tables = said.get("registries")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        index = table.get("index") if isinstance(table, dict) else None
        if index and own.token_named(name) and _plain(index) != _plain(own.index_named(name)):
            key = f"registries.{name}.index"
            yield _would_be_shown(key, "the token of this machine by that name", "the config.toml of whoever runs this")


def _of_pom(text: str, machine: Machine) -> Iterator[str]:
    pom, own = read_pom(text.encode()), _maven_settings(machine.environment)
    values = {name: value for profile in own.profiles for name, value in profile.properties.items()}
    known = machine._replace(environment={**machine.environment, **values})
    yield from _variables([*dict.fromkeys(_MAVEN_VARIABLE.findall(text))], known)
    repositories = [one for parts in (pom.parts, *(each.parts for each in pom.profiles)) for one in parts.repositories]
    for one in repositories:
        if _is_shown_a_login(one, own):
            yield _would_be_shown(
                f"the repository {one.id}", "what settings.xml has for a server by that name", "the settings.xml of whoever runs this"
            )  # fmt: skip


def _is_shown_a_login(one: PomRepository, own: MavenFileSettings) -> bool:
    """Return whether a repository would be shown what is meant for another one of its name, unless a mirror is asked in its place."""
    named = {(each.id, each.url) for profile in own.profiles for each in profile.repositories}
    is_known = one.id in own.servers or "${" in one.id
    return is_known and (one.id, one.url) not in named and not any(matches(one, each.mirror_of) for each in own.mirrors)


def _maven_settings(environment: Mapping[str, str]) -> MavenFileSettings:
    paths = [Path(environment.get("HOME") or "/") / ".m2" / "settings.xml"]
    if (program := shutil.which("mvn", path=environment.get("PATH", ""))) is not None:
        paths.append(Path(program).resolve().parents[1] / "conf" / "settings.xml")
    return read_settings(paths, {})


def _of_pipfile(text: str, machine: Machine) -> Iterator[str]:
    yield from _variables(pipfile_sources.variables_in(read_toml(pipfile_sources.FORM, text)), machine)


_KINDS: Mapping[str, tuple[tuple[str, ...], Callable[[str, Machine], Iterator[str]]]] = {
    ".npmrc": (_NPM_LOCKS, _of_npmrc),
    ".yarnrc.yml": (_NPM_LOCKS, _of_yarnrc),
    "bunfig.toml": (_BUN_LOCKS, _of_bunfig),
    ".cargo/config.toml": (_CARGO_LOCKS, _of_cargo),
    ".cargo/config": (_CARGO_LOCKS, _of_cargo),
    POM: ((POM,), _of_pom),
    pipfile_sources.FORM: (_PIPENV_LOCKS, _of_pipfile),
}


def _document(text: str) -> dict[str, Any]:
    documents = read_yaml(yarn.SETTINGS, text)
    return documents[0] if documents else {}


def _is_in_the_clear(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return is_in_the_clear(parts.scheme, parts.hostname or "")
    except ValueError:
        return False


def _unencrypted(url: str) -> str:
    return f"npmRegistryServer: {url} has no encryption, and credentials of this machine could be read on the way; write https:// there"


def _plain(index: object) -> str:
    return str(index).removeprefix(SPARSE).rstrip("/")


def _variables(names: Collection[str], machine: Machine) -> Iterator[str]:
    # Where a variable is not set, there is nothing to take.
    wanted = [one for one in names if machine.environment.get(one) and one not in machine.given]
    yield from (
        f"it asks for the variable {one} of this machine; where it may have that: --variables {one}" for one in wanted
    )


def _reserved(key: str, place: str) -> str:
    return f"a repository may not set {key}; it belongs into {place}"


def _would_be_shown(key: str, what: str, place: str) -> str:
    return f"{what} would be shown to the server of {key}; where it may be: name that server in {place} too"
