"""Writes Pipfile.lock to the byte as Pipenv 2026.10 does: https://pipenv.pypa.io/en/latest/pipfile.html."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

_SPECIFICATION = 6


def written(pipfile: Pipfile, packages: Iterable[ResolvedPackage], before: str) -> str:
    """Return the file.

    Args:
        pipfile: Of the project.
        packages: Each in a category, with its entry and the name that it has there.
        before: The file until now; its line ends stay, and so do categories that the Pipfile has no more. Empty for none.
    """
    categories: dict[str, dict[str, Any]] = {one: {} for one in pipfile.categories}
    for one in packages:
        entry = dict(one.entry)
        categories[one.place][entry.pop("name")] = entry
    kept = json.loads(before) if before else {}
    text = json.dumps({**kept, **categories, "_meta": _meta(pipfile)}, indent=4, separators=(",", ": "), sort_keys=True)
    return f"{text}\n".replace("\n", "\r\n" if "\r\n" in before else "\n")


def _meta(pipfile: Pipfile) -> Mapping[str, Any]:
    sources = [
        {**said, "name": one.name, "verify_ssl": one.verify_ssl}
        for said, one in zip(pipfile.document["source"], pipfile.sources, strict=True)
    ]
    return {
        "hash": {"sha256": pipfile.digest},
        "pipfile-spec": _SPECIFICATION,
        "requires": pipfile.requires,
        "sources": sources,
    }
