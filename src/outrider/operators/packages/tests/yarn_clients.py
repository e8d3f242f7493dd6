"""Both Yarns, each with a home of its own and the registry of a test."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from tests.peers.environments import NODE_CLIENTS, install_node

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
    """Have the settings of a project, and an empty lock, without which Yarn looks for a project above."""
    (folder / ".yarnrc.yml").write_text(
        f"npmRegistryServer: {registry.url}\nunsafeHttpWhitelist: ['127.0.0.1']\nenableTelemetry: false\nnpmMinimalAgeGate: 0\n"
        f"enableGlobalCache: false\ncacheFolder: {json.dumps(str(folder.parent / 'berry-cache'))}\nnodeLinker: node-modules\n"
        "enableScripts: false\n"
    )
    (folder / "yarn.lock").touch()


async def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    def work() -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(folder.parent)}
        return subprocess.run(
            ["node", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return await asyncio.to_thread(work)
