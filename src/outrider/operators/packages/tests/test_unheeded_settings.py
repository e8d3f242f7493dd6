"""What clients are told of whom they ask and cannot be heeded is refused, with where it stands."""

from pathlib import Path

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.maven.settings import refuse_arguments
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.sessions import Terms, question_of
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.yarn.classic_settings import refuse_classic


def ask(client: str, folder: Path, environment: dict[str, str]) -> None:
    environment = {"HOME": str(folder / "home"), **environment}
    if client == "npm":
        NpmSettings(environment, folder, NpmProgram(registry="https://own.test/x")).registry_for("a")
    elif client == "maven":
        refuse_arguments(environment, folder / "module")
    elif client == "yarn":
        refuse_classic(folder, environment)
    elif client == "gem":
        GemSettings(environment, folder, folder / "none")
    else:
        NugetSettings(environment, folder)


@pytest.mark.parametrize(
    ("client", "file", "text", "found"),
    [
        ("npm", ".npmrc", "cert=x", "cert"),
        ("npm", ".npmrc", "//own.test/x/:certfile=/x", "//own.test/x/:certfile"),
        ("npm", ".npmrc", "_auth=x", "_auth"),
        ("npm", ".npmrc", "_authToken=x", "_authToken"),
        ("maven", ".mvn/maven.config", "-s\nmine.xml", "-s"),
        ("maven", ".mvn/maven.config", "--settings=mine.xml", "--settings=mine.xml"),
        ("yarn", ".yarnrc", 'registry "https://x.test"', "registry"),
        ("yarn", "home/.yarnrc", '"@own:registry" "https://x.test"', "@own:registry"),
        ("gem", "home/.gemrc", "gem: --clear-sources --source https://x.test\n", "gem"),
        ("gem", "home/.gemrc", ":ssl_client_cert: /x\n", ":ssl_client_cert"),
        ("gem", ".bundle/config", 'BUNDLE_SSL_CLIENT_CERT: "/x"\n', "ssl_client_cert"),
    ],
)
def test_settings_in_files(tmp_path: Path, client: str, file: str, text: str, found: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    (tmp_path / "Gemfile").write_text("")
    path.write_text(text)
    with pytest.raises(UnsupportedError) as caught:
        ask(client, tmp_path, {})
    assert (caught.value.found, str(path) in caught.value.message) == (found, True)
    assert caught.value.suggestions


@pytest.mark.parametrize(
    ("client", "name", "value"),
    [
        ("npm", "npm_config_key", "x"),
        ("maven", "MAVEN_ARGS", "-B -gs mine.xml"),
        ("yarn", "YARN_REGISTRY", "https://x.test"),
        ("nuget", "RestoreSources", "https://x.test"),
    ],
)
def test_settings_in_variables(tmp_path: Path, client: str, name: str, value: str) -> None:
    with pytest.raises(UnsupportedError, match=name):
        ask(client, tmp_path, {name: value})


def test_what_says_nothing_of_registries_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / ".mvn").mkdir()
    (tmp_path / ".mvn" / "maven.config").write_text("-B\n-T2C\n-Dstyle.color=never\n")
    (tmp_path / ".yarnrc").write_text('yarn-path ".yarn/x.js"\nsave-prefix ""\n')
    for client in ("npm", "maven", "yarn", "gem"):
        ask(client, tmp_path, {"MAVEN_ARGS": "-q"})


@pytest.mark.parametrize(
    ("ecosystem", "name"),
    [
        ("pypi", "UV_OFFLINE"),
        ("npm", "npm_config_offline"),
        ("cargo", "CARGO_NET_OFFLINE"),
        ("composer", "COMPOSER_DISABLE_NETWORK"),
    ],
)
def test_variables_that_say_that_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ecosystem: str, name: str
) -> None:
    for value, offline in (("1", True), ("true", True), ("false", False)):
        monkeypatch.setenv(name, value)
        with question_of(context(tmp_path), ecosystem, [], Terms(), folder=tmp_path) as question:
            assert question.offline is offline


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("PIP_CONSTRAINT=c.txt", "PIP_CONSTRAINT"),
        ("constraint = c.txt", "constraint"),
        ("PIP_UPLOADED_PRIOR_TO=P3D", "PIP_UPLOADED_PRIOR_TO"),
        ("PIP_NO_BINARY=:all:", "PIP_NO_BINARY"),
        ("pre = true", "pre"),
        ("PIP_NO_DEPS=1", "PIP_NO_DEPS"),
    ],
)
async def test_settings_by_which_pip_would_choose_otherwise(
    index: PythonIndex, ask: Asking, tmp_path: Path, said: str, found: str
) -> None:
    index.add("web", "1.0")
    if "_" in said:
        name, _, value = said.partition("=")
        ask.environment[name] = value
    else:
        path = tmp_path / "pip.conf"
        path.write_text(f"[global]\n{said}\n")
        ask.environment["PIP_CONFIG_FILE"] = str(path)
    with pytest.raises(UnsupportedError) as caught:
        await ask.resolved("web")
    assert caught.value.found == found


async def test_settings_by_which_pip_would_choose_the_same(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    ask.environment |= {"PIP_PRE": "0", "PIP_NO_BINARY": ":none:", "PIP_ONLY_BINARY": ":all:", "PIP_NO_DEPS": "off"}
    assert await ask.pins("web") == ["web==1.0"]


@pytest.mark.parametrize(
    "said", ["min-release-age=900", "before=2020-01-01", "tag=next", "legacy-peer-deps=true", "force=true"]
)
async def test_settings_by_which_npm_would_choose_otherwise(tmp_path: Path, said: str) -> None:
    key, _, value = said.partition("=")
    async with NpmRegistry() as registry:
        registry.add("web@1.0.0")
        ask = NpmAsking(tmp_path, registry.url)
        (tmp_path / ".npmrc").write_text(f"{said}\n")
        with pytest.raises(UnsupportedError, match="changes what npm would choose") as caught:
            await ask.resolved("web")
        assert caught.value.path == key
        (tmp_path / ".npmrc").write_text("legacy-peer-deps=false\nbefore=null\ntag=latest\n")
        assert await ask.tree("web") == ["web@1.0.0"]
        ask.environment[f"npm_config_{key.replace('-', '_')}"] = value
        with pytest.raises(UnsupportedError, match="changes what npm would choose"):
            await ask.resolved("web")
