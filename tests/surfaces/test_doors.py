"""The same fault gives the same error, whichever door the call came through."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outrider.core.codec import to_builtins
from outrider.core.errors import CODES, OutriderError
from outrider.runtime.contexts import PlatformContext
from outrider.surfaces.python.calls import call
from tests.surfaces.http.serving import Served

pytestmark = pytest.mark.real
# What differs between two calls by its nature: their traces, and the place of a call that stands in a file.
OWN = ("trace_id", "source")


class Fault:
    """A call that cannot succeed."""

    def __init__(self, code: str, operation: str, **params: Any) -> None:
        self.code = code
        self.operation = operation
        self.params = params


FAULTS = [
    Fault("UNKNOWN_OPERATOR", "hots.facts"),
    Fault("UNKNOWN_OPERATION", "host.file_reed", path="/x"),
    Fault("INVALID_CONFIG", "host.file_read", pth="/x"),
    Fault("INVALID_CONFIG", "host.file_tail", path="/etc/hostname", lines=0),
    Fault("INVALID_CONFIG", "host.files", path="relative"),
    Fault("INVALID_CONFIG", "host.http_check", url="ftp://x", method="PUT"),
    Fault("NOT_FOUND", "host.file_read", path="/nowhere/at/all"),
    Fault("NOT_FOUND", "host.process", pid=2**22 - 1),
    Fault("NOT_FOUND", "host.file_delete", path="/nowhere/at/all"),
    Fault("CONNECTION_FAILED", "host.http_check", url="http://127.0.0.1:1/"),
]


def by_python(fault: Fault, served: Served) -> Any:
    del served
    with pytest.raises(OutriderError) as caught:
        asyncio.run(call(fault.operation, **fault.params))
    return to_builtins(caught.value.body())


def by_command(fault: Fault, served: Served) -> Any:
    del served
    if (
        fault.code.startswith("UNKNOWN") or "pth" in fault.params
    ):  # unknown options and words are faults of the command line, not of a call
        words = ["plan", fault.operation, *(f"{name}={value}" for name, value in fault.params.items()), "-o", "json"]
    else:
        options = [f"--{name}={value}" for name, value in fault.params.items()]
        words = [*fault.operation.split("."), *options, "-o", "json"]
    command = [sys.executable, "-m", "outrider", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (CODES[fault.code].exit, "")
    return json.loads(done.stderr)["error"]


def by_http(fault: Fault, served: Served) -> Any:
    answer = served.call(fault.operation, fault.params)
    assert answer.status == CODES[fault.code].http
    return answer.json["error"]


def by_mcp(fault: Fault, served: Served) -> Any:
    params = {"name": fault.operation.replace(".", "_", 1), "arguments": fault.params}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    result = served.ask("POST", "/mcp", message).json["result"]
    assert result["isError"] is True
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result["structuredContent"]


def by_file(fault: Fault, served: Served) -> Any:
    del served
    family, _, verb = fault.operation.partition(".")
    Path("app.tsk").write_text(f'x: @{family}("{verb}", {json.dumps(fault.params)})\n')
    command = [sys.executable, "-m", "outrider", "plan", "app.tsk", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (CODES[fault.code].exit, "")
    return json.loads(done.stderr)["error"]


def common(error: Any) -> Any:
    """Return an error without what differs by its nature."""
    kept = {name: value for name, value in error.items() if name not in OWN}
    return {**kept, "causes": [common(cause) for cause in error.get("causes", [])]}


Door = Callable[[Fault, Served], Any]


@pytest.mark.parametrize("fault", [pytest.param(fault, id=f"{fault.operation} {fault.params}") for fault in FAULTS])
def test_one_fault_one_error(home: Path, shop: PlatformContext, served: Served, fault: Fault) -> None:
    doors: list[Door] = [by_python, by_command, by_http, by_mcp, by_file]
    errors = [common(door(fault, served)) for door in doors]
    assert errors[0]["code"] == fault.code
    assert errors[0].get("suggestions")
    for error in errors[1:]:
        assert error == errors[0]
