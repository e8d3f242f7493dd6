"""The exit status of a command tells of what was found, and before that of input that could not all be read."""

import pytest

from outrider.operators.packages.operations.audit import AuditResult
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import load_operation
from outrider.surfaces.cli.output import Output
from outrider.surfaces.cli.results import show_result


@pytest.mark.parametrize(
    ("vulnerable", "unread", "status"), [(0, [], 0), (1, [], 6), (1, ["a/uv.lock: no"], 2), (0, ["b"], 2)]
)
def test_a_malformed_part_counts_before_findings(vulnerable: int, unread: list[str], status: int) -> None:
    result = AuditResult(
        packages=1, vulnerable=vulnerable, unknown=0, findings=[], below=0, suppressed=[], files=[], unread=unread, unjudged=[],
        advisories=[], warnings=[],
    )  # fmt: skip
    assert show_result(load_operation(registry(), "packages", "audit"), result, Output(form="json")) == status
