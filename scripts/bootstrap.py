"""Makes the virtual environment; on Debian as root it installs python3-venv where that is missing, and says so."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

MINIMUM = (3, 11)


def main(folder: Path) -> int:
    """Make the environment in `folder`."""
    if sys.version_info < MINIMUM:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(
            f"Outrider needs Python 3.11 or newer; python3 is {found}. Name another: make PYTHON=python3.12 demo\n"
        )
        return 1
    if find_spec("ensurepip") is None and not _install_venv():
        return 1
    if shutil.which("bwrap") is None:
        sys.stderr.write(
            "bubblewrap is not installed: plugins are confined by Landlock and seccomp (apt-get install bubblewrap)\n"
        )
    venv.create(folder, with_pip=True, symlinks=True)
    return 0


def _install_venv() -> bool:
    package = f"python3.{sys.version_info[1]}-venv"
    command = f"apt-get install -y {package}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(f"Python's venv module is incomplete. Install it, then run make again:  sudo {command}\n")
        return False
    sys.stderr.write(f"installing the system package {package}\n")
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    return subprocess.run(command.split(), check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
