"""Where files go, and what is shown there, is what the settings of native clients say."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    InvalidConfigError,
    MissingRequirementError,
    OutriderError,
    UnauthenticatedError,
    UnsupportedError,
)
from outrider.operators.packages.maven.deploy_settings import deploy_registry
from outrider.operators.packages.maven.program import MavenProgram
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.nuget.push_settings import push_registry, with_key
from outrider.operators.packages.pypi.upload_settings import destination
from outrider.operators.packages.registries.publications import read_file
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.sessions import Terms, publisher_of, question_of
from outrider.operators.packages.tests.maven_poms import element, fields
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.publishing import Publishing, cargo_file, gem_file, npm_file
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


async def chosen(it: Publishing, file: str, registry: str = "") -> tuple[str, str]:
    """Return where a file goes, and what is shown there."""
    with variables(it.variables), question_of(context(it.folder), it.ecosystem, [], Terms()) as question:
        async with publisher_of(it.ecosystem, question, registry) as publisher:
            [publication] = await publisher.read([read_file(file)])
            found = await publisher.registry(publication)
    return found.url, shown(found)


def shown(registry: Registry) -> str:
    return registry.authorization.reveal() if registry.authorization is not None else ""


@pytest.mark.parametrize(
    ("config", "registry", "url"),
    [
        ({}, "", "https://scope.test"),
        ({"registry": "https://own.test"}, "", "https://scope.test"),
        ({"@acme:registry": "https://own.test/"}, "", "https://own.test"),
        ({"@acme:registry": "https://own.test"}, "https://chosen.test", "https://chosen.test"),
    ],
)
async def test_npm_goes_where_the_package_says_and_then_where_its_scope_is(
    tmp_path: Path, config: dict[str, str], registry: str, url: str
) -> None:
    it = Publishing(tmp_path, "npm", "http://127.0.0.1:9", "")
    hosts = ("scope", "own", "chosen")
    it.write(
        {
            ".npmrc": "@acme:registry=https://scope.test\n"
            + "".join(f"//{one}.test/:_authToken=of-{one}\n" for one in hosts)
        }
    )
    file = it.put(*npm_file("@acme/web", "1.0.0", publishConfig=config))
    assert await chosen(it, file, registry) == (url, f"Bearer of-{url[8:].partition('.')[0]}")


def test_npm_has_the_registry_of_a_package_without_a_scope(tmp_path: Path) -> None:
    settings = NpmSettings({"HOME": str(tmp_path)}, tmp_path, NpmProgram(registry="https://usual.test"))
    assert settings.registry_for("web", {"registry": "https://own.test"}).url == "https://own.test"
    assert settings.registry_for("web").url == "https://usual.test"


PYPIRC = """[distutils]
index-servers =
    pypi
    ours
