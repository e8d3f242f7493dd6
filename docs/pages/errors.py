"""The error codes."""

from collections.abc import Iterator

from docs.pages.markdown import code, fenced, sentence, table
from outrider.core.errors import CODES, ErrorBody

_EXITS = (
    (0, "done"),
    (1, "it failed"),
    (2, "the input is wrong"),
    (3, "the object does not exist"),
    (4, "credentials are missing or not accepted"),
    (5, "refused: a policy, a conflict, or a stale plan"),
    (6, "a finding: `status` or `doctor` found a problem, or a plan was only shown"),
    (7, "try again later: a limit, a deadline, or a target that cannot be reached"),
    (130, "cancelled"),
)


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Errors\n"
    yield "Every error carries one of these codes, at the command line and over HTTP. Codes are added, never renamed.\n"
    yield from fenced("$ outrider explain CONFLICT", "console")
    yield from table(
        ("code", "HTTP", "exit", "retry", "meaning"),
        (
            (code(entry.name), entry.http, entry.exit, "yes" if entry.retryable else "no", sentence(entry.meaning))
            for entry in CODES.values()
        ),
    )
    yield '"Retry" says whether the same request may succeed later without a change.\n'
    yield "## Exit statuses\n"
    yield from table(("exit", "meaning"), _EXITS)
    yield "## The error object\n"
    yield "`-o json` writes it to standard error; over HTTP it is the body. Empty fields are left out.\n"
    yield "Fields: " + ", ".join(code(name) for name in ErrorBody.__struct_encode_fields__) + ".\n"
    yield "`path` is the field, `source` is `file:line:column`, and `causes` holds the single faults in file order.\n"
