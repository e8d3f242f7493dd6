"""gem and Bundler."""

from pathlib import Path

from outrider.operators.packages.tests.clients.table import PASSWORD, Bench, shows
from outrider.operators.packages.tests.running_registry import run_at_terminal

QUIET = ("--no-document", "--clear-sources")


class Gems:
    """Gems that are built and pushed with gem.

    Args:
        bench: With the registry.
        token: That is shown.
    """

    def __init__(self, bench: Bench, token: str) -> None:
        self._bench, self.url = bench, f"{bench.url}/gem"
        self.variables = {"GEM_HOST_API_KEY": token, "GEM_HOME": str(bench.folder / "gems")}

    async def build(self, spec: str, *lines: str) -> Path:
        """Build `NAME@VERSION`, with further lines of its specification."""
        name, _, version = spec.partition("@")
        folder = self._bench.folder / f"{name}-{version}"
        (folder / "lib").mkdir(parents=True, exist_ok=True)
        (folder / "lib" / f"{name}.rb").write_text(f"puts '{version}'\n")
        said = [
            f's.name = "{name}"',
            f's.version = "{version}"',
            's.summary = "a web of things"',
            's.author = "Ana"',
            *lines,
        ]
        (folder / "it.gemspec").write_text(
            "\n".join(["Gem::Specification.new do |s|", 's.files = ["lib/#{s.name}.rb"]', *said, "end"]).replace(
                "#{s.name}", name
            )
        )
        await self.done("gem", "build", "it.gemspec", "-o", "it.gem", folder=folder)
        return folder / "it.gem"

    async def push(self, spec: str, *lines: str) -> None:
        """Build a gem and push it."""
        await self.done("gem", "push", "--host", self.url, await self.build(spec, *lines))

    async def pushed(self, *arguments: str | Path) -> str:
        """Return what gem says to a push."""
        return (await self._bench.run("gem", "push", "--host", self.url, *arguments, environment=self.variables)).output

    async def done(self, *arguments: str | Path, folder: Path | None = None) -> str:
        """Run a client, which must end well."""
        return await self._bench.done(*arguments, folder=folder, environment=self.variables)

    async def refused(self, *arguments: str | Path, folder: Path | None = None) -> str:
        """Run a client, which must not end well, and return what it says."""
        ran = await self._bench.run(*arguments, folder=folder, environment=self.variables)
        assert ran.status != 0, ran.output
        return ran.output

    async def install(self, *arguments: str) -> str:
        """Install with gem."""
        return await self.done("gem", "install", *QUIET, "--source", f"{self.url}/", *arguments)

    async def search(self, *arguments: str) -> list[str]:
        """Return the lines that gem search says."""
        said = await self.done("gem", "search", "--clear-sources", "--source", f"{self.url}/", *arguments)
        return [one for one in said.splitlines() if one]

    def gemfile(self, *lines: str, source: str = "") -> Path:
        """Return the folder of who installs with Bundler."""
        folder = self._bench.folder / "shop"
        folder.mkdir(exist_ok=True)
        (folder / "Gemfile").write_text("\n".join([f'source "{source or self.url}"', *lines, ""]))
        return folder