[pypi]
password = of-pypi
[ours]
repository = https://ours.test/legacy/
username = ana
password = of-ours
"""
UV = '[[tool.uv.index]]\nname = "own"\nurl = "https://own.test/simple"\npublish-url = "https://own.test/legacy/"\n'


@pytest.mark.parametrize(
    ("environment", "registry", "url", "login"),
    [
        ({"TWINE_REPOSITORY": "ours"}, "", "https://ours.test/legacy/", ("ana", "of-ours")),
        ({"TWINE_REPOSITORY": "ours", "TWINE_PASSWORD": "p"}, "", "https://ours.test/legacy/", ("__token__", "p")),
        ({"TWINE_REPOSITORY_URL": "https://a.test/x"}, "", "https://a.test/x", None),
        ({"TWINE_REPOSITORY_URL": "https://ours.test/legacy"}, "", "https://ours.test/legacy", ("ana", "of-ours")),
        ({"UV_PUBLISH_URL": "https://a.test/", "UV_PUBLISH_TOKEN": "t", "TWINE_PASSWORD": "p"}, "", "https://a.test/", ("__token__", "t")),
        ({"UV_PUBLISH_URL": "https://a.test/", "TWINE_PASSWORD": "p"}, "", "https://a.test/", None),
        ({"TWINE_REPOSITORY_URL": "https://a.test/", "UV_PUBLISH_TOKEN": "t"}, "", "https://a.test/", None),
        ({"UV_PUBLISH_USERNAME": "u", "UV_PUBLISH_PASSWORD": "p"}, "", "https://own.test/legacy/", ("u", "p")),
        ({"UV_PUBLISH_URL": "https://a.test/"}, "https://b.test/", "https://b.test/", None),
        ({"UV_PUBLISH_TOKEN": "t"}, "https://b.test/", "https://b.test/", ("__token__", "t")),
        ({"UV_PUBLISH_URL": "https://u:p@a.test/"}, "", "https://a.test/", ("u", "p")),
        ({"UV_PUBLISH_URL": "https://netrc.test/"}, "", "https://netrc.test/", ("n", "p")),
    ],
)  # fmt: skip
def test_python_goes_where_twine_and_uv_are_told(
    tmp_path: Path, environment: dict[str, str], registry: str, url: str, login: tuple[str, str] | None
) -> None:
    (tmp_path / ".pypirc").write_text(PYPIRC)
    (tmp_path / ".netrc").write_text("machine netrc.test login n password p\n")
    (tmp_path / "pyproject.toml").write_text(UV)
    usual = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none"), "PIP_CONFIG_FILE": "/dev/null"}
    found = destination({**usual, "PIP_INDEX_URL": "https://ours.test/simple", **environment}, tmp_path, registry)
    assert (found.registry.url, shown(found.registry)) == (url, basic(*login) if login else "")
    # What is found where is known of an index that is named beside it, or is on the same host; there what may publish may read.
    index = {
        "https://own.test/legacy/": "https://own.test/simple",
        "https://ours.test/legacy/": "https://ours.test/simple",
    }
    if url.rstrip("/") in (one.rstrip("/") for one in index):
        assert found.index is not None
        assert found.index.url == index[f"{url.rstrip('/')}/"]
        assert shown(found.index) == shown(found.registry)
    else:
        assert found.index is None


@pytest.mark.parametrize(
    ("files", "environment", "error"),
    [
        ({}, {}, MissingRequirementError),
        ({".pypirc": "[pypi\npassword = secret-word\n"}, {}, InvalidConfigError),
        ({}, {"TWINE_REPOSITORY": "nothing"}, InvalidConfigError),
        ({"pyproject.toml": UV + UV.replace("own", "other")}, {}, InvalidConfigError),
        ({".pypirc": "[pypi]\nrepository = ftp://a.test\n"}, {}, InvalidConfigError),
    ],
)
def test_python_that_goes_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], environment: dict[str, str], error: type[OutriderError]
) -> None:  # fmt: skip
    monkeypatch.setattr("outrider.operators.packages.pypi.upload_settings.find_spec", lambda _: None)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    usual = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none"), "PIP_CONFIG_FILE": "/dev/null"}
    with pytest.raises(error) as caught:
        destination({**usual, **environment}, tmp_path, "")
    assert caught.value.suggestions
    assert "secret-word" not in f"{caught.value.body()}"


def test_python_has_the_address_that_twine_comes_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "utils.py").write_text('import re\nDEFAULT_REPOSITORY = "https://usual.test/legacy/"\n')

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr("outrider.operators.packages.pypi.upload_settings.find_spec", lambda _: Spec)
    (tmp_path / ".pypirc").write_text(PYPIRC)
    found = destination(
        {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "https://i.test"}, tmp_path, ""
    )
    assert (found.registry.url, shown(found.registry)) == ("https://usual.test/legacy/", basic("__token__", "of-pypi"))
    assert found.index is None


CARGO = "".join(
    f'[registries.{one}]\nindex = "sparse+https://{one}.test/index/"\ntoken = "of-{one}"\n' for one in ("ours", "other")
)


@pytest.mark.parametrize(
    ("publish", "settings", "registry", "url"),
    [
        ('publish = ["other"]\n', '[registry]\ndefault = "ours"\n', "", "https://other.test/index"),
        ("", '[registry]\ndefault = "ours"\n', "", "https://ours.test/index"),
        ("", "", "sparse+https://ours.test/index/", "https://ours.test/index"),
        ('publish = ["ours", "other"]\n', "", "https://other.test/index", "https://other.test/index"),
    ],
)
async def test_cargo_goes_where_the_crate_says_and_then_to_the_usual_one(
    tmp_path: Path, publish: str, settings: str, registry: str, url: str
) -> None:
    it = Publishing(tmp_path, "cargo", "http://127.0.0.1:9", "")
    it.write({".cargo/config.toml": CARGO + settings})
    file = it.put(*cargo_file("acme-web", "1.0.0", more=publish))
    assert await chosen(it, file, registry) == (url, f"of-{url[8:].partition('.')[0]}")


@pytest.mark.parametrize(
    ("publish", "registry", "error"),
    [
        ('publish = ["ours", "other"]\n', "", InvalidConfigError),
        ('publish = ["ours"]\n', "https://other.test/index", InvalidConfigError),
        ('publish = ["nothing"]\n', "", InvalidConfigError),
        ("publish = false\n", "https://ours.test/index", InvalidConfigError),
        ("", "", UnsupportedError),
        ("", "https://nobody.test/index", UnauthenticatedError),
    ],
)
async def test_cargo_that_goes_nowhere_is_told(
    tmp_path: Path, publish: str, registry: str, error: type[OutriderError]
) -> None:
    it = Publishing(tmp_path, "cargo", "http://127.0.0.1:9", "")
    it.write({".cargo/config.toml": CARGO + '[source.crates-io]\nreplace-with = "ours"\n'})
    with pytest.raises(error) as caught:
        await chosen(it, it.put(*cargo_file("acme-web", "1.0.0", more=publish)), registry)
    assert caught.value.suggestions


@pytest.mark.parametrize(
    ("metadata", "environment", "registry", "found"),
    [
        ("", {}, "", ("https://usual.test", "of-usual")),
        ("", {"RUBYGEMS_HOST": "https://ours.test/gem"}, "", ("https://ours.test/gem", "of-ours")),
        ("", {"RUBYGEMS_HOST": "https://ours.test/gem", "GEM_HOST_API_KEY": "k"}, "", ("https://ours.test/gem", "k")),
        ("", {"RUBYGEMS_HOST": "https://a.test"}, "https://ours.test/gem/", ("https://ours.test/gem", "of-ours")),
        ("allowed_push_host: https://ours.test/gem", {"RUBYGEMS_HOST": "https://a.test"}, "", ("https://ours.test/gem", "of-ours")),
        ("default_gem_server: https://ours.test/gem", {}, "", ("https://ours.test/gem", "of-ours")),
    ],
)  # fmt: skip
async def test_gems_go_where_they_say_and_then_where_gem_is_told(
    tmp_path: Path, metadata: str, environment: dict[str, str], registry: str, found: tuple[str, str]
) -> None:
    it = gems(tmp_path, environment)
    assert await chosen(it, it.put(*gem_with(metadata)), registry) == found


@pytest.mark.parametrize(
    ("metadata", "environment", "error"),
    [
        # The key of the usual server is for nobody else.
        ("", {"RUBYGEMS_HOST": "https://a.test"}, UnauthenticatedError),
        ("allowed_push_host: https://b.test\n  default_gem_server: https://ours.test/gem", {}, InvalidConfigError),
        ("allowed_push_host: https://b.test\n  default_gem_server: https://ana:of-ana@a.test", {}, InvalidConfigError),
    ],
)
async def test_gems_that_may_not_go_there_are_refused(
    tmp_path: Path, metadata: str, environment: dict[str, str], error: type[OutriderError]
) -> None:
    it = gems(tmp_path, environment)
    with pytest.raises(error) as caught:
        await chosen(it, it.put(*gem_with(metadata)))
    assert "of-" not in f"{caught.value.body()}"


async def test_keys_of_gems_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    it = gems(tmp_path, {})
    (it.folder / "home/.gem/credentials").chmod(0o644)
    with pytest.raises(InvalidConfigError, match="others may read it"):
        await chosen(it, it.built())


def gems(folder: Path, environment: dict[str, str]) -> Publishing:
    """Return one with a Ruby whose own server is `usual.test`."""
    it = Publishing(folder, "gem", "http://127.0.0.1:9", "")
    it.write({".gem/credentials": "---\n:rubygems_api_key: of-usual\nhttps://ours.test/gem: of-ours\n"})
    ruby = folder / "bin" / "ruby"
    ruby.parent.mkdir()
    ruby.write_text(
        "#!/bin/sh\nprintf '3.1.2\\n3.3.15\\n2.4.1\\nx86_64-linux\\nruby 3.1.2p20\\nhttps://usual.test/\\n'\n"
    )
    ruby.chmod(0o755)
    del it.variables["RUBYGEMS_HOST"]
    it.variables |= {"PATH": f"{ruby.parent}:/usr/bin:/bin", **environment}
    return it


def gem_with(metadata: str) -> tuple[str, bytes]:
    if not metadata:
        return gem_file("acme-web", "1.0.0")
    return gem_file("acme-web", "1.0.0", lines=[f"metadata:\n  {metadata}"])


def nuget(folder: Path, more: str, *sources: str, **environment: str) -> dict[str, str]:
    (folder / "nuget.config").write_text(config(*sources, more=more))
    return {"HOME": str(folder), "NUGET_COMMON_APPLICATION_DATA": str(folder), **environment}


HUB, KEYS = (
    "hub=https://hub.test/index.json",
    '<apikeys><add key="https://hub.test/index.json" value="AQAAANCM" /></apikeys>',
)
USUAL = '<config><add key="DefaultPushSource" value="hub" /></config>'.replace("Default", "default")


def test_nuget_goes_to_the_usual_source_with_its_password_as_the_key(tmp_path: Path) -> None:
    said: dict[str, Any] = {"NuGetPackageSourceCredentials_hub": "Username=ana;Password=secret"}
    for more, registry in (
        (USUAL, ""),
        (USUAL.replace('"hub"', '"https://HUB.test/index.json"').replace("HUB", "hub"), ""),
        ("", "https://hub.test/index.json"),
    ):
        found = push_registry(nuget(tmp_path, more, HUB, **said), tmp_path, registry)
        assert (found.url, shown(found)) == ("https://hub.test/index.json", basic("ana", "secret"))
        assert [(name, key.reveal()) for name, key in with_key(found).headers] == [("x-nuget-apikey", "secret")]
    other = push_registry(nuget(tmp_path, USUAL, HUB, **said), tmp_path, "https://other.test/index.json")
    assert (other.url, shown(other), with_key(other).headers) == ("https://other.test/index.json", "", ())


def test_nuget_that_goes_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="no source is named"):
        push_registry(nuget(tmp_path, "", HUB), tmp_path, "")
    with pytest.raises(InvalidConfigError, match="no source is named"):
        push_registry(nuget(tmp_path, USUAL.replace('"hub"', '"other"'), HUB), tmp_path, "")
    with pytest.raises(UnsupportedError, match="is encrypted"):
        push_registry(nuget(tmp_path, f"{USUAL}{KEYS}", HUB), tmp_path, "")


def test_a_source_that_outrider_was_told_of_takes_packages_of_nuget(tmp_path: Path) -> None:
    own = tmp_path / ".config/outrider/packages.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[registries]\nnuget = "https://own.test/index.json"\n')
    (tmp_path / ".netrc").write_text("machine own.test login ana password secret\n")
    found = push_registry({"HOME": str(tmp_path), "NUGET_COMMON_APPLICATION_DATA": str(tmp_path)}, tmp_path, "")
    assert (found.url, shown(found)) == ("https://own.test/index.json", basic("ana", "secret"))


MAVEN_SERVERS = element(
    "servers",
    *(element("server", fields(id=one, username="ana", password=f"of-{one}")) for one in ("hub", "own", "snapshots")),
)


def maven(properties: str = "") -> MavenSettings:
    """Return settings with properties of an active profile."""
    profile = element("profiles", element("profile", fields(id="p"), element("properties", properties)))
    home = Path.cwd()
    (home / ".m2").mkdir(exist_ok=True)
    (home / ".m2/settings.xml").write_text(
        element("settings", MAVEN_SERVERS, profile, element("activeProfiles", fields(activeProfile="p")))
    )
    return MavenSettings({"HOME": str(home)}, MavenProgram())


OWN = {
    "repository": ("own", "https://own.test/releases"),
    "snapshotRepository": ("snapshots", "https://own.test/snapshots/"),
}


@pytest.mark.parametrize(
    ("properties", "repositories", "registry", "snapshot", "found"),
    [
        (fields(altDeploymentRepository="hub::https://hub.test/maven/"), OWN, "", False, ("https://hub.test/maven", "hub")),
        (fields(altDeploymentRepository="hub::default::https://hub.test/maven"), {}, "", True, ("https://hub.test/maven", "hub")),
        (fields(altSnapshotDeploymentRepository="hub::https://hub.test"), OWN, "", False, ("https://own.test/releases", "own")),
        (fields(altSnapshotDeploymentRepository="hub::https://hub.test"), OWN, "", True, ("https://hub.test", "hub")),
        ("", OWN, "", True, ("https://own.test/snapshots", "snapshots")),
        ("", {"repository": OWN["repository"]}, "", True, ("https://own.test/releases", "own")),
        ("", OWN, "https://own.test/snapshots", False, ("https://own.test/snapshots", "snapshots")),
        (fields(altDeploymentRepository="hub::https://hub.test"), {}, "https://hub.test/", False, ("https://hub.test", "hub")),
    ],
)  # fmt: skip
def test_maven_goes_where_settings_and_then_the_pom_say(
    properties: str, repositories: dict[str, tuple[str, str]], registry: str, snapshot: bool, found: tuple[str, str]
) -> None:  # fmt: skip
    chosen = deploy_registry(maven(properties), {}, repositories, registry, snapshot=snapshot)
    assert (chosen.url, shown(chosen)) == (found[0], basic("ana", f"of-{found[1]}"))


def test_maven_that_goes_nowhere_is_told() -> None:
    with pytest.raises(InvalidConfigError, match="no repository is named"):
        deploy_registry(maven(), {"HOME": "/nowhere"}, {}, "", snapshot=False)
    with pytest.raises(InvalidConfigError, match="no repository is named"):
        deploy_registry(maven(), {}, {"repository": ("own", "${where}")}, "", snapshot=False)
    with pytest.raises(InvalidConfigError, match="names no repository") as caught:
        deploy_registry(maven(fields(altDeploymentRepository="ftp://ana:secret@a.test")), {}, {}, "", snapshot=False)
    assert "secret" not in f"{caught.value.body()}"
    assert shown(deploy_registry(maven(), {}, OWN, "https://other.test", snapshot=False)) == ""
