"""What an operation has returned, on the command line."""

from typing import Any

from outrider.runtime.implementation import Operation
from outrider.surfaces.cli.output import Output, show, show_lines
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.settings import FINDINGS, note


def show_result(operation: Operation, result: Any, output: Output) -> int:
    """Write a result, in the operation's own words where it has some for people, and return the exit status: 6 for findings."""
    if operation.code.text is not None and output.form == "table":
        show_lines(operation.code.text(result))
        for one in operation.code.notes(result):
            note(printable(one))
    else:
        show(result, output)
    return FINDINGS if operation.code.findings(result) else 0
