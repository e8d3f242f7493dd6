"""Orders to a program in an environment of its own, and its answers: a JSON document per line, in both directions.

`Orders` is the side of the tests. `follow` is that of the program, which has nothing but its own environment: only the
standard library is imported here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHECKOUT = Path(__file__).resolve().parents[2]


class Orders:
    """A program that follows orders as long as the context lasts.

    Args:
        python: Of its environment.
        program: It.
        environment: Its variables; None for those of the tests.
    """

    def __init__(self, python: Path, program: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = [str(python), str(program)]
        self._environment = {**(os.environ if environment is None else environment), "PYTHONPATH": str(CHECKOUT)}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def ask(self, way: str, *given: Any) -> Any:
        """Return what the program has done; a failure there is one here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"way": way, "given": given}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        assert "failed" not in found, found["failed"]
        return found["done"]


def follow(ways: Mapping[str, Callable[..., Any]]) -> None:
    """Follow orders until no more come."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            done: dict[str, Any] = {"done": ways[order["way"]](*order["given"])}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to show it
            done = {"failed": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()
