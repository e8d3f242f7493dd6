"""Packages of each ecosystem as their native tools build them, settings of their native clients, and the operation that publishes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from outrider.core.operation import Change
from outrider.operators.packages.operations import publish
from outrider.operators.packages.operations.publish import PublishParams, PublishResult
from outrider.operators.packages.tests.cargo_projects import crate_packed
from outrider.operators.packages.tests.clients.table import ALONE, PRIVATE
from outrider.operators.packages.tests.composer_archives import manifest, zipped
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.maven_poms import element, fields, pom
from outrider.operators.packages.tests.npm_registry import packed
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.wheels import Wheel
from outrider.operators.packages.tests.world import variables


class Kind(NamedTuple):
    """An ecosystem.

    Attributes:
        name: Of a package that may be published in a registry of the tests.
        foreign: Of one that may not.
        file: Returns how the file of a name and a version is called, and its content; with another number it is another content.
        version: That is published.
        settings: Returns files below the home by path, and variables, with which the native client publishes at an address with a token.
    """

    name: str
    foreign: str
    file: Callable[[str, str, int], tuple[str, bytes]]
    settings: Callable[[str, str], tuple[dict[str, str], dict[str, str]]]
    version: str = "1.0.0"


def npm_file(name: str, version: str, number: int = 0, **more: Any) -> tuple[str, bytes]:
    manifest = {"name": name, "version": version, "description": "a web of things", **more}
    files = {"package.json": manifest, "index.js": b"module.exports = %d\n" % number, "README.md": b"# a web\n"}
    return f"{name.replace('@', '').replace('/', '-')}-{version}.tgz", packed(files)


def _npm(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    host = url.removeprefix("http:")
    text = f"registry={url}/npm/\n" + (f"{host}/npm/:_authToken={token}\n" if token else "")
    return {".npmrc": text}, {"npm_config_globalconfig": "/dev/null"}


def pypi_file(name: str, version: str, number: int = 0) -> tuple[str, bytes]:
    wheel = Wheel(project=name, version=version, python=f">=3.{number}")
    return wheel.name, wheel.packed()


def _pypi(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    login = f"username = __token__\npassword = {token}\n" if token else ""
    files = {".pypirc": f"[distutils]\nindex-servers = pypi\n[pypi]\nrepository = {url}/pypi/legacy/\n{login}"}
    return files, {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{url}/pypi/simple/"}


def cargo_file(
    name: str, version: str, number: int = 0, more: str = "", lock: str = "version = 4\n"
) -> tuple[str, bytes]:
    manifest = (
        f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\ndescription = "a web of things"\n{more}'
    )
    files = {
        "Cargo.toml": manifest,
        "Cargo.toml.orig": manifest,
        "Cargo.lock": lock,
        "src/lib.rs": f"pub fn one() -> u8 {{ {number} }}\n",
    }
    return f"{name}-{version}.crate", crate_packed(f"{name}-{version}", files)


def _cargo(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    own = f'[source.crates-io]\nreplace-with = "ours"\n[registries.ours]\nindex = "sparse+{url}/cargo/index/"\n[registry]\ndefault = "ours"\n'
    credentials = f'[registries.ours]\ntoken = "{token}"\n' if token else ""
    return {".cargo/config.toml": own, ".cargo/credentials.toml": credentials}, {}


def gem_file(name: str, version: str, number: int = 0, **more: Any) -> tuple[str, bytes]:
    gem = GemFile(name=name, version=version, files={f"lib/{name}.rb": f"puts {number}\n"}, **more)
    return f"{gem.full_name}.gem", gem.packed()


def _gem(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    keys = f"---\n{url}/gem: {token}\n" if token else "--- {}\n"
    return {".gem/credentials": keys, ".gemrc": f":sources:\n- {url}/gem\n"}, {"RUBYGEMS_HOST": f"{url}/gem"}


def composer_file(name: str, version: str, number: int = 0) -> tuple[str, bytes]:
    content = zipped({"composer.json": json.dumps(manifest(name, version)), "it.php": f"<?php return {number};\n"})
    return f"{name.replace('/', '-')}-{version}.zip", content


def _composer(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    host = url.removeprefix("http://")
    settings = {
        "repositories": {"hub": {"type": "composer", "url": f"{url}/composer"}},
        "config": {"secure-http": False},
    }
    files = {".composer/config.json": json.dumps(settings)}
    if token:
        files[".composer/auth.json"] = json.dumps({"http-basic": {host: {"username": "__token__", "password": token}}})
    return files, {"PATH": "/nowhere"}


def nuget_file(name: str, version: str, number: int = 0) -> tuple[str, bytes]:
    made = NugetFile(
        name=name, version=version, files={"lib/netstandard1.0/_._": b"", "number.txt": str(number).encode()}
    )
    return f"{name}.{version}.nupkg", made.packed()


def _nuget(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    login = f'<add key="Username" value="ana" /><add key="ClearTextPassword" value="{token}" />'
    shown = f"<packageSourceCredentials><hub>{login}</hub></packageSourceCredentials>" if token else ""
    more = f'{shown}<config><add key="defaultPushSource" value="hub" /></config>'
    return {".nuget/NuGet/NuGet.Config": config(f"hub={url}/nuget/v3/index.json", more=more)}, {}


def maven_file(name: str, version: str, number: int = 0) -> tuple[str, bytes]:
    content = pom(f"{name}:{version}", fields(packaging="pom", description=f"number {number}"))
    return f"{name.partition(':')[2]}-{version}.pom", content.encode()


def _maven(url: str, token: str) -> tuple[dict[str, str], dict[str, str]]:
    server = (
        element("servers", element("server", fields(id="hub", username="__token__", password=token))) if token else ""
    )
    properties = element("properties", fields(altDeploymentRepository=f"hub::{url}/maven/"))
    repository = element("repositories", element("repository", fields(id="hub", url=f"{url}/maven/")))
    mirror = element("mirrors", element("mirror", fields(id="hub", mirrorOf="*", url=f"{url}/maven/")))
    profile = element("profiles", element("profile", fields(id="hub"), properties, repository))
    active = element("activeProfiles", fields(activeProfile="hub"))
    return {".m2/settings.xml": element("settings", server, mirror, profile, active)}, {"PATH": "/nowhere"}


KINDS: dict[str, Kind] = {
    "cargo": Kind("acme-web", "serde", cargo_file, _cargo),
    "composer": Kind("acme/web", "monolog/monolog", composer_file, _composer),
    "gem": Kind("acme-web", "rails", gem_file, _gem),
    "maven": Kind("com.acme:web", "org.other:web", maven_file, _maven),
    "npm": Kind("@acme/web", "lodash", npm_file, _npm),
    "nuget": Kind("Acme.Web", "Serilog", nuget_file, _nuget),
    "pypi": Kind("acme-web", "requests", pypi_file, _pypi),
}


class Publishing:
    """Publishes with the settings of a home of its own.

    Args:
        folder: Of the test.
        ecosystem: Of the packages.
        url: Of a registry of ours.
        token: Empty for none.
    """

    def __init__(self, folder: Path, ecosystem: str, url: str, token: str) -> None:
        self.kind, self.ecosystem = KINDS[ecosystem], ecosystem
        self.folder = folder / "publisher"
        files, variables = self.kind.settings(url, token)
        self.variables = {
            "HOME": str(self.folder / "home"), "XDG_CONFIG_HOME": str(self.folder / "home/.config"), "XDG_CACHE_HOME": str(folder / "cache"),
            **variables,
        }  # fmt: skip
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        self.write(files)

    def write(self, files: Mapping[str, str]) -> None:
        """Have files below the home."""
        for name, text in files.items():
            path = self.folder / "home" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600)

    def built(self, version: str = "", name: str = "", number: int = 0) -> str:
        """Return the path of a file."""
        file, content = self.kind.file(name or self.kind.name, version or self.kind.version, number)
        return self.put(file, content)

    def put(self, file: str, content: bytes) -> str:
        """Write a file, and return its path."""
        path = self.folder / file
        path.write_bytes(content)
        return str(path)

    async def plan(self, *files: str, **params: Any) -> Change:
        """Return what would be done."""
        with variables(self.variables):
            return await publish.plan(self._params(files, params), context(self.folder))

    async def run(self, *files: str, preconditions: dict[str, Any] | None = None, **params: Any) -> PublishResult:
        """Publish."""
        with variables(self.variables):
            return await publish.run(self._params(files, params), context(self.folder, preconditions=preconditions))

    def _params(self, files: tuple[str, ...], params: Mapping[str, Any]) -> PublishParams:
        return PublishParams(ecosystem=self.ecosystem, files=list(files), **params)  # type: ignore[arg-type]


def registry_of_ours(folder: Path) -> RunningRegistry:
    """Return a registry with nobody behind it."""
    return RunningRegistry(folder, ALONE, cache_only=True, private=PRIVATE)
