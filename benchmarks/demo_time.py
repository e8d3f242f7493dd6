"""`make demo` from a fresh clone with empty caches, then once more when it is installed, as a newcomer meets it."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import CHECKOUT, Figure, main

LIMIT_SECONDS = 900.0
_ANSWERED = re.compile(r"answered again ([\d.]+) s after the kill")
_CACHES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR")


def measure(quick: bool) -> list[Figure]:
    """Clone what is committed and run the demo there; `quick` changes nothing, a first run cannot be shortened."""
    del quick
    if not (CHECKOUT / ".git").exists():
        raise SystemExit(f"{CHECKOUT} is no git checkout: a fresh clone of it cannot be made")
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        clone, home = Path(name) / "outrider", Path(name) / "home"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(CHECKOUT), str(clone)], check=True)
        fresh, _ = _demo(clone, home)
        installed, answered = _demo(clone, home)
    return [
        Figure(name="make demo, fresh clone and empty caches", value=fresh, unit="s", bar=180),
        Figure(name="make demo, installed", value=installed, unit="s", bar=12),
        Figure(name="from the kill until the service answers again", value=answered, unit="s", bar=2),
    ]


def _demo(clone: Path, home: Path) -> tuple[float, float]:
    """Run the demo; return the seconds it took, and those in which the killed service came back."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHON"))}
    environment |= {"HOME": str(home), **{key: str(home / key.lower()) for key in _CACHES}}
    home.mkdir(exist_ok=True)
    began = time.perf_counter()
    done = subprocess.run(
        ["make", "demo"], cwd=clone, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip
    took = time.perf_counter() - began
    answered = _ANSWERED.search(done.stdout)
    if done.returncode or answered is None:
        raise RuntimeError(f"make demo ended with {done.returncode}:\n{done.stdout}")
    return took, float(answered[1])


if __name__ == "__main__":
    main(__doc__ or "", measure)
