"""Writes the reference pages that are made from the code: `python -m docs.generate`.

Kinds come from their models, operations from the registry, plugins from their manifests, commands from the command line
itself. The pages are never edited by hand; tests/docs compares them byte by byte.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.pages import commands, errors, kinds, operations, plugins

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by `make docs` from the code. Change the code, not this page. -->\n\n"
PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli.md": commands.page,
    "errors.md": errors.page,
    "kinds.md": kinds.page,
    "operations.md": operations.page,
    "plugins.md": plugins.page,
}


def rendered() -> dict[str, str]:
    """Return the text of every generated page by its file name."""
    return {name: NOTICE + "\n".join(page()).rstrip() + "\n" for name, page in PAGES.items()}


def main() -> None:
    """Write the pages whose text has changed, and name them."""
    for name, text in rendered().items():
        path = REFERENCE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote docs/reference/{name}\n")


if __name__ == "__main__":
    main()
