"""Errors as a person or a program reads them."""

import sys

from outrider.core.codec import encode
from outrider.core.errors import OutriderError
from outrider.surfaces.cli.printable import printable


def show_error(error: OutriderError, *, as_json: bool) -> None:
    """Write an error to stderr: one JSON object, or the faults one below the other."""
    if as_json:
        sys.stderr.write(encode({"error": error.body()}).decode() + "\n")
        return
    faults = error.causes if len(error.causes) > 1 and type(error.causes[0]) is type(error) else [error]
    sys.stderr.write("\n".join(_fault(fault) for fault in faults))
    if len(faults) > 1:
        sys.stderr.write(f"\n{len(faults)} faults\n")


def _fault(error: OutriderError) -> str:
    place = f" {error.source}" if error.source else ""
    message = error.message
    if error.path and not message.startswith(error.path) and error.path.rpartition(".")[0] not in message:
        message = f"{error.path}: {message}"
    lines = [f"error[{error.code}]{place} {message}"]
    for label, text in (("found", error.found), ("expected", error.expected)):
        if text:
            lines.append(f"  {label:<10} {text}")
    lines.extend(f"  {'fix':<10} {suggestion}" for suggestion in error.suggestions[:1])
    lines.extend(f"  {'or':<10} {suggestion}" for suggestion in error.suggestions[1:])
    lines.extend(f"  {'because':<10} {cause.message}" for cause in error.causes if cause.message != error.message)
    if error.trace_id and error.code == "INTERNAL":
        lines.append(f"  {'trace':<10} {error.trace_id}")
    return printable("\n".join(lines)) + "\n"
