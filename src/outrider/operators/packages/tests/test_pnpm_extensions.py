"""What a project of pnpm adds to packages counts, and its lock has the checksum of that."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.pnpm.extensions import Extensions, checksum
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_fix_pnpm import PNPM
from outrider.operators.packages.tests.test_lock_writing_npm import project
from outrider.operators.packages.tests.test_lock_writing_pnpm import (
    DRAWN,
    LOCK,
    NAMES,
    NEEDED,
    compared,
    drawn_harder,
    locked,
    settings,
)
from outrider.operators.packages.tests.world import variables

WORKSPACE = """packageExtensions:
  web@^1:
    dependencies: {core: ^1}
  side:
    peerDependencies: {core: "*"}
    peerDependenciesMeta: {core: {optional: true}}
  web@2:
    dependencies: {missing: ^1}
"""


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        with variables(settings(tmp_path, made)):
            made.add("web@1.0.0", "side@1")
            made.add("side@1.0.0")
            made.add("core@1.0.0")
            made.add("core@1.5.0")
            yield made


def test_the_checksum_is_that_of_pnpm() -> None:
    """As pnpm 10.34.8 has written it."""
    said: dict[str, Any] = {
        "debug@4": {"dependencies": {"is-even": "1.0.0"}},
        "is-odd": {"peerDependencies": {"left-pad": "*"}, "peerDependenciesMeta": {"left-pad": {"optional": True}}},
        "is-number@^6": {"optionalDependencies": {"ms": "^2"}},
    }
    assert checksum(said) == "sha256-xtpab7b/OXjMYaBvVCcsNTudfi0llybL3rFWTw8s8lg="
    assert checksum(dict(reversed(said.items()))) == checksum(said)
    assert checksum({}) == ""


@pytest.mark.parametrize(
    ("selector", "version", "expected"),
    [
        ("core", "1.0.0", True),
        ("core@^1", "1.2.0", True),
        ("core@^1", "2.0.0", False),
        ("core@latest", "1.0.0", False),
        ("@acme/core", "1.0.0", False),
        ("other", "1.0.0", False),
    ],
)
def test_which_packages(selector: str, version: str, expected: bool) -> None:
    found = Extensions({selector: {"dependencies": {"side": "^1", "own": "^9"}}}).applied(
        {"name": "core", "version": version, "dependencies": {"own": "^1"}}
    )
    assert found["dependencies"] == ({"side": "^1", "own": "^1"} if expected else {"own": "^1"})


async def test_what_is_added_is_needed(registry: NpmRegistry, tmp_path: Path) -> None:
    path = project(tmp_path, dependencies={"web": "1"}).with_name(LOCK)
    path.with_name("pnpm-workspace.yaml").write_text(WORKSPACE)
    await locked(tmp_path)
    text = path.read_text()
    assert "\npackageExtensionsChecksum: sha256-" in text
    assert "  web@1.0.0:\n    dependencies:\n      core: 1.5.0\n      side: 1.0.0(core@1.5.0)\n" in text
    said = {"pnpm": {"packageExtensions": {"web": {"dependencies": {"core": "1.0.0"}}}}}
    project(tmp_path, dependencies={"web": "1"}, **said)
    await locked(tmp_path)
    assert "      core: 1.0.0\n      side: 1.0.0\n" in path.read_text()


async def test_a_fix_keeps_what_is_added(registry: NpmRegistry, tmp_path: Path) -> None:
    path = project(tmp_path, dependencies={"web": "1"}).with_name(LOCK)
    path.with_name("pnpm-workspace.yaml").write_text(WORKSPACE)
    await locked(tmp_path)
    before = path.read_text()
    registry.add("core@1.6.0")
    # Of what came just now nothing is kept yet.
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.6.0")))
    assert (await PNPM.fixed(tmp_path)).fixed == 1
    head = before.partition("importers:")[0]
    assert path.read_text().startswith(head)
    assert "core@1.5.0" not in path.read_text()


@pytest.mark.parametrize(
    "text",
    ["packageExtensions: 1", "packageExtensions: {core: 1}", "packageExtensions: {core: {dependencies: [side]}}"],
)
async def test_what_cannot_be_read(registry: NpmRegistry, tmp_path: Path, text: str) -> None:
    path = project(tmp_path, dependencies={"web": "1"})
    path.with_name("pnpm-workspace.yaml").write_text(text)
    with pytest.raises(InvalidConfigError, match=r"pnpm-workspace\.yaml: packageExtensions.* cannot be read"):
        await locked(tmp_path)


@pytest.mark.real
@DRAWN
async def test_pnpm_writes_the_same(seeds: range, tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, seeds, drawn_with_extensions)
    assert same + neither == len(seeds)
    assert same > neither


def drawn_with_extensions(random: Random, registry: NpmRegistry, folder: Path) -> None:
    asked = drawn_harder(random, registry)
    extensions: dict[str, Any] = {}
    for _ in range(random.randint(1, 4)):
        fields = random.sample(("dependencies", "optionalDependencies", "peerDependencies"), random.randint(1, 2))
        at = random.randrange(len(NAMES) - 1)
        selector = NAMES[at]
        if random.random() < 0.7:
            selector = f"{selector}@{random.choice(('^1', '>=2', '*', '1.1.0 || ^3'))}"
        # Towards those behind it alone: in more cycles of peers pnpm may choose otherwise.
        extensions[selector] = {field: {random.choice(NAMES[at + 1 :]): random.choice(NEEDED)} for field in fields}
        if "peerDependencies" in fields and random.random() < 0.5:
            peers = extensions[selector]["peerDependencies"]
            extensions[selector]["peerDependenciesMeta"] = {peer: {"optional": random.random() < 0.7} for peer in peers}
    of_package = random.random() < 0.5
    path = project(folder, **asked, **({"pnpm": {"packageExtensions": extensions}} if of_package else {}))
    if not of_package:
        # JSON is YAML too, and has its texts in quotes.
        path.with_name("pnpm-workspace.yaml").write_text(f"packageExtensions: {json.dumps(extensions)}\n")
