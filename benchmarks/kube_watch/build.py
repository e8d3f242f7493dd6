"""The informer of client-go: built from the module beside this file into the checkout's cache, once for each state of its files."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figures import CHECKOUT
from benchmarks.gateways import MissingError

SOURCE = Path(__file__).with_name("informer")
FILES = ("go.mod", "go.sum", "main.go")
FOLDER = CHECKOUT / ".cache" / "kube-informer"


def built() -> Path:
    """Return the program.

    Raises:
        MissingError: Go is missing, or the build failed.
    """
    program, done = FOLDER / "informer", FOLDER / "built.txt"
    wanted = "".join((SOURCE / name).read_text() for name in FILES)
    if done.is_file() and done.read_text() == wanted:
        return program
    go = shutil.which("go")
    if go is None:
        raise MissingError("go is missing: client-go is built with Go 1.26 or later")
    FOLDER.mkdir(parents=True, exist_ok=True)
    # It has a cache of its own, because nobody needs that gigabyte again.
    with tempfile.TemporaryDirectory(prefix="outrider-build-", dir=FOLDER) as cache:
        environment = {
            "CGO_ENABLED": "0", "GOCACHE": cache, "GOFLAGS": "-buildvcs=false -mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off",
        }  # fmt: skip
        command = [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), "."]
        try:
            subprocess.run(command, cwd=SOURCE, env={**os.environ, **environment}, check=True)
        except subprocess.CalledProcessError as error:
            raise MissingError(f"the informer of client-go could not be built: {error}") from error
    done.write_text(wanted)
    return program
