"""Both Yarns, each with a home of its own and the registry of a test."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, RANGES, drawn
from tests.peers.environments import NODE_CLIENTS, install_node

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
QUIET = ("--non-interactive", "--no-progress", "--ignore-scripts", "--no-default-rc")


async def yarn_1(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Yarn 1 in a project; a registry may answer in this same thread."""
    program = install_node(NODE_CLIENTS) / "yarn" / "bin" / "yarn.js"
    kept = folder.parent / "yarn-cache"
    return await _run(folder, str(program), *arguments, *QUIET, "--cache-folder", str(kept))


async def yarn_4(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Yarn 4 in a project."""
    program = install_node(NODE_CLIENTS) / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js"
    return await _run(folder, str(program), *arguments)


def set_up_yarn_4(folder: Path, registry: NpmRegistry) -> None:
    """Have the settings of a project, and an empty lock, without which Yarn looks for a project above.

    Where the variable CI is set, Yarn 4 writes no lock unless it is told that it may.
    """
    (folder / ".yarnrc.yml").write_text(
        f"npmRegistryServer: {registry.url}\nunsafeHttpWhitelist: ['127.0.0.1']\nenableTelemetry: false\nnpmMinimalAgeGate: 0\n"
        f"enableGlobalCache: false\ncacheFolder: {json.dumps(str(folder.parent / 'berry-cache'))}\nnodeLinker: node-modules\n"
        "enableScripts: false\nenableImmutableInstalls: false\n"
    )
    (folder / "yarn.lock").touch()


async def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    def work() -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(folder.parent)}
        return subprocess.run(
            ["node", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return await asyncio.to_thread(work)


def drawn_for_yarn(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    """Fill a registry, and return what a project asks for, with tags, other names, prereleases and what is deprecated."""
    found = drawn(random, registry)
    known = sorted(registry.documents)
    for name in random.sample(known, 3):
        versions = registry.documents[name]["versions"]
        registry.add(f"{name}@{random.choice(('3.0.0-rc.1', '2.1.0-beta.2', '0.9.0'))}")
        registry.tag(name, random.choice(("next", "latest", "old-one")), random.choice(sorted(versions)))
    # Yarn 1 never ends where packages need each other by other names.
    at = random.randrange(len(NAMES) - 1)
    for version in [*registry.documents[NAMES[at]]["versions"]]:
        development = {random.choice(known): random.choice(RANGES)}
        mark, other = random.choice(("", "?")), random.choice(NAMES[at + 1 :])
        wanted = random.choice((*RANGES, f"npm:{random.choice(NAMES[at + 1 :])}@*", "latest"))
        registry.add(f"{NAMES[at]}@{version}", f"{mark}{other}@{wanted}", devDependencies=development)
    for name in random.sample(known, 3):
        versions = registry.documents[name]["versions"]
        versions[random.choice(sorted(versions))]["deprecated"] = "too old"
    other = random.choice(known)
    tag = random.choice(sorted(registry.documents[other]["dist-tags"]))
    odd = random.choice(("", "latest", tag, " ^1 ", ">=1 <3", "1 || 2", "^1.0.0-0", ">=2.0.0-0"))
    found[random.choice(("dependencies", "devDependencies"))][other] = odd
    found["dependencies"]["mine"] = f"npm:{random.choice(known)}@{random.choice(('^1', '*', 'latest', '^2'))}"
    return found
