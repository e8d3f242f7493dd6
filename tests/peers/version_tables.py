"""Writes what native tools say about versions into the tables that the tests hold us to: `python -m tests.peers.version_tables`.

A table keeps its own questions: versions and ranges that are added to it, with an empty answer, are answered the next time.
"""

import json
import sys
from pathlib import Path

from tests.peers.environments import CHECKOUT
from tests.peers.version_oracles import ECOSYSTEMS, PACKED, Question, oracle

TABLES = CHECKOUT / "src" / "outrider" / "operators" / "packages" / "tests" / "tables"


def write(path: Path) -> None:
    """Answer the questions of a table anew."""
    tool, table = oracle(path.stem), json.loads(path.read_text())
    versions, ranges = list(table["order"]), list(table["ranges"])
    orders = tool.answers(Question("order", one, two) for one in versions for two in versions)
    allowed = tool.answers(Question("range", one, two) for one in ranges for two in versions)
    size = len(versions)
    table = {
        "oracle": tool.version,
        "order": {one: orders[row * size : (row + 1) * size] for row, one in enumerate(versions)},
        "ranges": {one: allowed[row * size : (row + 1) * size] for row, one in enumerate(ranges)},
    }
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for ecosystem in sys.argv[1:] or [*ECOSYSTEMS, *PACKED]:
        write(TABLES / f"{ecosystem}.json")
