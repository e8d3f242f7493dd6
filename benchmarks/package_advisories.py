"""A hundred thousand packages compared with advisories, all with names that have some; the rival looks at all advisories each time.

The advisories are made up: as many as those of PyPI have. The rival compares as a scanner without an index does, with the same rules.
"""

import json
import resource
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.figures import Figure, main
from outrider.operators.packages.advisories.affected_spans import affected_versions
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.osv import Advisory
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.advisories.writing import write_store
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.versions.ecosystems import scheme_of

ADVISORIES, NAMES, PACKAGES, QUICK_PACKAGES = 2_700, 1_000, 100_000, 10_000
RIVAL_PACKAGES = 200
# Bars: seconds of CPU for all packages, milliseconds to open, MB.
ALL, OPEN, RSS = 0.5, 5.0, 100.0


def measure(quick: bool = False) -> list[Figure]:
    """Import, open, match."""
    with tempfile.TemporaryDirectory() as folder:
        return _measured(Path(folder), QUICK_PACKAGES if quick else PACKAGES)


def _measured(folder: Path, count: int) -> list[Figure]:
    source, path = folder / "all.zip", folder / "advisories.db"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _records():
            archive.writestr(name, content)
    began = time.process_time()
    write_store(path, read_source(source), "made up", 0.0)
    imported = time.process_time() - began
    random = Random(1)
    packages = [
        (f"package-{random.randrange(NAMES)}", f"{random.randrange(5)}.{random.randrange(40)}") for _ in range(count)
    ]
    began = time.perf_counter()
    store = AdvisoryStore(path)
    opened = (time.perf_counter() - began) * 1000
    matcher = Matcher(store)
    began = time.process_time()
    hits = [bool(matcher.matches("pypi", name, version)) for name, version in packages]
    matched = time.process_time() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    store.close()
    rival = _linear(source, packages[:RIVAL_PACKAGES], hits[:RIVAL_PACKAGES])
    return [
        Figure(name=f"{ADVISORIES} advisories imported, CPU", value=imported, unit="s"),
        Figure(name="the store opened", value=opened, unit="ms", bar=OPEN),
        Figure(
            name=f"{count} packages matched, {sum(hits)} of them vulnerable, CPU", value=matched, unit="s",
            bar=ALL if count == PACKAGES else None, rival=rival * count,
        ),
        Figure(name="RSS", value=rss, unit="MB", bar=RSS),
    ]  # fmt: skip


def _records() -> Iterator[tuple[str, str]]:
    random = Random(2)
    for number in range(ADVISORIES):
        major, minor = random.randrange(5), random.randrange(40)
        ranges = [ecosystem_range(("introduced", "0"), ("fixed", f"{major}.{minor}"))]
        versions = [f"{major}.{one}" for one in range(minor)]
        package = affected(*ranges, versions=versions, name=f"package-{random.randrange(NAMES)}")
        yield f"X-{number}.json", json.dumps(record(f"X-{number}", package))


def _linear(source: Path, packages: list[tuple[str, str]], expected: list[bool]) -> float:
    """Return seconds of CPU for a package where all advisories are looked at for each."""
    scheme = scheme_of("pypi")
    advisories = [one for one in read_source(source) if isinstance(one, Advisory)]
    known = [(one.name, affected_versions(scheme, [one])) for each in advisories for one in each.affected]
    began = time.process_time()
    hits = [
        any(name == other and spans.holds(version, scheme.parse(version)) for other, spans in known)
        for name, version in packages
    ]
    took = time.process_time() - began
    assert hits == expected
    return took / len(packages)


if __name__ == "__main__":
    main(__doc__ or "", measure)
