"""nuget.exe, which runs with Mono."""

import pytest

from outrider.operators.packages.tests.clients.table import PASSWORD, Bench, shows
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.nuget_files import BOUNDARY, NugetFile, form
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.operators.packages.tests.running_registry import Ran
from outrider.ports.http.client import Client
from tests.peers.environments import install_node


class Nuget:
    """nuget.exe with an empty home.

    Args:
        bench: Has the registry.

    Attributes:
        folder: In which it runs.
        url: Of the service index.
    """

    def __init__(self, bench: Bench) -> None:
        install_node()
        program = nuget_program()
        if program is None:
            pytest.skip("mono is missing: apt-get install mono-runtime")
        self._bench, self._program, self.folder = bench, program, bench.folder
        self.url = f"{bench.url}/nuget/v3/index.json"
        self.settings()

    def settings(self, user: str = "", password: str = "") -> None:
        """Write settings in which the registry is the only source, with what is shown to it."""
        shown = "".join(
            f'<add key="{key}" value="{value}" />'
            for key, value in (("Username", user), ("ClearTextPassword", password))
        )
        login = f"<packageSourceCredentials><hub>{shown}</hub></packageSourceCredentials>" if password else ""
        text = config(f"hub={self.url}", more=login).replace("<packageSources>", "<packageSources><clear />")
        (self.folder / "NuGet.Config").write_text(text)

    async def run(self, *arguments: str) -> Ran:
        """Run it."""
        return await self._bench.run(*self._program, *arguments, "-NonInteractive", "-Source", "hub")

    async def done(self, *arguments: str) -> str:
        """Run it, which must end well."""
        ran = await self.run(*arguments)
        assert ran.status == 0, ran.output
        return ran.output

    async def pack(self, spec: str, *needs: str) -> str:
        """Pack `NAME@VERSION`, and return the name of the file."""
        name, _, version = spec.partition("@")
        made = NugetFile(name=name, version=version, needs=list(needs))
        (self.folder / f"{name}.nuspec").write_bytes(made.nuspec())
        (self.folder / "files").mkdir(exist_ok=True)
        (self.folder / "files" / "readme.txt").write_text(spec)
        await self._bench.done(*self._program, "pack", f"{name}.nuspec", "-BasePath", "files", "-NonInteractive")
        return f"{name}.{version}.nupkg"

    async def push(self, file: str, token: str) -> str:
        """Return what it says to a push."""
        return (await self.run("push", file, "-ApiKey", token)).output

    async def install(self, name: str, *arguments: str) -> list[str]:
        """Install, with nothing of what it has kept, and return what is there then."""
        await self.done("install", name, "-OutputDirectory", "packages", "-DirectDownload", "-NoCache", *arguments)
        return sorted(one.name for one in (self.folder / "packages").iterdir())


async def published(bench: Bench, *specs: str) -> None:
    """Publish packages without nuget.exe, each as `NAME@VERSION`."""
    token, client = await bench.token(), Client(bench.url)
    headers = {"x-nuget-apikey": token, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    for spec in specs:
        name, _, version = spec.partition("@")
        needs = ["Acme.Core@1.2.0"] if name == "Acme.Web" else []
        body = form(NugetFile(name=name, version=version, needs=needs).packed())
        answer = await client.request("PUT", "/nuget/v2/package", headers=headers, body=body)
        assert answer.status == 201, answer.content
    await client.close()


@shows("nuget", "publish")
async def nuget_pushes(bench: Bench) -> None:
    nuget, token = Nuget(bench), await bench.token()
    first = await nuget.pack("Acme.Web@1.0.0")
    assert "Your package was pushed" in await nuget.push(first, token)
    assert "what a version is never changes" in await nuget.push(first, token)
    assert "already exists" in await nuget.done("push", first, "-ApiKey", token, "-SkipDuplicate")
    foreign = await nuget.push(await nuget.pack("Serilog@9.0.0"), token)
    assert "its name is not among those that are private" in foreign


@shows("nuget", "install")
async def nuget_installs(bench: Bench) -> None:
    nuget = Nuget(bench)
    await published(
        bench, "Acme.Core@1.2.0", "Acme.Core@1.3.0", "Acme.Web@1.0.0", "Acme.Web@1.1.0", "Acme.Web@2.0.0-rc.1"
    )
    assert await nuget.install("acme.web") == ["Acme.Core.1.2.0", "Acme.Web.1.1.0"]
    assert "Acme.Web.2.0.0-rc.1" in await nuget.install("Acme.Web", "-PreRelease")


@shows("nuget", "search")
async def nuget_searches(bench: Bench) -> None:
    nuget = Nuget(bench)
    await published(bench, "Acme.Web@1.0.0", "Acme.Web@1.1.0-rc.1")
    assert "> Acme.Web | 1.0.0 |" in await nuget.done("search", "things")
    assert "> Acme.Web | 1.1.0-rc.1 |" in await nuget.done("search", "web", "-PreRelease")
    assert "Acme.Web" not in await nuget.done("search", "nothing")


@shows("nuget", "take back")
async def nuget_unlists(bench: Bench) -> None:
    nuget, token = Nuget(bench), await bench.token()
    await published(bench, "Acme.Core@1.2.0", "Acme.Core@1.3.0")
    assert "was deleted successfully" in await nuget.done("delete", "acme.core", "1.3", "-ApiKey", token)
    assert "> Acme.Core | 1.2.0 |" in await nuget.done("search", "core")
    # Who names it gets it all the same; this client takes what is unlisted even where nobody does.
    assert await nuget.install("Acme.Core", "-Version", "1.3") == ["Acme.Core.1.3.0"]
    assert "there is no version 9.0" in (await nuget.run("delete", "Acme.Core", "9.0", "-ApiKey", token)).output


@shows("nuget", "log in")
async def nuget_keeps_a_key_and_shows_a_password(bench: Bench) -> None:
    nuget, token = Nuget(bench), await bench.token()
    await bench.user()
    first = await nuget.pack("Acme.Core@1.2.0")
    assert "there is no such token" in await nuget.push(first, "outrider_wrong")
    await nuget.done("setapikey", token)
    bench.registry.close_to_nobody()
    assert "401" in (await nuget.run("install", "Acme.Core", "-NoCache")).output
    nuget.settings("ana", PASSWORD)
    await nuget.done("push", first)
    assert await nuget.install("Acme.Core") == ["Acme.Core.1.2.0"]
