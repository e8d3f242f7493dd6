"""Versions of npm that were taken back: where `latest` goes, and what clients that others wrote choose then."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from outrider.operators.packages.npm.serving.documents import LONG, build
from outrider.operators.packages.operations import registry_yank
from outrider.operators.packages.operations.registry_yank import RegistryYankParams
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.serving.tables import Release
from outrider.operators.packages.serving.upstreams import Contents
from outrider.operators.packages.tests.clients.node import QUIET, berry, client, project, published
from outrider.operators.packages.tests.clients.table import ALONE, PRIVATE, Bench
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context

VERSIONS = ("1.0.0", "1.1.0", "2.0.0", "3.0.0-beta")


def release(version: str, yanked: str | None) -> Release:
    said = {"name": "web", "version": version, "dist": {"tarball": "https://hub.test/web.tgz"}}
    return Release(
        file=f"web-{version}.tgz", version=version, digest="", size=1, said=json.dumps(said).encode(), published=1.0, publisher="ana",
        yanked=yanked,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("latest", "taken_back", "shown"),
    [
        ("2.0.0", (), "2.0.0"),
        ("2.0.0", ("2.0.0",), "1.1.0"),
        ("2.0.0", ("2.0.0", "1.1.0"), "1.0.0"),
        ("2.0.0", ("1.1.0",), "2.0.0"),
        ("1.0.0", ("1.0.0",), "2.0.0"),
        ("2.0.0", ("1.0.0", "1.1.0", "2.0.0"), "3.0.0-beta"),
        ("2.0.0", VERSIONS, "2.0.0"),
    ],
)
def test_latest_goes_to_what_was_not_taken_back(latest: str, taken_back: Sequence[str], shown: str) -> None:
    releases = [release(one, "it loses data" if one in taken_back else None) for one in VERSIONS]
    tags = {"latest": latest, "old": "1.0.0"}
    documents = build("https://hub.test", "web", Contents(None, releases, tags), ADMIT_ALL).documents
    [document] = [json.loads(one.content) for one in documents if one.type == LONG]
    assert document["dist-tags"] == {"latest": shown, "old": "1.0.0"}
    assert set(document["versions"]) == set(VERSIONS)


async def taken_back(bench: Bench, version: str, *, undo: bool = False) -> None:
    folder = bench.registry.folder
    params = RegistryYankParams(
        ecosystem="npm", name="@acme/web", version=version, folder=str(folder / "registry"), undo=undo
    )
    await registry_yank.run(params, context(folder))


async def chosen(bench: Bench, spec: str) -> dict[str, str]:
    """Return which version each client takes."""
    commands = {
        "npm": ("npm", "install", spec, *QUIET), "pnpm": ("node", client("pnpm/bin/pnpm.cjs"), "add", spec),
        "Yarn 1": ("node", client("yarn/bin/yarn.js"), "add", spec), "Yarn 4": (*await berry(bench), "add", spec),
    }  # fmt: skip
    found = {}
    for name, command in commands.items():
        # For a minute clients use what they have.
        for left in ("node_modules", "home"):
            shutil.rmtree(bench.folder / left, ignore_errors=True)
        for lock in ("package-lock.json", "pnpm-lock.yaml", "yarn.lock"):
            (bench.folder / lock).unlink(missing_ok=True)
        project(bench)
        if name == "Yarn 4":
            (bench.folder / "yarn.lock").touch()
        await bench.done(*command)
        manifest = (bench.folder / "node_modules/@acme/web/package.json").read_text()
        found[name] = json.loads(manifest)["version"]
    return found


@pytest.mark.real
@pytest.mark.timeout(240)
async def test_what_clients_choose_where_a_version_was_taken_back(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, ALONE, cache_only=True, private=PRIVATE) as registry:
        bench = Bench(tmp_path, registry)
        await published(bench, "1.0.0", "1.1.0", "2.0.0")
        await taken_back(bench, "2.0.0")
        clients = ("npm", "pnpm", "Yarn 1", "Yarn 4")
        assert await chosen(bench, "@acme/web") == dict.fromkeys(clients, "1.1.0")
        await taken_back(bench, "2.0.0", undo=True)
        await taken_back(bench, "1.1.0")
        # Where a range leaves `latest` out, Yarn 1 takes the newest version of the range, whatever is said against it.
        assert await chosen(bench, "@acme/web@^1") == {**dict.fromkeys(clients, "1.0.0"), "Yarn 1": "1.1.0"}
        assert await chosen(bench, "@acme/web@1.1.0") == dict.fromkeys(clients, "1.1.0")
        assert await bench.done("npm", "view", "@acme/web", "dist-tags.latest") == "2.0.0\n"
