"""Registries that Outrider was told of: for each ecosystem, where the settings of its own client name none."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, PreconditionFailedError
from outrider.operators.packages.cargo.session import registry_of
from outrider.operators.packages.composer.settings import ComposerSettings, DefaultRepository
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.maven.program import MavenProgram
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.operations import setup
from outrider.operators.packages.operations.setup import SetupParams
from outrider.operators.packages.pypi.settings import pypi_registries
from outrider.operators.packages.registries.own_settings import own_path
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, Ecosystem

Known = Callable[[Mapping[str, str], Path], Awaitable[list[Registry]]]


async def of_cargo(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    return [await registry_of(environment, folder, folder / "cache")]


async def of_composer(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    settings = ComposerSettings(environment, folder, DefaultRepository("usual", "https://usual.test"))
    return [settings.registry(one.url, one.source) for one in settings.places()]


async def of_gem(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    return GemSettings(environment, folder, folder / "none").registries(["https://usual.test"])


async def of_maven(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    del folder
    return [one.registry for one in MavenSettings(environment, MavenProgram()).repositories()]


async def of_npm(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    return [NpmSettings(environment, folder, NpmProgram(registry="https://usual.test")).registry_for("web")]


async def of_nuget(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    return [one.registry for one in NugetSettings(environment, folder).sources]


async def of_pypi(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    return pypi_registries(environment, folder)


KNOWN: dict[Ecosystem, Known] = {
    "cargo": of_cargo, "composer": of_composer, "gem": of_gem, "maven": of_maven, "npm": of_npm, "nuget": of_nuget, "pypi": of_pypi,
}  # fmt: skip
# What the clients' own settings say, as files in the home or the project, and as variables.
NATIVE: dict[Ecosystem, dict[str, str]] = {
    "cargo": {"project/.cargo/config.toml": '[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+https://native.test"\n'},
    "composer": {"project/composer.json": '{"repositories": [{"type": "composer", "url": "https://native.test"}, {"usual": false}]}'},
    "gem": {".gemrc": ":sources: ['https://native.test']\n"},
    "maven": {".m2/settings.xml": "<settings><mirrors><mirror><id>a</id><mirrorOf>*</mirrorOf><url>https://native.test</url></mirror></mirrors></settings>"},
    "npm": {"project/.npmrc": "registry=https://native.test\n", "project/package.json": "{}"},
    "nuget": {"project/nuget.config": '<configuration><packageSources><add key="a" value="https://native.test/index.json" /></packageSources></configuration>'},
    "pypi": {".config/pip/pip.conf": "[global]\nindex-url = https://native.test\n"},
}  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "project").mkdir()
    return {
        "HOME": str(tmp_path), "PATH": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path / ".config"), "XDG_CONFIG_DIRS": str(tmp_path / "none"),
        "VIRTUAL_ENV": str(tmp_path), "CARGO_HOME": str(tmp_path / "cargo"),
    }  # fmt: skip


async def told(environment: Mapping[str, str], ecosystem: Ecosystem, url: str) -> dict[str, str]:
    with variables(environment):
        found = await setup.run(SetupParams(ecosystem=ecosystem, url=url), context(Path(environment["HOME"])))
    return found.registries


@pytest.mark.parametrize("ecosystem", KNOWN)
async def test_it_counts_before_the_usual_one_and_after_what_the_client_is_told(
    environment: dict[str, str], tmp_path: Path, ecosystem: Ecosystem
) -> None:
    assert set(KNOWN) == set(ECOSYSTEMS)
    await told(environment, ecosystem, "https://own.test/index.json")
    (tmp_path / ".netrc").write_text("machine own.test login ana password secret\n")
    [found] = await KNOWN[ecosystem](environment, tmp_path / "project")
    assert (found.url, found.source) == ("https://own.test/index.json", str(own_path(environment)))
    assert found.authorization is not None
    for name, text in NATIVE[ecosystem].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    first = (await KNOWN[ecosystem](environment, tmp_path / "project"))[0]
    assert (first.url.startswith("https://native.test"), first.authorization) == (True, None)


async def test_one_that_is_named_nowhere_is_an_error_with_the_command(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(MissingRequirementError) as caught:
        await of_nuget(environment, tmp_path / "project")
    assert "outrider packages setup nuget https://HOST/PATH" in caught.value.suggestions


async def test_addresses_are_set_changed_and_forgotten(environment: dict[str, str], tmp_path: Path) -> None:
    assert await told(environment, "pypi", "https://a.test/simple") == {"pypi": "https://a.test/simple"}
    await told(environment, "cargo", "sparse+https://b.test/index/")
    assert await told(environment, "pypi", "https://c.test") == {
        "pypi": "https://c.test",
        "cargo": "sparse+https://b.test/index/",
    }
    assert [one.url for one in await of_cargo(environment, tmp_path / "project")] == ["https://b.test/index"]
    assert await told(environment, "pypi", "") == {"cargo": "sparse+https://b.test/index/"}


async def test_a_plan_is_for_the_file_as_it_was(environment: dict[str, str], tmp_path: Path) -> None:
    asked = SetupParams(ecosystem="pypi", url="https://a.test")
    with variables(environment):
        change = await setup.plan(asked, context(tmp_path))
    assert [(one.path, one.before, one.after) for one in change.difference] == [
        ("registries.pypi", None, "https://a.test")
    ]
    assert not own_path(environment).exists()
    await told(environment, "npm", "https://b.test")
    with variables(environment), pytest.raises(PreconditionFailedError):
        await setup.run(asked, context(tmp_path, preconditions=dict(change.preconditions)))


@pytest.mark.parametrize(
    "url",
    [
        "https://ana:secret@a.test", "ftp://a.test", "nothing", "https://", f"file://{os.sep}srv", "https://a.test/\nx", "https://a.test/a b",
        "https://a.test/x?token=secret", "https://a.test/#secret",
    ],
)  # fmt: skip
async def test_what_is_no_address_or_has_credentials_is_not_kept(environment: dict[str, str], url: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await told(environment, "pypi", url)
    assert "secret" not in f"{caught.value} {caught.value.found} {caught.value.suggestions}"
    assert "correct it in url" not in caught.value.suggestions
    assert not own_path(environment).exists()


@pytest.mark.parametrize("text", ["[registries\n", "registries = 1\n", "[registries]\npypi = 1\n"])
async def test_a_file_that_cannot_be_read_is_named(environment: dict[str, str], tmp_path: Path, text: str) -> None:
    path = own_path(environment)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(InvalidConfigError, match=r"packages\.toml") as caught:
        await of_pypi(environment, tmp_path / "project")
    # Nobody else writes this file.
    assert "outrider packages setup" in f"{caught.value.suggestions}"
