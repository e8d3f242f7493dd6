"""`outrider explain`."""

import sys

import click

from outrider.core.errors import CODES, NotFoundError, did_you_mean
from outrider.surfaces.cli.output import Output, output_option, show


@click.command()
@click.argument("code", required=False)
@output_option
def explain(code: str | None, output: Output) -> int:
    """Explain an error code; without one list them all."""
    if code is None:
        show(list(CODES.values()), output)
        return 0
    found = CODES.get(code.upper().replace("-", "_"))
    if found is None:
        raise NotFoundError(
            f"no error has the code '{code}'", found=code, suggestions=did_you_mean(code.upper(), CODES)
        )
    if not output.for_people:
        show(found, output)
        return 0
    again = "may succeed when it is repeated" if found.retryable else "fails again until something is changed"
    sys.stdout.write(f"{found.name}\n  {found.meaning}\n  exit status {found.exit} · HTTP {found.http} · {again}\n")
    return 0
