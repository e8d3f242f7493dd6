"""Publishing by clients that others wrote, and what they are told where they may not."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from outrider.operators.packages.serving.accounts import kept_password
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Account
from outrider.operators.packages.tests.running_registry import Ran, RunningRegistry, run, run_at_terminal
from outrider.operators.packages.tests.wheels import Wheel
from tests.peers.environments import PROGRAMS, install

pytestmark = pytest.mark.real
NOBODY: Mapping[str, str] = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PIP_CONFIG_FILE": os.devnull}


def wheel(folder: Path, version: str = "1.0", project: str = "acme-web") -> Path:
    made = Wheel(project=project, version=version, python=">=3.8")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / made.name
    path.write_bytes(made.packed())
    return path


async def test_twine_and_uv_publish_and_pip_and_uv_install(tmp_path: Path) -> None:
    uv, twine = install("uv", PROGRAMS["uv"]) / "uv", install("twine", PROGRAMS["twine"]) / "twine"
    client = tmp_path / "client"
    async with RunningRegistry(
        tmp_path, NOBODY, cache_only=True, ecosystems=["pypi"], private=["pypi:acme-*"]
    ) as registry:
        token = await registry.token("read", "publish")
        where = ["--repository-url", f"{registry.url}/pypi/legacy/", "--non-interactive", "-u", "__token__"]

        async def upload(file: Path, password: str) -> Ran:
            return await run(twine, "upload", *where, "-p", password, file, folder=client)

        wrong = await upload(wheel(client), "outrider_wrong")
        assert wrong.status != 0
        assert "there is no such token" in wrong.output
        first = await upload(wheel(client), token)
        assert first.status == 0, first.output
        assert (await upload(wheel(client), token)).status == 0  # the same bytes again
        changed = wheel(client / "other")
        changed.write_bytes(Wheel(project="acme-web", version="1.0", python=">=3.9").packed())
        again = await upload(changed, token)
        assert "File already exists" in again.output
        foreign = await upload(wheel(client, project="requests"), token)
        assert "its name is not among those that are private" in foreign.output
        other = await run(
            uv,
            "publish",
            "--publish-url",
            f"{registry.url}/pypi/legacy/",
            "--token",
            token,
            wheel(client, "2.0"),
            folder=client,
        )
        assert other.status == 0, other.output
        index = f"{registry.url}/pypi/simple/"
        for tool in (
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--target",
                "one",
                "--index-url",
                index,
            ],
            [str(uv), "pip", "install", "--python", sys.executable, "--target", "two", "--index-url", index],
        ):
            found = await run(*tool, "acme_web", folder=client)
            assert found.status == 0, found.output
        assert {one.name for one in client.glob("*/acme_web-2.0.dist-info")} == {"acme_web-2.0.dist-info"}
        assert len([*client.glob("*/acme_web.py")]) == 2


async def test_who_may_not_read_is_asked_for_a_password(tmp_path: Path) -> None:
    client = tmp_path / "client"
    async with RunningRegistry(
        tmp_path,
        NOBODY,
        ecosystems=["pypi", "npm", "cargo"],
        private=["pypi:acme-*", "npm:@acme/*", "cargo:acme-*"],
        anonymous="none",
    ) as registry:
        publisher = await registry.token("read", "publish")
        reader = await registry.token("read", patterns=["pypi:acme-web"])
        twine = install("twine", PROGRAMS["twine"]) / "twine"
        for project in ("acme-web", "acme-core"):
            sent = await run(
                twine, "upload", "--repository-url", f"{registry.url}/pypi/legacy/", "-u", "__token__", "-p", publisher,
                wheel(client, project=project), folder=client,
            )  # fmt: skip
            assert sent.status == 0, sent.output
        host = registry.url.removeprefix("http://")

        async def pip(login: str, project: str) -> Ran:
            index = f"http://{login}{host}/pypi/simple/"
            where = [
                "--disable-pip-version-check",
                "--no-input",
                "--index-url",
                index,
                "--target",
                "t",
                "--no-cache-dir",
            ]
            return await run(sys.executable, "-m", "pip", "install", *where, project, folder=client)

        assert (await pip("", "acme-web")).status != 0
        assert (await pip("__token__:outrider_x@", "acme-web")).status != 0
        assert (await pip(f"__token__:{reader}@", "acme-web")).status == 0
        assert "No matching distribution" in (await pip(f"__token__:{reader}@", "acme-core")).output
        npm = await run("npm", "view", "@acme/web", "--registry", f"{registry.url}/npm/", folder=client)
        assert "E401" in npm.output


async def test_npm_publishes_tags_deprecates_searches_and_takes_back(tmp_path: Path) -> None:
    client = tmp_path / "client"
    client.mkdir()
    async with RunningRegistry(
        tmp_path, NOBODY, cache_only=True, ecosystems=["npm"], private=["npm:@acme/*"]
    ) as registry:
        token = await registry.token("read", "publish")
        host = registry.url.removeprefix("http:")
        (client / ".npmrc").write_text(
            f"registry={registry.url}/npm/\n{host}/npm/:_authToken={token}\nupdate-notifier=false\n"
        )

        async def npm(*arguments: str, status: int = 0) -> str:
            ran = await run("npm", *arguments, folder=client)
            assert (ran.status != 0) == (status != 0), ran.output
            return ran.output

        def version(text: str) -> None:
            (client / "package.json").write_text(
                f'{{"name": "@acme/web", "version": "{text}", "description": "a web of things", "dependencies": {{}}}}'
            )

        version("1.0.0")
        await npm("publish")
        assert "previously published versions" in await npm("publish", status=1)
        version("1.1.0")
        await npm("publish", "--tag", "next")
        assert "ana" in await npm("whoami")
        assert "1.0.0" in await npm("view", "@acme/web", "version")
        await npm("dist-tag", "add", "@acme/web@1.1.0", "beta")
        assert "beta: 1.1.0" in await npm("dist-tag", "ls", "@acme/web")
        await npm("dist-tag", "rm", "@acme/web", "beta")
        await npm("deprecate", "@acme/web@1.0.0", "too old")
        assert "too old" in await npm("view", "@acme/web@1.0.0", "deprecated")
        assert "@acme/web" in await npm("search", "things", "--json")
        version("1.2.0")
        await npm("publish")
        await npm("unpublish", "@acme/web@1.2.0", "--force")
        assert "1.1.0" in await npm("view", "@acme/web", "versions", "--json")
        assert "1.2.0" not in await npm("view", "@acme/web", "versions", "--json")
        (client / "package.json").write_text('{"name": "shop", "version": "1.0.0"}')
        await npm("install", "@acme/web@next", "--no-audit", "--no-fund")
        assert (client / "node_modules/@acme/web/package.json").is_file()
        (client / "package.json").write_text('{"name": "lodash", "version": "1.0.0"}')
        assert "its name is not among those that are private" in await npm("publish", status=1)


async def test_npm_logs_in_and_out(tmp_path: Path) -> None:
    client = tmp_path / "client"
    async with RunningRegistry(tmp_path, NOBODY, cache_only=True, ecosystems=["npm"], anonymous="none") as registry:
        store = Store(tmp_path / "registry")
        await store.write(lambda tables: tables.put_user(Account("ana", kept_password("correct horse"), "read", [])))
        await store.close()
        where = ["--registry", f"{registry.url}/npm/"]
        answers = {b"Username: ": "ana", b"Password: ": "correct horse", b"Email": "ana@example.test"}
        logged = await run_at_terminal("npm", "login", "--auth-type", "legacy", *where, folder=client, answers=answers)
        assert "Logged in" in logged.output, logged.output
        assert "ana" in (await run("npm", "whoami", *where, folder=client)).output
        assert (await run("npm", "logout", *where, folder=client)).status == 0
        assert (await run("npm", "whoami", *where, folder=client)).status != 0


async def test_cargo_publishes_yanks_and_searches(tmp_path: Path) -> None:
    client = tmp_path / "client"
    (client / "src").mkdir(parents=True)
    (client / "src" / "lib.rs").write_text("pub fn one() -> u8 { 1 }\n")
    async with RunningRegistry(
        tmp_path, NOBODY, cache_only=True, ecosystems=["cargo"], private=["cargo:acme-*"]
    ) as registry:
        token = await registry.token("read", "publish")
        (client / "home").mkdir()
        (client / "home" / "config.toml").write_text(
            f'[registries.ours]\nindex = "sparse+{registry.url}/cargo/index/"\n'
            '[registry]\nglobal-credential-providers = ["cargo:token"]\n'
        )

        async def cargo(*arguments: str, status: int = 0, folder: Path = client) -> str:
            variables = {"CARGO_HOME": str(client / "home"), "CARGO_REGISTRIES_OURS_TOKEN": token}
            ran = await run("cargo", *arguments, folder=folder, environment=variables)
            assert (ran.status != 0) == (status != 0), ran.output
            return ran.output

        def manifest(name: str, version: str, more: str = "") -> str:
            return (
                f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\ndescription = "x"\nlicense = "MIT"\n'
                f'publish = ["ours"]\n{more}'
            )

        (client / "Cargo.toml").write_text(manifest("acme-web", "1.0.0", "[features]\nfast = []\n"))
        await cargo("publish", "--registry", "ours", "--allow-dirty", "--no-verify")
        assert "already exists" in await cargo(
            "publish", "--registry", "ours", "--allow-dirty", "--no-verify", status=1
        )
        (client / "Cargo.toml").write_text(manifest("acme-web", "1.1.0", "[features]\nfast = []\n"))
        await cargo("publish", "--registry", "ours", "--allow-dirty", "--no-verify")
        assert "acme-web" in await cargo("search", "--registry", "ours", "acme")
        await cargo("yank", "--registry", "ours", "acme-web@1.1.0")
        user = tmp_path / "user"
        (user / "src").mkdir(parents=True)
        (user / "src" / "main.rs").write_text('fn main() { println!("{}", acme_web::one()); }\n')
        needs = '[dependencies]\nacme-web = { version = "1", registry = "ours", features = ["fast"] }\n'
        (user / "Cargo.toml").write_text(f'[package]\nname = "user"\nversion = "1.0.0"\nedition = "2021"\n{needs}')
        assert "1" in await cargo("run", "-q", folder=user)
        assert 'version = "1.0.0"' in (user / "Cargo.lock").read_text().split("acme-web")[1]
        await cargo("yank", "--undo", "--registry", "ours", "acme-web@1.1.0")
        await cargo("update", folder=user)
        assert 'version = "1.1.0"' in (user / "Cargo.lock").read_text().split("acme-web")[1]
        (client / "Cargo.toml").write_text(manifest("serde", "9.9.9"))
        assert "private" in await cargo("publish", "--registry", "ours", "--allow-dirty", "--no-verify", status=1)
