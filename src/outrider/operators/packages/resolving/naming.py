"""How sets of versions are called in sentences."""

from collections.abc import Sequence

_MOST_RUNS = 4
# How many versions there are at least for each one between them that is missing, where they are told as one range.
_FEW_MISSING = 4
_SINGULAR = {"are": "is", "do": "does", "have": "has"}


def described(name: str, versions: Sequence[str], full: int, mask: int) -> str:
    """Return how people call some versions of a package.

    Args:
        name: Of the package.
        versions: All of them, oldest first.
        full: The mask of those that may be chosen; others are passed over.
        mask: Of which it is told.
    """
    considered = [bit for bit in range(len(versions)) if full >> bit & 1]
    runs: list[list[int]] = []
    for position, bit in enumerate(considered):
        if mask >> bit & 1:
            if runs and runs[-1][-1] == position - 1:
                runs[-1].append(position)
            else:
                runs.append([position])
    if not runs:
        return f"no version of {name}"
    if len(considered) > 1 and len(runs[0]) == len(considered):
        return f"every version of {name}"
    but = ""
    whole = [*range(runs[0][0], runs[-1][-1] + 1)]
    missing = [versions[considered[at]] for at in whole if not mask >> considered[at] & 1]
    if 0 < len(missing) * _FEW_MISSING <= len(whole) and len(missing) <= _MOST_RUNS:
        runs, but = [whole], f" (but for {' and '.join(missing)})"
        if len(whole) == len(considered):
            return f"every version of {name}{but}"
    texts = [_run([versions[considered[at]] for at in run], run, len(considered)) for run in runs]
    more = len(texts) - _MOST_RUNS
    shown = texts if more <= 0 else [*texts[-_MOST_RUNS:], f"{more} more ranges"]
    return f"{name} {' or '.join(shown)}{but}"


def counted(count: int, what: str) -> str:
    """Return how people say something of some versions: `1 version has no wheel`.

    Args:
        count: How many they are.
        what: What is said of several: `have no wheel`, `are denied`.
    """
    if count != 1:
        return f"{count} versions {what}"
    return f"1 version {of_one(what)}"


def of_one(what: str) -> str:
    """Return what is said of several things as it is said of one: `is denied` for `are denied`."""
    verb, _, rest = what.partition(" ")
    return f"{_SINGULAR.get(verb, verb)} {rest}"


def _run(texts: Sequence[str], run: Sequence[int], count: int) -> str:
    if len(texts) == 1:
        return texts[0]
    if run[0] == 0:
        return f"{texts[-1]} and older"
    if run[-1] == count - 1:
        return f"{texts[0]} and newer"
    return f"{texts[0]} to {texts[-1]}"
