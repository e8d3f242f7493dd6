"""What Composer and PHP say of this machine."""

import os
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.platforms import ComposerPlatform, is_platform
from outrider.operators.packages.composer.program import ComposerProgram, composer_program
from outrider.operators.packages.tests.composer_native import needs_composer
from outrider.operators.packages.tests.composer_registry import PLATFORM, fake_programs
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock


def paths(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


async def test_composer_is_asked_once_in_a_while(tmp_path: Path) -> None:
    folder, clock = fake_programs(tmp_path / "bin"), ManualClock()
    (folder / "composer").write_text(f"#!/bin/sh\necho x >> {tmp_path}/counted\n" + (folder / "composer").read_text())
    for _ in range(2):
        found = await composer_program(paths(folder), tmp_path / "cache", clock)
        assert found.default == ("default.test", "https://repo.default.test")
        assert (found.platform, found.knows_php, found.knows_composer) == (PLATFORM, True, True)
    assert (tmp_path / "counted").read_text() == "x\nx\n"
    clock.advance(601)
    await composer_program(paths(folder), tmp_path / "cache", clock)
    assert (tmp_path / "counted").read_text() == "x\nx\nx\nx\n"


async def test_other_programs_are_asked_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    fake_programs(tmp_path / "a")
    fake_programs(tmp_path / "b", "https://other.test")
    await composer_program(paths(tmp_path / "a"), tmp_path / "cache", clock)
    found = await composer_program(paths(tmp_path / "b"), tmp_path / "cache", clock)
    assert found.url == "https://other.test"


async def test_they_are_asked_without_settings_of_their_user(tmp_path: Path) -> None:
    folder = fake_programs(tmp_path / "bin")
    (folder / "composer").write_text(f"#!/bin/sh\nenv >> {tmp_path}/seen; pwd >> {tmp_path}/seen\n")
    variables = {"COMPOSER_AUTH": "secret", "COMPOSER_HOME": "/elsewhere", "COMPOSER": "own.json"}
    await composer_program(paths(folder) | variables, tmp_path / "cache", SystemClock())
    seen = (tmp_path / "seen").read_text()
    assert "COMPOSER_HOME=/" in seen
    for value in ("secret", "elsewhere", "own.json", str(Path.cwd())):
        assert value not in seen


async def test_php_without_composer(tmp_path: Path) -> None:
    folder = fake_programs(tmp_path / "bin")
    (folder / "composer").unlink()
    (folder / "php").write_text('#!/bin/sh\necho \'{"php": "8.1.2", "php-64bit": "", "ext-json": "8.1.2"}\'\n')
    # That of this machine is none of the test.
    environment = {"PATH": str(folder)}
    found = await composer_program(environment, tmp_path / "cache", SystemClock())
    assert (found.default, found.platform) == (None, {"php": "8.1.2", "ext-json": "8.1.2"})
    assert (found.knows_php, found.knows_composer) == (True, False)
    platform = ComposerPlatform(found, {})
    assert platform.is_open("lib-curl")
    assert platform.is_open("composer-runtime-api")
    assert not platform.is_open("ext-own")
    assert platform.notes[0].startswith("composer: it is not here, so what is required of Composer")


@pytest.mark.parametrize(
    "script", ["exit 1", "echo nonsense", "echo '[]'", 'echo \'{"platform": [{"name": 3}]}\'', "true"]
)
async def test_programs_that_say_nothing(script: str, tmp_path: Path) -> None:
    folder = fake_programs(tmp_path / "bin")
    for name in ("composer", "php"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    found = await composer_program(paths(folder), tmp_path / "cache", SystemClock())
    assert (found.default, found.platform, found.knows_php) == (None, {}, False)


async def test_where_there_are_none(tmp_path: Path) -> None:
    found = await composer_program({"PATH": str(tmp_path)}, tmp_path / "cache", SystemClock())
    assert (found.default, found.platform, found.seen) == (None, {}, [])


@pytest.mark.parametrize(
    "name",
    ["php", "php-64bit", "hhvm", "ext-json", "ext-zend-opcache", "lib-icu-uc", "composer", "composer-plugin-api"],
)
def test_names_of_the_platform(name: str) -> None:
    assert is_platform(name)


@pytest.mark.parametrize(
    "name", ["acme/web", "php-own", "ext-", "ext-a/b", "composer-own", "phpx", "lib--a", "ext-a\n"]
)
def test_names_of_no_platform(name: str) -> None:
    assert not is_platform(name)


def test_versions_that_are_none() -> None:
    platform = {"php": "8.3.0-dev+own", "ext-a": "1.2.3-own.5 beta", "ext-b": "nonsense", "acme/web": "1.0"}
    program = ComposerProgram(platform=platform, knows_php=True, knows_composer=True)
    found = {one.name: one.version for one in ComposerPlatform(program, {}).candidates}
    assert found == {"php": "8.3.0-dev+own", "ext-a": "1.2.3", "ext-b": "0"}


@pytest.mark.parametrize("overrides", [{"acme/web": "1.0"}, {"php": "nonsense"}])
def test_what_counts_in_its_place_must_be_of_the_platform(overrides: dict[str, str | bool]) -> None:
    with pytest.raises(InvalidConfigError, match=r"config\.platform"):
        ComposerPlatform(ComposerProgram(), overrides)


@pytest.mark.real
@needs_composer
async def test_what_the_programs_of_this_machine_say(tmp_path: Path) -> None:
    found = await composer_program(os.environ, tmp_path, SystemClock())
    assert found.default is not None
    assert found.default.url.startswith("https://")
    assert found.default.url.partition("//")[2].endswith(found.default.name)
    assert {"php", "ext-json", "composer-runtime-api", "composer-plugin-api"} <= found.platform.keys()
