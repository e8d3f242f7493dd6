"""The question for what a workspace of uv needs on all machines that it is meant for."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.uv import kinds_of, versions_of
from outrider.operators.packages.manifests.py_requirements import FORM, Where
from outrider.operators.packages.manifests.uv_files import without_login
from outrider.operators.packages.manifests.uv_workspace import LocalProject, UvWorkspace
from outrider.operators.packages.pypi import details
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, disjoint, lowest_python
from outrider.operators.packages.resolving.questions import Question

# Stands for a version that only a build can tell; no range of others counts for it.
_ANY = "0"


def asked_by(workspace: UvWorkspace, question: Question, folder: Path, before: Mapping[str, Any]) -> Question:
    """Return the question, for all files.

    Args:
        workspace: That asks.
        question: What may be used for an answer.
        folder: Of the workspace, whose settings count.
        before: The lock whose machines are told apart again; an empty one where there is none.

    Raises:
        InvalidConfigError: An environment cannot be read, or two have machines in common.
    """
    asked = workspace.asked()
    numbers = {(path, one.where, one.need): number for number, (path, one, _) in enumerate(asked)}
    lists = [[(numbers[path, one.where, one.need], one.part) for one in some] for path, some in workspace.lists()]
    local = [_local(one, numbers) for one in workspace.projects]
    return msgspec.structs.replace(
        question, packages=[one.need.text() for _, one, _ in asked], folder=folder, files=True,
        details=details.PypiDetails(
            lists=lists, local=local, pythons=workspace.pythons, kinds=_kinds(workspace, before), indexes=workspace.indexes(),
            locked=_locked(workspace, before),
            constraints=[one.told.text() for one in workspace.constraints], overrides=[one.told.text() for one in workspace.overrides],
        ),
    )  # fmt: skip


def environments(markers: Sequence[str], key: str, pythons: PythonRange) -> list[Tree]:
    """Return what markers of machines mean.

    Args:
        markers: Of `tool.uv`.
        key: Under which they stand there.
        pythons: Of the workspace.

    Raises:
        InvalidConfigError: One cannot be read, or is of Pythons that are not meant.
    """
    found = []
    for number, text in enumerate(markers):
        where = f"tool.uv.{key}.{number}"
        try:
            tree = marker_tree(text)
        except InvalidConfigError as error:
            error.path = where
            raise
        if disjoint(tree, pythons.tree):
            raise InvalidConfigError(
                f"{FORM}: {where} is of no machine with such a Python", path=where, found=text[:80], expected=f"one with Python {pythons.text}",
                suggestions=["take it out", "widen project.requires-python"],
            )  # fmt: skip
        found.append(tree)
    return found


def _local(one: LocalProject, numbers: Mapping[tuple[Path, Where, Need], int]) -> details.LocalProject:
    project = one.project
    needs = [(each.extra, numbers[one.path, each.where, each.need], each.part) for each in project.requirements]
    return details.LocalProject(
        name=project.name, version=project.version or _ANY, needs=needs, python=project.pythons, is_member=one.is_member,
        place=one.place or one.source, wheel=one.archive.wheel if one.archive is not None else "", url=one.url,
    )  # fmt: skip


def _locked(workspace: UvWorkspace, before: Mapping[str, Any]) -> list[details.LockedVersion]:
    """Return what a lock has, with the addresses of indexes as a workspace has them."""
    asked = {without_login(one.url).rstrip("/"): one.url for one in workspace.indexes()}
    return [msgspec.structs.replace(one, url=asked.get(one.url.rstrip("/"), one.url)) for one in versions_of(before)]


def _kinds(workspace: UvWorkspace, before: Mapping[str, Any]) -> list[str]:
    """Return the markers of the machines that a lock tells apart, or else of those that are meant alone, with the highest Pythons first."""
    pythons = PythonRange.of(workspace.pythons)
    trees = environments(workspace.environments or [], "environments", pythons)
    for one, other in combinations(trees, 2):
        if not disjoint(one, other):
            raise InvalidConfigError(
                f"{FORM}: tool.uv.environments has two with machines in common", path="tool.uv.environments",
                found=f"{marker_text(one)} and {marker_text(other)}", expected="machines of which each is in one of them alone",
                suggestions=["narrow one of them"],
            )  # fmt: skip
    supported = [marker_text(pythons.simplified(one)) for one in trees]
    if kinds_of(before) and [one for one in supported if one] == before.get("supported-markers", []):
        return kinds_of(before)
    trees.sort(key=lambda one: lowest_python(one) or (), reverse=True)
    return [marker_text(one) for one in trees]
