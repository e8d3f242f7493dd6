"""The numbers that keep this codebase readable; measured over every file of the product."""

import ast
import re
import statistics
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "outrider"
FILE_LIMIT, FILE_MEDIAN = 450, 150
FUNCTION_LIMIT, FUNCTION_MEDIAN, FUNCTION_P90 = 60, 10, 30
PARAMETERS = 9
TYPE_IGNORES = 12
# The boundaries at which a fault of a part must not take the whole down: task runner, plugin host, HTTP edge, and what runs
# in the programs of others.
BROAD_EXCEPT = {
    "ports/store/store.py",
    "ports/http/routing.py",
    "ports/nats/work.py",
    "ports/kube/controller.py",
    "ports/kube/informer.py",
    "sidecar/proxy/proxy.py",
    "sidecar/tools/gate.py",
    "runtime/plugin_host",
    "runtime/invoker.py",
    "wrapper/python/sitecustomize.py",
}


@cache
def files() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "tests" not in path.parts)


class Function(NamedTuple):
    """A function as it stands in a file; its lines are counted without its docstring."""

    place: str
    lines: int
    parameters: int


class Facts(NamedTuple):
    """What the tests ask of a file. The tree itself is not kept: those of all files are slow to look through for garbage."""

    path: Path
    functions: list[Function]
    undocumented: list[str]
    caught: list[tuple[int, str]]
    imports: list[str]


@cache
def facts() -> list[Facts]:
    return [read(path) for path in files()]


def read(path: Path) -> Facts:
    tree = ast.parse(path.read_text())
    found = Facts(path, [], [], [], [])
    shown = path.relative_to(ROOT)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = 0 if node.name == "__init__" else len(node.args.args) + len(node.args.kwonlyargs)
            found.functions.append(Function(f"{shown}:{node.lineno} {node.name}", length(node), parameters))
        elif isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{shown}:{node.lineno}: bare except"
            found.caught.append((node.lineno, node.type.id if isinstance(node.type, ast.Name) else ""))
        elif isinstance(node, ast.ImportFrom):
            found.imports.append(node.module or "")
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            found.undocumented.append(f"{shown}:{node.lineno} {node.name}")
    return found


def functions() -> list[Function]:
    return [function for one in facts() for function in one.functions]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first = node.body[0]
    is_documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    documented = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - documented


def test_files_are_short() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in files()}
    long = {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > FILE_LIMIT}
    assert long == {}
    assert statistics.median(sizes.values()) <= FILE_MEDIAN


def test_functions_are_short() -> None:
    lengths = sorted(function.lines for function in functions())
    assert [function.place for function in functions() if function.lines > FUNCTION_LIMIT] == []
    assert statistics.median(lengths) <= FUNCTION_MEDIAN
    assert lengths[int(len(lengths) * 0.9)] <= FUNCTION_P90


def test_functions_take_few_parameters() -> None:
    assert [function.place for function in functions() if function.parameters > PARAMETERS] == []


def test_public_names_are_documented() -> None:
    assert [place for one in facts() for place in one.undocumented] == []


def test_every_fault_is_caught_by_its_name() -> None:
    broad = [
        f"{place}:{line}"
        for one in facts()
        for place in [one.path.relative_to(SOURCE).as_posix()]
        for line, name in one.caught
        if name == "Exception" and not any(place.startswith(allowed) for allowed in BROAD_EXCEPT)
    ]
    assert broad == []


def test_checks_are_rarely_switched_off_and_always_with_a_reason() -> None:
    found = [
        (path, number, line)
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "type: ignore" in line
    ]
    without_reason = [
        f"{path}:{number}" for path, number, line in found if not re.search(r"type: ignore\[[\w, -]+\]  # \w", line)
    ]
    assert without_reason == []
    assert len(found) <= TYPE_IGNORES


@pytest.mark.parametrize("layer", ["core", "ports", "runtime", "surfaces"])
def test_no_layer_below_or_above_the_families_knows_one_by_name(layer: str) -> None:
    names = [path.name for path in (SOURCE / "operators").iterdir() if (path / "manifest.toml").is_file()]
    families = tuple(f"outrider.operators.{name}" for name in names)
    knowing = [
        one.path
        for one in facts()
        if SOURCE / layer in one.path.parents and any(name.startswith(families) for name in one.imports)
    ]
    assert knowing == []


def test_no_notes_to_self() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError\(\)$")
    assert [str(path) for path in files() if pattern.search(path.read_text())] == []


def test_the_strings_that_reach_upwards_are_known() -> None:
    """The registry imports by the strings of manifests; each must name something that is there."""
    from outrider.runtime.discovery import load, registry

    references = [kind.model for kind in registry().kinds.values()]
    references += [kind.validate for kind in registry().kinds.values() if kind.validate]
    references += [service.entry for service in registry().services.values()]
    assert all(load(reference) is not None for reference in references)
    assert registry().broken == []
