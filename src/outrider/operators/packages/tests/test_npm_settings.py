"""Where npm packages come from, by the settings of npm and by what it comes with."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.operators.packages.npm.program import NpmProgram, npm_program
from outrider.operators.packages.npm.settings import NpmSettings, expanded

HOST = "https://packages.example"
PROGRAM = NpmProgram(registry="https://default.example/")


def settings(folder: Path, text: str = "", program: NpmProgram = PROGRAM, **environment: str) -> NpmSettings:
    (folder / ".npmrc").write_text(text)
    return NpmSettings(
        {"HOME": str(folder / "home"), "npm_config_globalconfig": os.devnull, **environment}, folder, program
    )


def authorization(found: NpmSettings, name: str = "a") -> str | None:
    secret = found.registry_for(name).authorization
    return None if secret is None else secret.reveal()


def test_the_default_is_npms_own(tmp_path: Path) -> None:
    assert settings(tmp_path).registry_for("a").url == "https://default.example"
    with pytest.raises(MissingRequirementError, match="no registry of npm"):
        settings(tmp_path, program=NpmProgram()).registry_for("a")


def test_what_counts_more(tmp_path: Path) -> None:
    for name in ("home", "etc", "npm"):
        (tmp_path / name).mkdir()
    (tmp_path / "npm/npmrc").write_text("registry=https://builtin.example")
    program = NpmProgram(folder=str(tmp_path / "npm"), prefix=str(tmp_path))
    environment = {"HOME": str(tmp_path / "home")}
    project = tmp_path / "project/deep"
    project.mkdir(parents=True)

    def url() -> str:
        return NpmSettings(environment, project, program).registry_for("a").url

    assert url() == "https://builtin.example"
    (tmp_path / "etc/npmrc").write_text("registry=https://machine.example")
    assert url() == "https://machine.example"
    (tmp_path / "home/.npmrc").write_text("registry = 'https://user.example/'")
    assert url() == "https://user.example"
    (tmp_path / "project/package.json").write_text("{}")
    (tmp_path / "project/.npmrc").write_text(
        "; no\n# no\nregistry=https://project.example/npm/ ; ours\n[x]\nregistry=no"
    )
    assert url() == "https://project.example/npm"
    environment["NPM_CONFIG_REGISTRY"] = "https://variable.example"
    assert url() == "https://variable.example"


def test_other_files_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(f"registry={HOST}")
    assert settings(tmp_path, npm_config_userconfig=str(tmp_path / "mine")).registry_for("a").url == HOST
    assert settings(tmp_path, NPM_CONFIG_GLOBALCONFIG=str(tmp_path / "mine")).registry_for("a").url != ""


def test_scopes_have_their_own_registry(tmp_path: Path) -> None:
    found = settings(tmp_path, f"@mine:registry={HOST}/mine\nregistry={HOST}")
    assert found.registry_for("@mine/a").url == f"{HOST}/mine"
    assert found.registry_for("@other/a").url == HOST


def test_variables_in_files(tmp_path: Path) -> None:
    found = settings(tmp_path, f"registry={HOST}\n//packages.example/:_authToken=${{TOKEN}}", TOKEN="t")
    assert authorization(found) == "Bearer t"
    assert expanded("${A}${B}${B?}\\${A}", {"A": "x"}) == "x${B}${A}"


def test_credentials_of_the_longest_path(tmp_path: Path) -> None:
    password = b64encode(b"p:w").decode()
    text = f"""registry={HOST}/a/b/
//packages.example/:_authToken=host
//packages.example/a/:username=u
//packages.example/a/:_password={password}
//packages.example/a/b/c/:_authToken=deeper
//other.example/a/b/:_authToken=other
@s:registry={HOST}:8443/
//packages.example:8443:_auth=YTpi
"""
    found = settings(tmp_path, text)
    assert authorization(found) == f"Basic {b64encode(b'u:p:w').decode()}"
    assert authorization(found, "@s/a") == "Basic YTpi"
    assert authorization(settings(tmp_path, "registry=https://none.example")) is None
    assert "p:w" not in repr(found.registry_for("a"))


def test_a_password_that_is_no_base64(tmp_path: Path) -> None:
    text = f"registry={HOST}\n//packages.example/:username=u\n//packages.example/:_password=ä"
    with pytest.raises(InvalidConfigError, match="is no base64"):
        settings(tmp_path, text).registry_for("a")


def test_authorities_and_proxies(tmp_path: Path) -> None:
    text = f"registry={HOST}\ncafile=/ca.pem\nproxy=http://one.example:1\nhttps-proxy=http://two.example:2\nnoproxy=inner.example\n@s:registry=http://inner.example"
    found = settings(tmp_path, text)
    registry = found.registry_for("a")
    assert (registry.authorities, registry.proxy) == (Path("/ca.pem"), "http://two.example:2")
    assert found.registry_for("@s/a").proxy == ""


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfigError, match="npm's settings cannot be read"):
        NpmSettings({"HOME": "/"}, tmp_path, PROGRAM)


async def test_the_program_is_asked_once(tmp_path: Path) -> None:
    folder = tmp_path / "lib/node_modules/npm"
    defaults = folder / "node_modules/npm-registry-fetch/lib/default-opts.js"
    for path in (defaults, folder / "bin/npm-cli.js", tmp_path / "bin/node"):
        path.parent.mkdir(parents=True, exist_ok=True)
    defaults.write_text(f"module.exports = {{\n  registry: '{HOST}/',\n}}\n")
    (folder / "package.json").write_text('{"version": "11.2.3"}')
    (folder / "bin/npm-cli.js").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bin/npm-cli.js").chmod(0o755)
    (tmp_path / "bin/npm").symlink_to(folder / "bin/npm-cli.js")
    node = tmp_path / "bin/node"
    node.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\necho v22.1.0\n")
    node.chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:/bin:/usr/bin"}
    for _ in range(2):
        found = await npm_program(environment, tmp_path / "cache")
        assert (found.registry, found.version, found.node, found.prefix) == (
            f"{HOST}/",
            "11.2.3",
            "22.1.0",
            str(tmp_path),
        )
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert await npm_program({"PATH": str(tmp_path / "none")}, tmp_path / "cache") == NpmProgram()


async def test_npm_is_asked_where_its_code_does_not_say(tmp_path: Path) -> None:
    program = tmp_path / "bin/npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = config ] && echo {HOST}/ || echo 9.9.9\n')
    program.chmod(0o755)
    found = await npm_program({"PATH": f"{tmp_path}/bin"}, tmp_path / "cache")
    assert (found.registry, found.version, found.node) == (f"{HOST}/", "9.9.9", "")
