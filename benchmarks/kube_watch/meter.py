"""What a client uses from before it connects; needs nothing but Python, as it runs in the environments of rivals too."""

import json
import sys
import time
from pathlib import Path


class Meter:
    """Measures this process, all its threads, from now on."""

    def __init__(self) -> None:
        self._before_kib = _rss_kib()
        self._began = time.monotonic()
        self._cpu = time.process_time()

    def tell(self) -> None:
        """Write what was used so far, for the program that started this one."""
        cpu = time.process_time() - self._cpu
        wall = time.monotonic() - self._began
        used = {"cpu": cpu, "wall": wall, "before_kib": self._before_kib, "after_kib": _rss_kib()}
        sys.stdout.write(json.dumps(used) + "\n")
        sys.stdout.flush()


def _rss_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
