"""Python projects that lie here or were fetched, as a resolver sees them: each has one version, and no index is asked for it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from outrider.operators.packages.pypi.core_metadata import Metadata, Need
from outrider.operators.packages.pypi.details import LocalProject
from outrider.operators.packages.pypi.pages import PypiFile
from outrider.operators.packages.pypi.records import Explored, PypiRecord, Shape, tags_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


def local_records(projects: Iterable[LocalProject], asked: Sequence[Need]) -> dict[str, PypiRecord]:
    """Return what is known of projects that lie here, by their names.

    Args:
        projects: Which.
        asked: What is asked for, whose numbers they have.
    """
    # What members need is asked for by itself.
    return {
        one.name: _record(
            one, [] if one.is_member else [asked[at].on(where).with_extra(extra) for extra, at, where in one.needs]
        )
        for one in projects
    }


def by_name(needs: Iterable[Need], addresses: Mapping[str, str]) -> list[Need]:
    """Return needs, those by the address that a project has itself without it.

    Args:
        needs: Which.
        addresses: Of projects, by their names.
    """
    return [
        msgspec.structs.replace(one, range="") if one.range == f" @ {addresses.get(one.name)}" else one for one in needs
    ]


def _record(one: LocalProject, needs: list[Need]) -> PypiRecord:
    # What is built of it runs everywhere, as far as anybody knows before it is built.
    name = one.wheel or f"{one.name.replace('-', '_')}-{one.version}-py3-none-any.whl"
    file = PypiFile(name=name, url="", python=one.python)
    table = VersionTable(scheme_of("pypi"), [one.version])
    prereleases = table.everything & ~table.releases
    return PypiRecord(
        versions=table.versions, prereleases=prereleases.to_bytes(1, "little"), wheels=[(one.python, tags_of(file.name))],
        shapes=[Shape((0,), source=False)], shape_of=[0], explored={table.versions[0]: [Explored(file, Metadata(needs=needs, python=one.python))]},
    )  # fmt: skip
