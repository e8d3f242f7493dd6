"""Programs that we did not write, each in an environment of its own below .cache of the checkout."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Programs that tests start.
PROGRAMS = {"ansible": Path(__file__).parent / "requirements-ansible.txt"}


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
