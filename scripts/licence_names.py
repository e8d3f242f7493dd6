"""Writes the names of the SPDX licence list anew, from the npm package spdx-license-list (CC0-1.0).

npm pack spdx-license-list && tar xzf spdx-license-list-*.tgz && python scripts/licence_names.py package/spdx.json
"""

import json
import sys
from pathlib import Path

TABLE = Path(__file__).parents[1] / "src" / "outrider" / "operators" / "packages" / "licences" / "names.tsv"


def main() -> None:
    """Read the file that is named, and write the table."""
    licences = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    lines = sorted(f"{identifier}\t{entry['name'].strip()}\n" for identifier, entry in licences.items())
    TABLE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
