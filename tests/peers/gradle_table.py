"""Writes what Gradle says about versions into the table that the tests hold us to: `python -m tests.peers.gradle_table`.

The table keeps its own questions: versions and selectors that are added to it are answered the next time.
"""

import json
from functools import cmp_to_key
from itertools import groupby

from tests.peers.gradle import VERSION, versions
from tests.peers.version_tables import TABLES

PATH = TABLES / "gradle.json"
_SIDES = {"<": -1, "=": 0, ">": 1}


def _in_order(texts: list[str]) -> list[str]:
    """Return versions oldest first, equal ones with a blank between them."""
    pairs = [(one, two) for one in texts for two in texts]
    said = dict(zip(pairs, versions(("order", *pair) for pair in pairs), strict=True))

    def compared(one: str, two: str) -> int:
        return _SIDES[said[one, two]]

    by_order = cmp_to_key(compared)
    return [" ".join(group) for _, group in groupby(sorted(texts, key=by_order), key=by_order)]


def _rows(kind: str, texts: list[str], asked: list[str]) -> dict[str, str]:
    said = "".join(versions((kind, one, two) for one in texts for two in asked))
    return {one: said[at * len(asked) : (at + 1) * len(asked)] for at, one in enumerate(texts)}


def write() -> None:
    """Answer the questions of the table anew."""
    table = json.loads(PATH.read_text())
    asked, selectors = list(table["order"]), list(table["selectors"])
    texts = [*asked, *selectors]
    table = {
        "oracle": f"Gradle {VERSION}",
        "order": _rows("order", asked, asked),
        "selectors": _rows("accepts", selectors, asked),
        "of POMs": dict(zip(selectors, versions(("pom", one, "") for one in selectors), strict=True)),
        "bases": dict(zip(asked, versions(("base", one, "") for one in asked), strict=True)),
        "dynamic": "".join(versions(("dynamic", one, "") for one in texts)),
        "central": {name: _in_order(" ".join(found).split()) for name, found in table["central"].items()},
    }
    PATH.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
