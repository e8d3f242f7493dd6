"""Cargo."""

from pathlib import Path

from outrider.operators.packages.tests.clients.table import Bench, shows

REGISTRY = ("--registry", "ours")


class _Cargo:
    """Cargo with a home of its own, and a crate that is published."""

    def __init__(self, bench: Bench, token: str) -> None:
        self._bench = bench
        self._variables = {"CARGO_HOME": str(bench.folder / "cargo"), "CARGO_REGISTRIES_OURS_TOKEN": token}
        (bench.folder / "cargo").mkdir()
        (bench.folder / "cargo" / "config.toml").write_text(
            f'[registries.ours]\nindex = "sparse+{bench.url}/cargo/index/"\n'
            '[registry]\nglobal-credential-providers = ["cargo:token"]\n'
        )
        (bench.folder / "src").mkdir()
        (bench.folder / "src" / "lib.rs").write_text("pub fn one() -> u8 { 1 }\n")

    def crate(self, version: str, name: str = "acme-web") -> None:
        (self._bench.folder / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\ndescription = "x"\nlicense = "MIT"\n'
            'publish = ["ours"]\n[features]\nfast = []\n'
        )

    async def done(self, *arguments: str, folder: Path | None = None) -> str:
        return await self._bench.done("cargo", *arguments, folder=folder, environment=self._variables)

    async def refused(self, *arguments: str) -> str:
        ran = await self._bench.run("cargo", *arguments, environment=self._variables)
        assert ran.status != 0, ran.output
        return ran.output

    async def publish(self, *versions: str) -> None:
        for version in versions:
            self.crate(version)
            await self.done("publish", *REGISTRY, "--allow-dirty", "--no-verify")

    def user(self) -> Path:
        """Return the folder of a crate that needs the published one."""
        folder = self._bench.folder.parent / "user"
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "main.rs").write_text('fn main() { println!("{}", acme_web::one()); }\n')
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "user"\nversion = "1.0.0"\nedition = "2021"\n'
            '[dependencies]\nacme-web = { version = "1", registry = "ours", features = ["fast"] }\n'
        )
        return folder


def locked(folder: Path) -> str:
    """Return the version of the published crate that a lock has."""
    return (folder / "Cargo.lock").read_text().split('name = "acme-web"')[1].split('"')[1]


@shows("Cargo", "publish")
async def cargo_publishes(bench: Bench) -> None:
    cargo = _Cargo(bench, await bench.token())
    await cargo.publish("1.0.0")
    assert "already exists" in await cargo.refused("publish", *REGISTRY, "--allow-dirty", "--no-verify")
    cargo.crate("9.9.9", "serde")
    assert "private" in await cargo.refused("publish", *REGISTRY, "--allow-dirty", "--no-verify")


@shows("Cargo", "install")
async def cargo_builds(bench: Bench) -> None:
    cargo = _Cargo(bench, await bench.token())
    await cargo.publish("1.0.0", "1.1.0")
    user = cargo.user()
    assert await cargo.done("run", "-q", folder=user) == "1\n"
    assert locked(user) == "1.1.0"


@shows("Cargo", "search")
async def cargo_searches(bench: Bench) -> None:
    cargo = _Cargo(bench, await bench.token())
    await cargo.publish("1.0.0")
    assert 'acme-web = "1.0.0"    # x' in await cargo.done("search", *REGISTRY, "acme_we")


@shows("Cargo", "take back")
async def cargo_yanks(bench: Bench) -> None:
    cargo = _Cargo(bench, await bench.token())
    await cargo.publish("1.0.0", "1.1.0")
    await cargo.done("yank", *REGISTRY, "acme-web@1.1.0")
    user = cargo.user()
    await cargo.done("generate-lockfile", folder=user)
    assert locked(user) == "1.0.0"
    await cargo.done("yank", "--undo", *REGISTRY, "acme-web@1.1.0")
    await cargo.done("update", folder=user)
    assert locked(user) == "1.1.0"


@shows("Cargo", "log in")
async def cargo_shows_a_token(bench: Bench) -> None:
    cargo = _Cargo(bench, await bench.token())
    await cargo.publish("1.0.0")
    bench.registry.close_to_nobody()
    user = cargo.user()
    await cargo.done("generate-lockfile", folder=user)
    (user / "Cargo.lock").unlink()
    wrong = {"CARGO_HOME": str(bench.folder / "cargo"), "CARGO_REGISTRIES_OURS_TOKEN": "wrong"}
    refused = await bench.run("cargo", "generate-lockfile", folder=user, environment=wrong)
    assert refused.status != 0
