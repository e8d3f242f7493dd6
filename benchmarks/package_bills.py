"""A bill of materials of ten thousand packages in a chain, from the lock to the text; the rival is the library of CycloneDX.

The rival's time grows with the square of the packages: it has a thousand here, and that is told as it is.
"""

import json
import subprocess
import time
from pathlib import Path

from benchmarks.figures import Figure, main
from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.sboms.bill import bill_of
from outrider.operators.packages.sboms.cyclonedx import cyclonedx
from outrider.operators.packages.sboms.spdx import spdx
from tests.peers.environments import PROGRAMS, install

COUNT, RIVAL_COUNT = 10_000, 1_000
SECONDS = 1.0
RIVAL = Path(__file__).parent / "rivals" / "cyclonedx_chain.py"


def measure(quick: bool = False) -> list[Figure]:
    """Write both forms; the rival writes CycloneDX."""
    count = RIVAL_COUNT if quick else COUNT
    python = install("sbom", PROGRAMS["sbom"]) / "python"
    done = subprocess.run(
        [str(python), str(RIVAL), str(RIVAL_COUNT)], capture_output=True, text=True, check=True, timeout=600
    )
    return [
        Figure(
            name=f"CycloneDX of {RIVAL_COUNT} packages",
            value=_seconds(RIVAL_COUNT, "cyclonedx"),
            unit="s",
            rival=float(done.stdout),
        ),
        Figure(name=f"CycloneDX of {count} packages", value=_seconds(count, "cyclonedx"), unit="s", bar=SECONDS),
        Figure(name=f"SPDX of {count} packages", value=_seconds(count, "spdx"), unit="s"),
    ]


def _seconds(count: int, form: str) -> float:
    """Return seconds of CPU."""
    packages = tuple(
        LockedPackage(
            ecosystem="pypi", name=f"package-{number}", version="1.0", hashes={"sha256": ("ab" * 32,)}, needs=(f"package-{number + 1}",)
        )
        for number in range(count)
    )  # fmt: skip
    began = time.process_time()
    bill = bill_of(
        [Lock(form="a lock", packages=packages)], name="chain", version="1.0", created="2026-11-29T10:00:00Z"
    )
    json.dumps(cyclonedx(bill) if form == "cyclonedx" else spdx(bill))
    return time.process_time() - began


if __name__ == "__main__":
    main(__doc__ or "", measure)
