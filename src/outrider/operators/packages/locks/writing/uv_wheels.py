"""Whether there are wheels for machines for which a project must have some."""

from collections.abc import Iterable, Sequence

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.pypi.universal.graphs import LockGraph, Part
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, conjunction
from outrider.operators.packages.pypi.universal.wheel_tags import may_be_reached
from outrider.operators.packages.resolving.outcomes import ResolvedPackage


def refuse_missing_wheels(
    packages: Iterable[ResolvedPackage], required: Sequence[Tree], graph: LockGraph, pythons: PythonRange
) -> None:
    """Refuse what can neither be built nor installed on a machine that is required: uv would look for another version of it.

    Args:
        packages: That are locked, with all files.
        required: The machines.
        graph: Of the lock.
        pythons: Of the project.

    Raises:
        UnsupportedError: There is such a package.
    """
    for one in packages:
        if any(not file.name.endswith(".whl") for file in one.files):
            continue
        reached = graph.reached[Part.of(one)]
        for tree in required:
            here = conjunction(reached, tree)
            if here is not False and not any(may_be_reached(file.name, pythons, here) for file in one.files):
                raise UnsupportedError(
                    f"{one.name} {one.version}".strip() + " has no wheel where tool.uv.required-environments wants one", path="tool.uv.required-environments",
                    found=f"none where {marker_text(tree)}", expected="a wheel, or a source distribution",
                    suggestions=[f"ask for a version of {one.name} that has one", "use uv itself: uv lock"],
                )  # fmt: skip
