"""The page of clients that use the registry of packages: one column for each thing that a run in the tests shows."""

from collections.abc import Iterator

from docs.pages.markdown import table
from outrider.operators.packages.tests.clients.table import ABILITIES, all_runs


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    runs = all_runs()
    yield "# Clients of the registry of packages\n"
    yield (
        "What clients that we did not write do with `outrider packages serve`. Each yes is a run of that client in the tests, in an"
        " empty home and with an empty cache. A client without a yes has no such command, or sends it to one place only, as Yarn 1"
        " does with `audit`.\n"
    )
    clients = sorted({client for client, _ in runs}, key=str.lower)
    rows = [[client, *("yes" if (client, one) in runs else "" for one in ABILITIES)] for client in clients]
    yield from table(["client", *ABILITIES], rows)
