"""Exact search by numpy, all vectors in its memory: makes the vectors, answers the questions, and says what that took.

Run by the Python of its own environment, as `brute_force.py FOLDER COUNT DIMENSION CLUSTERS`; without clusters no two are alike.
Writes vectors.f32, queries.f32 and nearest.json, and prints one JSON object.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

QUERIES, NEAREST = 100, 10
SPREAD = 0.5


def made(chance: Any, middles: Any, count: int, dimension: int) -> Any:
    """Return vectors of length 1, around middles or around nothing."""
    vectors = chance.standard_normal((count, dimension), dtype=np.float32)
    if len(middles):
        vectors = middles[chance.integers(0, len(middles), count)] + SPREAD * vectors
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def resident_mb() -> float:
    """Return the resident memory of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024 / 1e6


def main() -> None:
    """Make, ask, tell."""
    folder, count, dimension, clusters = Path(sys.argv[1]), *map(int, sys.argv[2:])
    chance = np.random.default_rng(7)
    middles = chance.standard_normal((clusters, dimension), dtype=np.float32)
    vectors, queries = made(chance, middles, count, dimension), made(chance, middles, QUERIES, dimension)
    vectors.tofile(folder / "vectors.f32")
    queries.tofile(folder / "queries.f32")
    took, nearest = [], []
    for query in queries:
        began = time.perf_counter()
        scores = vectors @ query
        best = np.argpartition(-scores, NEAREST)[:NEAREST]
        best = best[np.argsort(-scores[best])]
        took.append(time.perf_counter() - began)
        nearest.append(best.tolist())
    (folder / "nearest.json").write_text(json.dumps(nearest))
    print(json.dumps({"p50_ms": statistics.median(took) * 1000, "rss_mb": resident_mb()}))


main()
