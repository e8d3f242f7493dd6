"""Programs that we did not write, each in an environment of its own below .cache of the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NODE = Path(__file__).parent / "node"
# Clients of npm registries.
NODE_CLIENTS = Path(__file__).parent / "node_clients"
# One more, which is large.
BUN = Path(__file__).parent / "bun"
# A rival in benchmarks, and a peer in tests.
ENVOY = CHECKOUT / "benchmarks" / "rivals" / "requirements-envoy.txt"
# Programs that tests start.
PROGRAMS = {
    name: Path(__file__).parent / f"requirements-{name}.txt"
    for name in ("ansible", "memory", "pip", "pipenv", "poetry", "sbom", "twine", "uv")
} | {"envoy": ENVOY}

# Those that take hundreds of megabytes: `make test-long` installs them where a test needs them, and `make test` does not.
LARGE = {"scancode": Path(__file__).parent / "requirements-scancode.txt"}


class PeerError(Exception):
    """A peer cannot be installed on this machine; the message says why."""


def install(name: str, requirements: Path) -> Path:
    """Install a peer where it is not yet, and return the folder of its programs.

    Args:
        name: Of its environment.
        requirements: What it consists of, with hashes.

    Raises:
        PeerError: The installation failed.
    """
    environment = CHECKOUT / ".cache" / name
    done = environment / "installed.txt"
    wanted = requirements.read_text()
    if done.is_file() and done.read_text() == wanted:
        return environment / "bin"
    pip = [str(environment / "bin" / "pip"), "--disable-pip-version-check", "--quiet"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        subprocess.run([*pip, "install", "--require-hashes", "--requirement", str(requirements)], check=True)
    except subprocess.CalledProcessError as error:
        raise PeerError(f"{name} could not be installed: {error}") from error
    done.write_text(wanted)
    return environment / "bin"


def install_node(packages: Path = NODE) -> Path:
    """Install packages of npm where they are not yet, and return the folder of their modules.

    Args:
        packages: A folder with a package.json and its lock.

    Raises:
        PeerError: The installation failed.
    """
    folder = CHECKOUT / ".cache" / packages.name
    done = folder / "installed.json"
    lock = (packages / "package-lock.json").read_text()
    if done.is_file() and done.read_text() == lock:
        return folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(packages / name, folder / name)
    npm = shutil.which("npm")
    if npm is None:
        raise PeerError("npm is missing: apt-get install npm")
    try:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    except subprocess.CalledProcessError as error:
        raise PeerError(f"{packages.name} could not be installed: {error}") from error
    done.write_text(lock)
    return folder / "node_modules"
