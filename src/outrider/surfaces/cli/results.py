"""What an operation has returned, on the command line."""

from typing import Any

from outrider.core.errors import CODES
from outrider.runtime.implementation import Operation
from outrider.surfaces.cli.output import Output, show, show_lines
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.settings import FINDINGS, note


def show_result(operation: Operation, result: Any, output: Output) -> int:
    """Write a result, in the operation's own words where it has some for people, and return the exit status: 2 where a part of the input was malformed, 6 for findings."""
    if operation.code.text is not None and output.form == "table":
        show_lines(operation.code.text(result))
        for one in operation.code.notes(result):
            note(printable(one))
    else:
        show(result, output)
    if operation.code.malformed(result):
        return CODES["INVALID_CONFIG"].exit
    return FINDINGS if operation.code.findings(result) else 0
