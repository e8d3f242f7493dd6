"""Writes the reference pages and stubs that are made from the code: `python -m docs.generate`.

The Helm chart is made of the objects of the controller. Kinds come from their models, operations from the registry, plugins from their manifests, commands from the command line
itself. The pages are never edited by hand; tests/docs compares them byte by byte.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.pages import clients, commands, errors, kinds, operations, output, plugins
from outrider.controller.chart import chart
from outrider.runtime.discovery import registry
from outrider.surfaces.cli.controller import IMAGE
from outrider.surfaces.python.stubs import family_stub, package_stub

REFERENCE = Path(__file__).parent / "reference"
CHART = Path(__file__).parent.parent / "deploy" / "helm" / "outrider"
STUBS = Path(__file__).parent.parent / "src" / "outrider" / "operations"
NOTICE = "<!-- Written by `make docs` from the code. Change the code, not this page. -->\n\n"
PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli.md": commands.page,
    "clients.md": clients.page,
    "errors.md": errors.page,
    "kinds.md": kinds.page,
    "operations.md": operations.page,
    "output.md": output.page,
    "plugins.md": plugins.page,
}
REFERENCE_FILES = (*PAGES, output.SCHEMAS)


def reference_file(name: str) -> str:
    """Return the text of a generated page, or of the schemas."""
    return output.schema() if name == output.SCHEMAS else NOTICE + "\n".join(PAGES[name]()).rstrip() + "\n"


def stubs() -> dict[str, str]:
    """Return the text of every stub of `outrider.operations` by its file name."""
    own = [family for family in registry().families.values() if not family.origin]
    files = {f"{family.name.replace('-', '_')}.pyi": family_stub(registry(), family.name) for family in own}
    return {"__init__.pyi": package_stub(registry()), **files}


def helm_chart() -> dict[str, str]:
    """Return the text of every file of the Helm chart by its path."""
    return chart(IMAGE)


def main() -> None:
    """Write the files whose text has changed, and name them."""
    written = {REFERENCE / name: reference_file(name) for name in REFERENCE_FILES}
    written |= {STUBS / name: text for name, text in stubs().items()}
    written |= {CHART / name: text for name, text in helm_chart().items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(REFERENCE.parent.parent)}\n")


if __name__ == "__main__":
    main()
