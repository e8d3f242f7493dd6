"""Settings in a repository say where packages are, and take nothing of the machine that updates it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import UnauthenticatedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.npm.settings import expanded, variables_in
from outrider.operators.packages.pypi import session as pypi_session
from outrider.operators.packages.pypi.details import PackageIndex, PypiDetails
from outrider.operators.packages.pypi.pipenv.indexes import pipfile_indexes
from outrider.operators.packages.registries.downloads import Downloads, opened_downloads
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.strangers import laid_out_folder, refuse_in_the_clear
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.maven_poms import dependency, element, fields, parts, pom
from outrider.operators.packages.tests.nuget_feed import config as nuget_config
from outrider.operators.packages.updating.files import is_needed
from outrider.operators.packages.updating.strangers.machine import Machine
from outrider.operators.packages.updating.strangers.objecting import objection_to
from outrider.ports.clock import SystemClock

TAKEN = {
    "TOKEN": "secret",
    "CARGO_REGISTRIES_ACME_TOKEN": "secret",
    "YARN_NPM_AUTH_TOKEN": "secret",
    "BUN_CONFIG_TOKEN": "secret",
    "NuGetPackageSourceCredentials_variable": "Username=ana;Password=secret",
}


def named(name: str, url: str) -> str:
    """Return a repository of Maven."""
    return element("repositories", element("repository", fields(id=name, url=url)))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    server = "".join(
        element("server", fields(id=one, username="ana", password="secret")) for one in ("ours", "mirrored")
    )
    mirror = element("mirrors", element("mirror", fields(id="near", mirrorOf="mirrored", url="https://near.example")))
    profile = element(
        "profile", fields(id="own"), named("ours", "https://maven.example/ours"), element("properties", fields(login="secret"))
    )  # fmt: skip
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        element("settings", element("servers", server), mirror, element("profiles", profile))
    )
    login = '<packageSourceCredentials><corp><add key="Username" value="ana" /></corp></packageSourceCredentials>'
    (tmp_path / ".nuget" / "NuGet").mkdir(parents=True)
    own = nuget_config("corp=https://nuget.example/ours/index.json", more=login)
    (tmp_path / ".nuget" / "NuGet" / "NuGet.Config").write_text(own)
    return Machine({"HOME": str(tmp_path), **TAKEN})


@pytest.mark.parametrize(
    ("path", "text", "about"),
    [
        (".npmrc", "registry=https://npm.example/${TOKEN}/", "the variable TOKEN"),
        (".npmrc", "//npm.example/:_authToken=${TOKEN?}", "the variable TOKEN"),
        (".npmrc", "//${TOKEN}.npm.example/:_authToken=x", "the variable TOKEN"),
        ("site/.npmrc", "; ours\nhttps-proxy = http://proxy.example:1", "https-proxy"),
        (".npmrc", "cafile=/etc/passwd", "cafile"),
        (".npmrc", "userconfig=/root/.npmrc", "userconfig"),
        (".yarnrc.yml", 'npmScopes: {acme: {npmRegistryServer: "https://npm.example/${TOKEN:-x}"}}', "the variable TOKEN"),
        (".yarnrc.yml", "npmRegistryServer: https://npm.example", "npmRegistryServer"),
        (".yarnrc.yml", "npmRegistryServer: https://npm.example\nnpmAuthToken: theirs", "npmRegistryServer"),
        ("bunfig.toml", '[install]\nregistry = {url = "https://npm.example", token = "$TOKEN"}', "the variable TOKEN"),
        ("site/bunfig.toml", '[install.scopes]\nacme = "$TOKEN"', "the variable TOKEN"),
        ("bunfig.toml", '[install]\nregistry = "https://npm.example"', "the BUN_CONFIG_TOKEN of this machine"),
        (".cargo/config.toml", '[registries.acme]\nindex = "sparse+https://crates.example/"', "registries.acme.index"),
        (".cargo/config", '[registries.Acme]\nindex = "sparse+https://crates.example/"', "registries.Acme.index"),
        ("app/.cargo/config.toml", '[http]\nproxy = "proxy.example:1"', "http.proxy"),
        ("app/.cargo/config.toml", '[http]\ncainfo = "Cargo.lock"', "http.cainfo"),
        ("NuGet.Config", nuget_config("Corp=https://nuget.example/index.json"), "the source corp"),
        ("app/nuget.config", nuget_config("variable=https://nuget.example/index.json"), "the source variable"),
        ("nuget.config", nuget_config("new=https://nuget.example/%TOKEN%/index.json"), "the variable TOKEN"),
        ("nuget.config", nuget_config(more='<config><add key="http_proxy" value="http://x" /></config>'), "config.http_proxy"),
        ("nuget.config", "<configuration>", "cannot be read"),
        (".yarnrc.yml", "npmScopes: {acme: {npmRegistryServer: http://npm.example}}", "no encryption"),
        ("pom.xml", pom("own:shop:1", parts([dependency("g:${TOKEN}:1")])), "the variable TOKEN"),
        ("web/pom.xml", pom("own:shop:1", parts([dependency("g:a:${env.TOKEN}")])), "the variable TOKEN"),
        ("pom.xml", pom("own:shop:1", parts([dependency("g:a:${login}")])), "the variable login"),
        ("pom.xml", pom("own:shop:1", named("ours", "https://maven.example/else")), "the repository ours"),
        ("pom.xml", pom("own:shop:1", element("profiles", element("profile", named("ours", "https://other.example")))), "the repository ours"),
        ("pom.xml", pom("own:shop:1", named("${a}", "https://other.example")), "the repository ${a}"),
        ("Pipfile", '[[source]]\nname = "own"\nurl = "https://ana:${TOKEN}@pypi.example/simple"', "the variable TOKEN"),
        ("app/Pipfile", '[[source]]\nname = "own"\nurl = "https://pypi.example/$TOKEN"', "the variable TOKEN"),
        # What cannot be read says nothing, and so nothing is known of where packages are.
        (".yarnrc.yml", "a: [", "cannot be read"),
        (".cargo/config.toml", "[http", "cannot be read"),
        ("Pipfile", "[[source", "cannot be read"),
        ("bunfig.toml", "install = 1", "cannot be read"),
    ],
)  # fmt: skip
def test_what_would_be_taken_is_told(machine: Machine, path: str, text: str, about: str) -> None:
    found = objection_to(path, text, machine)
    assert found is not None
    assert about in found.why
    assert "secret" not in found.why


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".npmrc", "registry=https://npm.example/\n@acme:registry=https://acme.example/${UNSET}\n//npm.example/:_authToken=theirs"),
        (".npmrc", "registry=https://npm.example/\\${TOKEN}"),
        (".npmrc", "# ${TOKEN}\nsave-exact=true"),
        (".yarnrc.yml", "nodeLinker: node-modules\nnpmScopes: {acme: {npmRegistryServer: https://npm.example}}"),
        (".yarnrc.yml", "npmScopes: {acme: {npmRegistryServer: http://127.0.0.1:4873}}"),
        ("bunfig.toml", '[install.scopes]\nacme = {url = "https://npm.example", token = "theirs"}\nother = "$UNSET"'),
        (".cargo/config.toml", '[registries.other]\nindex = "sparse+https://crates.example/"\n[build]\njobs = 2'),
        (".cargo/config.toml", '[source.crates-io]\nreplace-with = "acme"'),
        ("NuGet.Config", nuget_config("corp=https://nuget.example/ours/index.json", "new=https://nuget.example/%UNSET%/index.json")),
        ("Pipfile", '[[source]]\nname = "own"\nurl = "https://${UNSET}@pypi.example"\n[scripts]\nshow = "echo $TOKEN"'),
        ("package.json", '{"name": "${TOKEN}"}'),
        ("pom.xml", pom("own:shop:1", named("ours", "https://maven.example/ours"), parts([dependency("g:a:${project.version}")]))),
        ("pom.xml", pom("own:shop:1", named("theirs", "https://other.example"), parts([dependency("g:a:${env.UNSET}")]))),
        ("pom.xml", pom("own:shop:1", named("mirrored", "https://other.example"))),
        ("notes.npmrc", "proxy=${TOKEN}"),
    ],
)  # fmt: skip
def test_what_takes_nothing_counts(machine: Machine, path: str, text: str) -> None:
    assert objection_to(path, text, machine) is None


def test_a_variable_that_is_given_may_be_had(machine: Machine) -> None:
    text = "//npm.example/:_authToken=${TOKEN}"
    assert objection_to(".npmrc", text, machine._replace(given=["TOKEN"])) is None
    scope = '[install.scopes]\nacme = {url = "https://npm.example", token = "$TOKEN"}'
    assert objection_to("bunfig.toml", scope, machine._replace(given=["TOKEN"])) is None


def test_a_token_goes_where_its_own_settings_lead(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").write_text('[registries.acme]\nindex = "sparse+https://crates.example/"')
    (tmp_path / ".yarnrc.yml").write_text("npmRegistryServer: https://npm.example")
    cargo = '[registries.acme]\nindex = "sparse+https://{}.example"'
    assert objection_to(".cargo/config.toml", cargo.format("crates"), machine) is None
    assert objection_to(".cargo/config.toml", cargo.format("other"), machine) is not None
    assert objection_to(".yarnrc.yml", "npmRegistryServer: https://npm.example", machine) is None
    assert objection_to(".yarnrc.yml", "npmRegistryServer: https://other.example", machine) is not None
    named = machine._replace(environment={**machine.environment, "BUN_CONFIG_REGISTRY": "https://own.example"})
    assert objection_to("bunfig.toml", '[install]\nregistry = "https://npm.example"', named) is None


def test_it_concerns_the_projects_below(machine: Machine) -> None:
    npm = objection_to("site/.npmrc", "proxy=x", machine)
    cargo = objection_to("app/.cargo/config.toml", '[http]\nproxy = "x"', machine)
    assert npm is not None
    assert cargo is not None
    locks = ["package-lock.json", "site/package-lock.json", "site/a/yarn.lock", "site/Cargo.lock", "app/Cargo.lock"]
    assert [path for path in locks if npm.concerns(path)] == locks[1:3]
    assert [path for path in locks if cargo.concerns(path)] == locks[4:]
    nuget = objection_to("app/NuGet.Config", nuget_config("corp=https://nuget.example"), machine)
    assert nuget is not None
    locks = ["packages.lock.json", "app/packages.lock.json", "app/a/packages.App.lock.json", "app/package-lock.json"]
    assert [path for path in locks if nuget.concerns(path)] == locks[1:3]


@given(text=st.text(alphabet="${}\\?AB ", max_size=20))
def test_every_variable_that_npm_would_put_in_is_found(text: str) -> None:
    names = variables_in(text)
    missing = expanded(text, {})
    for name in set(names):
        assert expanded(text, {name: "found"}) != missing
    assert ("found" in expanded(text, {"A": "found"})) == ("A" in names)


@given(
    text=st.text(max_size=60),
    name=st.sampled_from([".npmrc", ".yarnrc.yml", "bunfig.toml", ".cargo/config", ".cargo/config.toml"]),
)
def test_whatever_stands_in_settings_is_no_fault(text: str, name: str) -> None:
    objection_to(name, text, Machine({}))


@pytest.mark.parametrize(
    "path",
    ["/etc/requirements.txt", "../requirements.txt", "a/../../requirements.txt", "a//requirements.txt", "./Cargo.lock"],
)
def test_a_path_never_leads_out_of_the_folder(path: str) -> None:
    assert not is_needed(path)


SECRET = SecretValue("Bearer secret")


@pytest.mark.parametrize(
    ("url", "is_strangers", "is_refused"),
    [
        ("http://npm.example/", True, True),
        ("http://[2001:db8::1]:4873/", True, True),
        ("https://npm.example/", True, False),
        ("http://localhost:4873/", True, False),
        ("http://[::1]:4873/", True, False),
        # Whoever runs it may have a registry like that.
        ("http://npm.example/", False, False),
    ],
)
async def test_credentials_go_where_nobody_reads_them(
    tmp_path: Path, url: str, is_strangers: bool, is_refused: bool
) -> None:
    folder = laid_out_folder() / "tmp1" if is_strangers else tmp_path
    registry = Registry(url=url.rstrip("/"), source=str(folder / ".npmrc"), authorization=SECRET)
    async with opened_downloads(registry, SystemClock()) as downloads:
        if is_refused:
            with pytest.raises(UnauthenticatedError, match="without encryption"):
                downloads._shown_to(f"{url}core", {})
        else:
            assert downloads._shown_to(f"{url}core", {})[1] == {"authorization": "Bearer secret"}


async def test_nor_are_they_read_where_a_registry_leads_that_a_repository_names() -> None:
    registry = Registry(url="https://evil.example", source=str(laid_out_folder() / "tmp1" / "composer.json"))
    other = Registry(url="http://packages.example", source="auth.json", authorization=SECRET)
    downloads = Downloads(registry, SystemClock(), registry_at=lambda _: other)
    with pytest.raises(UnauthenticatedError, match=r"credentials of this machine for packages\.example"):
        downloads._shown_to("http://packages.example/p.json", {})
    await downloads.close()


def test_a_pipfile_counts_in_its_own_folder_alone(machine: Machine) -> None:
    found = objection_to("app/Pipfile", '[[source]]\nurl = "$TOKEN"', machine)
    assert found is not None
    assert [found.concerns(one) for one in ("app/Pipfile.lock", "app/docs/Pipfile.lock", "Pipfile.lock", "app/uv.lock")] == [
        True, False, False, False,
    ]  # fmt: skip


def test_indexes_that_a_manifest_names_are_those_of_a_stranger(tmp_path: Path) -> None:
    folder = laid_out_folder() / "tmp1"
    (tmp_path / ".netrc").write_text("machine pypi.example login ana password secret\n")
    environment = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    pipfile = Pipfile.read('[[source]]\nname = "own"\nurl = "http://pypi.example/simple"\n')
    [of_pipfile], _ = pipfile_indexes(pipfile, environment, folder)
    question = Question(
        packages=[], details=PypiDetails(indexes=[PackageIndex(name="web", url="http://pypi.example/simple")]), cache=tmp_path, folder=folder,
        environment=environment, clock=SystemClock(), deadline=0.0,
    )  # fmt: skip
    [of_uv] = pypi_session._named(question)["http://pypi.example/simple"]
    for registry in (of_pipfile, of_uv):
        assert registry.authorization is not None
        with pytest.raises(UnauthenticatedError, match="without encryption"):
            refuse_in_the_clear(registry, "http", "pypi.example")
