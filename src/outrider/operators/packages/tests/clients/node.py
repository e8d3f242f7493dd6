"""npm, pnpm and both Yarns."""

import json
import re
from pathlib import Path

from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.clients.table import PASSWORD, Bench, shows
from outrider.operators.packages.tests.running_registry import run_at_terminal
from outrider.operators.packages.tests.test_audit import HIGH, imported
from tests.peers.environments import NODE_CLIENTS, install_node

QUIET = ("--no-audit", "--no-fund", "--no-update-notifier")


def package(bench: Bench, version: str, name: str = "@acme/web", **more: object) -> None:
    """Write a package.json."""
    (bench.folder / "package.json").write_text(json.dumps({"name": name, "version": version, **more}))


def project(bench: Bench, **needs: str) -> None:
    """Write a package.json of who installs."""
    package(bench, "1.0.0", "shop", private=True, dependencies=needs)


async def logged_in(bench: Bench) -> None:
    """Write an .npmrc with the registry and a token."""
    token = await bench.token()
    (bench.folder / ".npmrc").write_text(
        f"registry={bench.url}/npm/\n//{bench.host}/npm/:_authToken={token}\nalways-auth=true\n"
    )


async def published(bench: Bench, *versions: str, description: str = "") -> None:
    """Publish versions of a package with npm."""
    await logged_in(bench)
    for version in versions:
        package(bench, version, description=description)
        await bench.done("npm", "publish", "--no-update-notifier")


def client(name: str) -> Path:
    """Return a program of the Node.js world."""
    return install_node(NODE_CLIENTS) / name


@shows("npm", "publish")
async def npm_publishes(bench: Bench) -> None:
    await published(bench, "1.0.0")
    again = await bench.run("npm", "publish")
    assert "previously published versions" in again.output
    package(bench, "1.1.0")
    await bench.done("npm", "publish", "--tag", "next")
    assert "1.0.0" in await bench.done("npm", "view", "@acme/web", "version")
    await bench.done("npm", "dist-tag", "add", "@acme/web@1.1.0", "beta")
    assert "beta: 1.1.0" in await bench.done("npm", "dist-tag", "ls", "@acme/web")
    await bench.done("npm", "dist-tag", "rm", "@acme/web", "beta")
    package(bench, "1.0.0", "lodash")
    foreign = await bench.run("npm", "publish")
    assert "its name is not among those that are private" in foreign.output


@shows("npm", "install")
async def npm_installs(bench: Bench) -> None:
    await published(bench, "1.0.0", "1.1.0")
    project(bench)
    await bench.done("npm", "install", "@acme/web@^1", *QUIET)
    lock = json.loads((bench.folder / "package-lock.json").read_text())["packages"]["node_modules/@acme/web"]
    assert (lock["version"], lock["resolved"]) == ("1.1.0", f"{bench.url}/npm/@acme/web/-/web-1.1.0.tgz")
    await bench.done("npm", "ci", *QUIET)


@shows("npm", "take back")
async def npm_deprecates_and_takes_back(bench: Bench) -> None:
    await published(bench, "1.0.0", "1.1.0", "1.2.0")
    await bench.done("npm", "deprecate", "@acme/web@1.0.0", "too old")
    assert "too old" in await bench.done("npm", "view", "@acme/web@1.0.0", "deprecated")
    await bench.done("npm", "deprecate", "@acme/web@1.0.0", "")
    assert (await bench.done("npm", "view", "@acme/web@1.0.0", "deprecated")).strip() == ""
    await bench.done("npm", "unpublish", "@acme/web@1.2.0", "--force")
    left = await bench.done("npm", "view", "@acme/web", "versions", "--json")
    assert json.loads(left) == ["1.0.0", "1.1.0"]
    package(bench, "1.2.0", description="another content")
    assert "previously published versions" in (await bench.run("npm", "publish")).output
    await bench.done("npm", "unpublish", "@acme/web", "--force")
    assert "E404" in (await bench.run("npm", "view", "@acme/web")).output


@shows("npm", "search")
async def npm_searches(bench: Bench) -> None:
    await published(bench, "1.0.0", description="a web of things")
    assert [one["name"] for one in json.loads(await bench.done("npm", "search", "things", "--json"))] == ["@acme/web"]
    assert json.loads(await bench.done("npm", "search", "nothing", "--json")) == []
    assert re.search(r"published 20[0-9-]{8} by ana", await bench.done("npm", "search", "things"))


@shows("npm", "log in")
async def npm_logs_in_and_out(bench: Bench) -> None:
    await bench.user()
    bench.registry.close_to_nobody()
    where = ["--registry", f"{bench.url}/npm/"]
    answers = {b"Username: ": "ana", b"Password: ": PASSWORD, b"Email": "ana@example.test"}
    login = ("npm", "login", "--auth-type", "legacy", *where)
    assert "Logged in" in (await run_at_terminal(*login, folder=bench.folder, answers=answers)).output
    assert "ana" in await bench.done("npm", "whoami", *where)
    await bench.done("npm", "logout", *where)
    assert "E401" in (await bench.run("npm", "view", "@acme/web", *where)).output


