"""Maven; its plugins are on the machine, so that nothing but what is looked at comes from the registry."""

import shutil

import pytest

from outrider.operators.packages.tests.clients.table import PASSWORD, Bench, shows
from outrider.operators.packages.tests.maven_poms import dependency, element, fields, parts, pom
from outrider.operators.packages.tests.running_registry import Ran, run
from outrider.ports.http.client import Client
from tests.peers.environments import CHECKOUT

MAVEN = ("mvn", "--batch-mode", "--no-transfer-progress")
# The tests of the resolver use it too.
PLUGINS = CHECKOUT / ".cache" / "maven-peer"
DEPLOY = "org.apache.maven.plugins:maven-deploy-plugin:3.1.1"
DEPENDENCY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
# What is compiled here runs a few seconds.
QUICK = {"MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


async def plugins() -> str:
    """Return the address of a repository with the plugins that are used here; they are fetched once."""
    if shutil.which("mvn") is None:
        pytest.skip("mvn is missing: apt-get install maven")
    done = PLUGINS / "deploy-3.1.1-and-dependency-3.6.1"
    if not done.is_file():
        goals = [f"{DEPLOY}:help", f"{DEPENDENCY}:help"]
        ran = await run(*MAVEN, *goals, f"-Dmaven.repo.local={PLUGINS}", folder=PLUGINS.with_name("maven-home"))
        assert ran.status == 0, ran.output
        done.touch()
    return PLUGINS.as_uri()


class Maven:
    """Maven with an empty home and an empty local repository.

    Args:
        bench: Has the registry.
        plugins: The address of a repository with plugins.
    """

    def __init__(self, bench: Bench, plugins: str) -> None:
        self._bench, self._plugins = bench, plugins
        self.local = bench.folder / "local"

    def settings(self, token: str = "", name: str = "__token__") -> None:
        """Write settings in which the registry is a repository, with what is shown to it."""
        server = fields(id="hub", username=name, password=token)
        mirror = fields(id="plugins", mirrorOf="central", url=self._plugins)
        repository = element("repository", fields(id="hub", url=f"{self._bench.url}/maven/"))
        profile = element("profile", fields(id="hub"), element("repositories", repository))
        self.write(
            "settings.xml", element("settings", element("servers", element("server", server)) if token else "", element("mirrors", element("mirror", mirror)),
            element("profiles", profile), element("activeProfiles", fields(activeProfile="hub"))),
        )  # fmt: skip

    def write(self, path: str, content: str) -> None:
        """Write a file."""
        (self._bench.folder / path).write_text(content)

    async def run(self, *arguments: str) -> Ran:
        """Run Maven."""
        where = ["--settings", "settings.xml", f"-Dmaven.repo.local={self.local}"]
        return await self._bench.run(*MAVEN, *where, *arguments, environment=QUICK)

    async def deploy(self, content: str = "jar", coordinates: str = "com.acme:web:1.0") -> Ran:
        """Deploy a file with a POM."""
        self.write("web.jar", content)
        self.write("web.xml", pom(coordinates))
        where = ["-DrepositoryId=hub", f"-Durl={self._bench.url}/maven/"]
        return await self.run(f"{DEPLOY}:deploy-file", "-Dfile=web.jar", "-DpomFile=web.xml", *where)

    def project(self, *needs: str) -> None:
        """Write a project that needs something."""
        self.write("pom.xml", pom("own:shop:1", parts([dependency(one) for one in needs])))

    async def install(self) -> Ran:
        """Have what the project needs in the folder `libraries`."""
        return await self.run(f"{DEPENDENCY}:copy-dependencies", "-DoutputDirectory=libraries")

    def installed(self) -> list[str]:
        """Return what is there."""
        return sorted(one.name for one in (self._bench.folder / "libraries").iterdir())


async def maven(bench: Bench) -> Maven:
    """Return Maven with a token."""
    made = Maven(bench, await plugins())
    made.settings(await bench.token())
    return made


async def deployed(bench: Bench, *versions: str) -> None:
    """Deploy versions without Maven."""
    client, headers = Client(bench.url), {"authorization": f"Bearer {await bench.token()}"}
    for version in versions:
        for name, body in (
            (f"web-{version}.jar", f"jar {version}"),
            (f"web-{version}.pom", pom(f"com.acme:web:{version}")),
        ):
            path = f"/maven/com/acme/web/{version}/{name}"
            answer = await client.request("PUT", path, headers=headers, body=body.encode())
            assert answer.status == 201, answer.content
    await client.close()


@shows("Maven", "publish")
async def maven_deploys(bench: Bench) -> None:
    client = await maven(bench)
    ran = await client.deploy()
    assert ran.status == 0, ran.output
    changed = await client.deploy("another")
    assert "web-1.0.jar was published already, with another content" in changed.output


@shows("Maven", "install")
async def maven_installs(bench: Bench) -> None:
    client = await maven(bench)
    await deployed(bench, "1.0", "1.1")
    client.project("com.acme:web:[1.0,2.0)")
    ran = await client.install()
    assert ran.status == 0, ran.output
    assert client.installed() == ["web-1.1.jar"]
    assert "Checksum" not in ran.output


@shows("Maven", "log in")
async def maven_shows_a_token_or_a_password(bench: Bench) -> None:
    client = await maven(bench)
    await bench.user()
    await deployed(bench, "1.0")
    bench.registry.close_to_nobody()
    client.project("com.acme:web:1.0")
    client.settings(PASSWORD, "ana")
    ran = await client.install()
    assert ran.status == 0, ran.output
    client.settings("outrider_wrong")
    ran = await client.deploy()
    assert "there is no such token" in ran.output
