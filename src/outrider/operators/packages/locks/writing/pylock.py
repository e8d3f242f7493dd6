"""Writes pylock.toml: https://packaging.python.org/en/latest/specifications/pylock-toml/."""

from collections.abc import Iterable, Sequence

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.pypi.targets import PypiTarget
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedFile, ResolvedPackage

# What tells kinds of machines apart: an answer is for one of them.
_MARKERS = ("python_version", "sys_platform", "platform_machine")


def written(answer: Resolved) -> str:
    """Return the file: each package with all of its wheels, and its source distribution.

    Raises:
        PreconditionFailedError: An index names no hash of a file.
    """
    target = PypiTarget.of(answer.target.removeprefix("python "))
    marker = " and ".join(f"{name} == '{target.markers[name]}'" for name in _MARKERS)
    needs = needs_of(answer)
    head = ['lock-version = "1.0"', f"environments = [{toml_text(marker)}]", 'created-by = "outrider"']
    blocks = [head, *(list(entry(one, needs.get(one.name, []))) for one in answer.packages)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def needs_of(answer: Resolved) -> dict[str, list[str]]:
    """Return the names of what each package needs."""
    needs: dict[str, list[str]] = {}
    for one in answer.packages:
        for by in one.needed_by:
            needs.setdefault(by, []).append(one.name)
    return needs


def entry(one: ResolvedPackage, needs: Sequence[str], *, marker: str = "", index: str = "") -> Iterable[str]:
    """Yield the lines of a package.

    Args:
        one: Which.
        needs: Names of what it needs.
        marker: Of the machines that it is for; empty for all that the file is for.
        index: The address of the index that has it; empty where that is not told.

    Raises:
        PreconditionFailedError: The index names no hash of a file.
    """
    yield "[[packages]]"
    yield f"name = {toml_text(one.name)}"
    yield f"version = {toml_text(one.version)}"
    if marker:
        yield f"marker = {toml_text(marker)}"
    if needs:
        yield f"dependencies = [{', '.join(f'{{ name = {toml_text(name)} }}' for name in sorted(needs))}]"
    if index:
        yield f"index = {toml_text(index)}"
    files = [file for file in one.files if file.hashes] or [ResolvedFile(name=one.file, url=one.url, hashes=one.hashes)]
    if not files[0].hashes:
        raise PreconditionFailedError(
            f"pypi {one.name}: its index names no hash of {one.file}", path="packages", found="no hash", expected="a hash",
            suggestions=["use an index that names hashes"],
        )  # fmt: skip
    sources = [file for file in files if not file.name.endswith(".whl")]
    if sources:
        # One may be named, and that which every tool reads is preferred.
        best = min(sources, key=lambda file: (not file.name.endswith(".tar.gz"), file.name))
        yield f"sdist = {_file(best)}"
    yield "wheels = ["
    yield from (f"    {_file(file)}," for file in files if file.name.endswith(".whl"))
    yield "]"


def _file(file: ResolvedFile) -> str:
    hashes = ", ".join(f"{toml_text(name)} = {toml_text(value)}" for name, value in sorted(file.hashes.items()))
    size = f", size = {file.size}" if file.size else ""
    return f"{{ name = {toml_text(file.name)}, url = {toml_text(file.url)}{size}, hashes = {{ {hashes} }} }}"
