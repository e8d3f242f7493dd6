"""Composer. It has no command to publish: archives are sent as any client of HTTP sends a file."""

import json
import os
from pathlib import Path
from typing import Any

from outrider.core.http.messages import Response
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.clients.table import PASSWORD, Bench, shows
from outrider.operators.packages.tests.composer_archives import archive
from outrider.operators.packages.tests.running_registry import Ran
from outrider.operators.packages.tests.test_audit import HIGH, imported
from outrider.ports.http.client import Client

QUIET = ("--no-interaction", "--no-ansi")


class Php:
    """A project of who installs with Composer.

    Args:
        bench: With the registry.
        token: That packages are published with.
    """

    def __init__(self, bench: Bench, token: str = "") -> None:
        self._bench, self._token = bench, token
        self.folder = bench.folder / "shop"
        self.variables = {"COMPOSER_HOME": str(bench.folder / "composer"), "COMPOSER_ALLOW_SUPERUSER": "1"}
        self.project()

    def project(self, **fields: Any) -> None:
        """Write a composer.json, in which the registry stands in the place of the repository that Composer comes with."""
        self.folder.mkdir(exist_ok=True)
        repositories = [{"type": "composer", "url": f"{self._bench.url}/composer"}, {"packagist": False}]
        said = {"repositories": repositories, "config": {"secure-http": False}, **fields}
        (self.folder / "composer.json").write_text(json.dumps(said))

    async def put(self, content: bytes, query: str = "") -> Response:
        """Publish an archive."""
        client = Client(self._bench.url)
        try:
            fields = {"authorization": f"Bearer {self._token}"}
            return await client.request("PUT", f"/composer{query}", headers=fields, body=content)
        finally:
            await client.close()

    async def published(self, spec: str, **fields: Any) -> None:
        """Publish a package, which must be taken."""
        answer = await self.put(archive(spec, **fields))
        assert answer.status == 201, answer.content

    async def run(self, *arguments: str | Path) -> Ran:
        """Run Composer in the project."""
        return await self._bench.run("composer", *arguments, *QUIET, folder=self.folder, environment=self.variables)

    async def done(self, *arguments: str | Path) -> str:
        """Run Composer, which must end well, and return all that it says."""
        ran = await self.run(*arguments)
        assert ran.status == 0, ran.output
        return ran.output

    async def refused(self, *arguments: str | Path) -> str:
        """Run Composer, which must not end well, and return all that it says."""
        ran = await self.run(*arguments)
        assert ran.status != 0, ran.output
        return ran.output

    def locked(self) -> dict[str, str]:
        """Return the versions of the lock, by name."""
        lock = json.loads((self.folder / "composer.lock").read_text())
        return {one["name"]: one["version"] for one in lock["packages"]}

    async def called(self, name: str) -> str:
        """Return what the function of an installed package returns."""
        code = f"require 'vendor/autoload.php'; echo {name.replace('/', '_')}();"
        return await self._bench.done("php", "-r", code, folder=self.folder, environment=self.variables)


@shows("Composer", "install")
async def composer_installs(bench: Bench) -> None:
    php = Php(bench, await bench.token())
    await php.published("acme/core 1.4")
    for version in ("1.0", "1.1", "2.0-RC1"):
        await php.published(f"acme/web {version}", require={"acme/core": "^1.2"})
    assert "Installing acme/web (1.1)" in await php.done("require", "acme/web")
    assert php.locked() == {"acme/core": "1.4", "acme/web": "1.1"}
    assert await php.called("acme/web") == "1.1"
    # By the lock, with nothing that was kept.
    for one in ("shop/vendor", "composer"):
        await bench.done("rm", "-r", bench.folder / one)
    await php.done("install")
    assert await php.called("acme/core") == "1.4"
    await php.done("require", "acme/web:^2@RC")
    assert php.locked()["acme/web"] == "2.0-RC1"


@shows("Composer", "search")
async def composer_searches(bench: Bench) -> None:
    php = Php(bench, await bench.token())
    await php.published("acme/web 1.0")
    await php.published("acme/core 1.0", description="the heart of things")
    found = (await php.run("search", "heart", "of")).stdout
    assert (found.split()[0], "the heart of things" in found) == ("acme/core", True)
    assert "acme/web" in await php.done("search", "--only-name", "web")
    assert "acme" in await php.done("search", "--only-vendor", "acm")
    shown = await php.done("show", "--available", "acme/web")
    assert ("a web of things" in shown, "versions : 1.0" in shown) == (True, True), shown


@shows("Composer", "log in")
async def composer_logs_in(bench: Bench) -> None:
    php = Php(bench, await bench.token())
    await php.published("acme/web 1.0")
    await bench.user()
    bench.registry.close_to_nobody()
    refused = await php.refused("require", "acme/web")
    assert "required authentication (HTTP 401)" in refused
    await php.done("config", "--global", f"http-basic.{bench.host}", "ana", PASSWORD)
    await php.done("require", "acme/web")
    assert await php.called("acme/web") == "1.0"
    await php.done("config", "--global", "--unset", f"http-basic.{bench.host}")
    # What Composer has in its cache it takes for as good as what is refused.
    php.variables["COMPOSER_CACHE_DIR"] = os.devnull
    token = await bench.registry.token("read", patterns=["composer:acme/core"])
    php.variables["COMPOSER_AUTH"] = json.dumps({"bearer": {bench.host: token}})
    assert "composer acme/web: ana may not read it" in await php.refused("update")
    token = await bench.registry.token("read")
    php.variables["COMPOSER_AUTH"] = json.dumps(
        {"http-basic": {bench.host: {"username": "__token__", "password": token}}}
    )
    await php.done("update")


@shows("Composer", "warn")
async def composer_warns_of_vulnerable_packages(bench: Bench) -> None:
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1")), name="acme/web", ecosystem="Packagist")
    php = Php(bench, await bench.token())
    for one in ("acme/web 1.0", "acme/web 1.1", "acme/old 1.0"):
        await php.published(one, **({"abandoned": "acme/web"} if "old" in one else {}))
    required = await php.done("require", "acme/web:1.0", "acme/old")
    assert "Package acme/old is abandoned, you should avoid using it. Use acme/web instead." in required
    # Where none are imported it does not say that nothing is wrong.
    assert "Failed to audit" in required
    assert "No security vulnerability advisories found" not in await php.refused("audit")
    await imported(bench.registry.folder, record("CVE-2026-1", bad, severity=[HIGH]))
    audited = json.loads((await php.run("audit", "--format=json")).stdout)
    [found] = audited["advisories"]["acme/web"]
    assert (found["cve"], found["affectedVersions"]) == ("CVE-2026-1", "<1.1.0.0-stable")
    assert "Found 1 security vulnerability advisory affecting 1 package" in await php.done("update")
    assert "No security vulnerability advisories found" in await php.done("require", "acme/web:1.1")
