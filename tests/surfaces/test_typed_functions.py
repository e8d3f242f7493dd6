import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import DeadlineExceededError, InvalidConfigError, NotFoundError
from outrider.operations import host
from outrider.operators.host.operations.file_read import FileReadResult
from outrider.runtime.discovery import registry
from outrider.surfaces.python.stubs import family_stub

WRONG = """\
from outrider.operations import host

async def main() -> None:
    reveal_type(await host.file_read("/etc/hostname"))
    await host.file_tail("/x", lines="5")
    await host.file_reed("/x")
    await host.files("/x", "*.log", limit=3, deadline=2.5)
    await host.http_check("http://x", method="PUT")
"""


async def test_a_read_gives_its_result(home: Path) -> None:
    (home / "a").write_text("hello")
    result = await host.file_read(str(home / "a"))
    assert isinstance(result, FileReadResult)
    assert result.content == "hello"


async def test_a_change_is_made(home: Path) -> None:
    await host.file_write(str(home / "a"), content="new")
    assert (home / "a").read_text() == "new"


async def test_a_parameter_may_be_called_timeout(home: Path) -> None:
    with pytest.raises(DeadlineExceededError, match=r"0\.2 s"):
        await host.cpu("5s", deadline=0.2)
    with pytest.raises(InvalidConfigError, match="timeout"):
        await host.http_check("http://127.0.0.1:1/", timeout="soon")


async def test_faults_are_the_usual_errors(home: Path) -> None:
    with pytest.raises(NotFoundError, match="/nowhere"):
        await host.file_read("/nowhere/at/all")
    with pytest.raises(TypeError, match="path"):
        await getattr(host, "file_read")(pth="/x")  # noqa: B009 - the type checker knows better


def test_unknown_names_are_unknown_attributes() -> None:
    import outrider.operations as families

    with pytest.raises(AttributeError, match="did you mean 'host'"):
        families.hots  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'file_read'"):
        host.file_reed  # type: ignore[attr-defined]  # noqa: B018


def test_every_operation_has_a_signature() -> None:
    functions: Any = host
    for operation in registry().family("host")[0].declaration.operations:
        parameters = inspect.signature(getattr(functions, operation.name)).parameters
        assert list(parameters)[: len(operation.positional)] == operation.positional
        assert list(parameters)[-1] == "deadline"
    assert "file_read" in dir(functions)


def test_a_stub_keeps_the_types_whose_names_are_operations() -> None:
    stub = family_stub(registry(), "kubernetes")
    assert "async def list(" in stub
    assert "objects: list_type[dict[str, Any]]" in stub


@pytest.mark.real
@pytest.mark.timeout(180)
def test_a_type_checker_knows_them(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'Revealed type is "outrider.operators.host.operations.file_read.FileReadResult"' in done.stdout, done.stdout
    assert 'program.py:5: error: Argument "lines" to "file_tail" has incompatible type "str"' in done.stdout
    assert 'program.py:6: error: Module has no attribute "file_reed"' in done.stdout
    assert 'program.py:8: error: Argument "method" to "http_check" has incompatible type' in done.stdout
    assert done.stdout.count("error:") == 3