@shows("npm", "warn")
async def npm_warns_of_vulnerable_packages(bench: Bench) -> None:
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1.0")), name="@acme/web", ecosystem="npm")
    await published(bench, "1.0.0")
    project(bench)
    await bench.done("npm", "install", "@acme/web", *QUIET)
    # Where none are imported it does not say that nothing is wrong.
    assert "found 0 vulnerabilities" not in (await bench.run("npm", "audit")).output
    await imported(bench.registry.folder, record("GHSA-1", bad, severity=[HIGH]))
    audited = json.loads((await bench.run("npm", "audit", "--json")).stdout)
    assert audited["metadata"]["vulnerabilities"]["high"] == 1


@shows("pnpm", "install")
async def pnpm_installs(bench: Bench) -> None:
    await published(bench, "1.0.0", "1.1.0")
    project(bench)
    await bench.done("node", client("pnpm/bin/pnpm.cjs"), "add", "@acme/web@1.0.0")
    assert "1.0.0" in (bench.folder / "node_modules/@acme/web/package.json").read_text()


@shows("pnpm", "publish")
async def pnpm_publishes(bench: Bench) -> None:
    await logged_in(bench)
    package(bench, "1.0.0")
    await bench.done("node", client("pnpm/bin/pnpm.cjs"), "publish", "--no-git-checks")
    assert "1.0.0" in await bench.done("npm", "view", "@acme/web", "version")


@shows("pnpm", "warn")
async def pnpm_warns_of_vulnerable_packages(bench: Bench) -> None:
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1.0")), name="@acme/web", ecosystem="npm")
    await published(bench, "1.0.0")
    project(bench)
    pnpm = ("node", client("pnpm/bin/pnpm.cjs"))
    await bench.done(*pnpm, "add", "@acme/web")
    await imported(bench.registry.folder, record("GHSA-1", bad, severity=[HIGH]))
    assert "1 high" in (await bench.run(*pnpm, "audit")).output


@shows("Yarn 1", "install")
async def yarn_installs(bench: Bench) -> None:
    await published(bench, "1.0.0", "1.1.0")
    project(bench)
    await bench.done("node", client("yarn/bin/yarn.js"), "add", "@acme/web@1.0.0")
    assert f"{bench.url}/npm/@acme/web/-/web-1.0.0.tgz" in (bench.folder / "yarn.lock").read_text()


@shows("Yarn 1", "publish")
async def yarn_publishes(bench: Bench) -> None:
    await logged_in(bench)
    package(bench, "1.0.0")
    await bench.done("node", client("yarn/bin/yarn.js"), "publish", "--new-version", "1.0.0", "--non-interactive")
    assert "1.0.0" in await bench.done("npm", "view", "@acme/web", "version")


async def berry(bench: Bench) -> tuple[str, Path]:
    (bench.folder / ".yarnrc.yml").write_text(
        f"npmRegistryServer: {bench.url}/npm\nnpmAuthToken: {await bench.token()}\nunsafeHttpWhitelist: ['127.0.0.1']\n"
        "nodeLinker: node-modules\nenableTelemetry: false\nnpmMinimalAgeGate: 0\nenableImmutableInstalls: false\n"
    )
    (bench.folder / "yarn.lock").touch()
    return "node", client("@yarnpkg/cli-dist/bin/yarn.js")


@shows("Yarn 4", "install")
async def yarn_4_installs(bench: Bench) -> None:
    await published(bench, "1.0.0", "1.1.0")
    project(bench)
    await bench.done(*await berry(bench), "add", "@acme/web@1.0.0")
    assert "1.0.0" in (bench.folder / "node_modules/@acme/web/package.json").read_text()


@shows("Yarn 4", "publish")
async def yarn_4_publishes(bench: Bench) -> None:
    await logged_in(bench)
    package(bench, "1.0.0")
    yarn = await berry(bench)
    await bench.done(*yarn, "install")
    await bench.done(*yarn, "npm", "publish")
    assert "1.0.0" in await bench.done("npm", "view", "@acme/web", "version")


@shows("Yarn 4", "warn")
async def yarn_4_warns_of_vulnerable_packages(bench: Bench) -> None:
    bad = affected(ecosystem_range(("introduced", "0"), ("fixed", "1.1.0")), name="@acme/web", ecosystem="npm")
    await published(bench, "1.0.0")
    project(bench)
    yarn = await berry(bench)
    await bench.done(*yarn, "add", "@acme/web@1.0.0")
    await imported(bench.registry.folder, record("GHSA-1", bad, severity=[HIGH]))
    assert "GHSA-1" in (await bench.run(*yarn, "npm", "audit")).output