@shows("gem", "publish")
async def gem_pushes(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    assert "Successfully registered gem: acme-web (1.0)" in await gems.pushed(await gems.build("acme-web@1.0"))
    again = await gems.pushed(await gems.build("acme-web@1.0", 's.description = "another"'))
    assert "there is one with another content" in again
    assert "which is the same version" in await gems.pushed(await gems.build("acme-web@1.0.0"))
    foreign = await gems.pushed(await gems.build("rake@99.0"))
    assert "its name is not among those that are private" in foreign
    gems.variables["GEM_HOST_API_KEY"] = "outrider_wrong"
    assert "there is no such token" in await gems.pushed(await gems.build("acme-web@1.1"))


@shows("gem", "install")
async def gem_installs(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    await gems.push("acme-core@1.4")
    for version in ("1.0", "1.1", "2.0.rc1"):
        await gems.push(f"acme-web@{version}", 's.add_dependency "acme-core", "~> 1.2"')
    assert "2 gems installed" in await gems.install("acme-web")
    installed = await gems.done("gem", "list", "acme")
    assert ("acme-web (1.1)" in installed, "acme-core (1.4)" in installed) == (True, True)
    await gems.install("acme-web", "--pre")
    assert "2.0.rc1" in await gems.done("gem", "list", "acme-web")


@shows("gem", "search")
async def gem_searches(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    await gems.push("acme-web@1.0")
    await gems.push("acme-web@1.1.rc1")
    await gems.push("acme-web@1.1", 's.platform = "java"')
    assert await gems.search("acme") == ["acme-web (1.1 java, 1.0)"]
    assert await gems.search("acme", "--prerelease") == ["acme-web (1.1.rc1)"]
    assert "a web of things" in "".join(await gems.search("acme", "--details"))
    assert await gems.search("nothing") == []


@shows("gem", "take back")
async def gem_yanks(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    await gems.push("acme-web@1.0")
    await gems.push("acme-web@1.1")
    await gems.push("acme-web@1.1", 's.platform = "java"')
    yank = ("gem", "yank", "--host", gems.url, "acme-web", "-v")
    assert "Successfully deleted gem: acme-web (1.1)" in await gems.done(*yank, "1.1")
    assert await gems.search("acme", "--all") == ["acme-web (1.1 java, 1.0)"]
    await gems.install("acme-web")
    assert "acme-web (1.0)" in await gems.done("gem", "list", "acme-web")
    assert "there is no version 9" in await gems.done(*yank, "9")
    assert "it was taken back" in await gems.pushed(await gems.build("acme-web@1.1"))


@shows("gem", "log in")
async def gem_signs_in(bench: Bench) -> None:
    await bench.user()
    gems = Gems(bench, "")
    bench.registry.close_to_nobody()
    built = await gems.build("acme-web@1.0")
    answers = {
        b"Email:": "ana",
        b"Password:": PASSWORD,
        b"index_rubygems": "y",
        b"push_rubygem": "y",
        b"API Key name": "laptop",
    }
    scopes = ("yank_rubygem", "add_owner", "remove_owner", "access_webhooks", "show_dashboard")
    answers |= {one.encode(): "n" for one in scopes}
    del gems.variables["GEM_HOST_API_KEY"]
    # With --host RubyGems 3.3 asks the public registry whether the user has a second factor.
    signin = ("env", f"RUBYGEMS_HOST={gems.url}", "gem", "signin")
    signed = await run_at_terminal(*signin, folder=bench.folder, answers=answers)
    assert "Signed in with API key: laptop" in signed.output
    assert "Successfully registered gem" in await gems.pushed(built)
    refused = await bench.run(
        "gem", "install", *QUIET, "--source", f"{gems.url}/", "acme-web", environment=gems.variables
    )
    assert "401" in refused.output
    gems.url = f"http://{await bench.registry.token('read')}:@{bench.host}/gem"
    await gems.install("acme-web")


@shows("Bundler", "install")
async def bundler_installs(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    await gems.push("acme-core@1.4")
    await gems.push("acme-web@1.0", 's.add_dependency "acme-core", "~> 1.2"')
    folder = gems.gemfile('gem "acme-web"')
    await gems.done("bundle", "install", folder=folder)
    assert await gems.done("bundle", "exec", "ruby", "-e", "require 'acme-web'", folder=folder) == "1.0\n"
    # What was published since then comes to the end of what it has.
    await gems.push("acme-web@1.1", 's.add_dependency "acme-core", "~> 1.2"')
    await gems.done("bundle", "update", "acme-web", folder=folder)
    assert "acme-web (1.1)" in (folder / "Gemfile.lock").read_text()


@shows("Bundler", "log in")
async def bundler_shows_a_token(bench: Bench) -> None:
    gems = Gems(bench, await bench.token())
    await gems.push("acme-web@1.0")
    bench.registry.close_to_nobody()
    folder = gems.gemfile('gem "acme-web"')
    refused = await bench.run("bundle", "install", folder=folder, environment=gems.variables)
    assert "Authentication is required for 127.0.0.1" in refused.output
    gems.variables["BUNDLE_127__0__0__1"] = f"token:{await bench.registry.token('read')}"
    await gems.done("bundle", "install", folder=folder)
    assert "outrider_" not in (folder / "Gemfile.lock").read_text()
