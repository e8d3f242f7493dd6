"""Solves the synthetic index with libsolv; run by Debian's own Python, whose package python3-solv has the bindings.

It reads one line of JSON for each package, `[versions, [[other, needed, versions, ...], ...]]` with masks as numbers, then one with
the roots, and prints seconds of CPU of loading and of solving, how many packages were chosen, and how many roots are at their newest.
"""

import json
import sys
import time

import solv


def bounds(mask: int) -> tuple[int, int]:
    """Return the first version of a mask without gaps, and the one behind the last."""
    first = (mask & -mask).bit_length() - 1
    assert mask == (1 << mask.bit_length()) - (1 << first), "a mask with gaps is no range"
    return first, mask.bit_length()


def main() -> None:
    """Load, solve, print."""
    *packages, roots = (json.loads(line) for line in sys.stdin)
    began = time.process_time()
    pool = solv.Pool()
    pool.setarch("amd64")
    repository = pool.add_repo("index")
    # Versions are numbers from one on; a range is two relations.
    relations: dict[tuple[int, int, int], object] = {}

    def relation(package: int, flags: int, version: int) -> object:
        key = (package, flags, version)
        if key not in relations:
            relations[key] = pool.Dep(f"p{package}").Rel(flags, pool.Dep(str(version + 1)))
        return relations[key]

    for package, (count, needs) in enumerate(packages):
        for version in range(count):
            one = repository.add_solvable()
            one.name, one.evr, one.arch = f"p{package}", str(version + 1), "all"
            one.add_deparray(solv.SOLVABLE_PROVIDES, relation(package, solv.REL_EQ, version))
            for other, *masks in needs:
                for needed, versions in zip(masks[::2], masks[1::2], strict=True):
                    if versions >> version & 1:
                        first, end = bounds(needed)
                        one.add_deparray(solv.SOLVABLE_REQUIRES, relation(other, solv.REL_GT | solv.REL_EQ, first))
                        one.add_deparray(solv.SOLVABLE_REQUIRES, relation(other, solv.REL_LT, end))
    pool.addfileprovides()
    pool.createwhatprovides()
    loaded = time.process_time()
    solver = pool.Solver()
    jobs = [
        pool.select(f"p{package}", solv.Selection.SELECTION_NAME).jobs(solv.Job.SOLVER_INSTALL) for package in roots
    ]
    problems = solver.solve([job for jobs_of_one in jobs for job in jobs_of_one])
    solved = time.process_time()
    assert not problems, problems[0]
    chosen = {one.name: int(one.evr) for one in solver.transaction().newsolvables()}
    newest = sum(chosen[f"p{package}"] == packages[package][0] for package in roots)
    print(json.dumps([loaded - began, solved - loaded, len(chosen), newest]))


if __name__ == "__main__":
    main()
