"""Others that read databases of RPM: RPM itself, and go-rpmdb, which comes with databases of real systems."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.peers.environments import CHECKOUT

# Its databases take 200 megabytes.
_SOURCE, _BUILT = Path(__file__).parent / "rpm_databases", CHECKOUT / ".cache" / "rpm-databases"
_SECONDS = 600
_FORM = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n"
_BACKENDS = {"Packages": "bdb_ro", "rpmdb.sqlite": "sqlite"}
# Name, epoch, version, release, architecture and file of the source.
Row = tuple[str, ...]


def by_rpm(folder: Path, name: str) -> "Counter[Row]":
    """Return the packages of a database as RPM reads it.

    Args:
        folder: Of the database; RPM may write to it.
        name: Of its file, which says what form it has.
    """
    command = ["rpm", "--dbpath", str(folder), "--define", f"_db_backend {_BACKENDS[name]}", "-qa", "--qf", _FORM]
    return Counter(_rows(_said(*command).splitlines()))


def by_go(databases: Sequence[Path]) -> dict[str, "Counter[Row]"]:
    """Return the packages of databases as go-rpmdb reads them, by path."""
    program = _BUILT / "list"
    if not program.is_file():
        _BUILT.mkdir(parents=True, exist_ok=True)
        _said(_go(), "build", "-o", str(program), ".", folder=_SOURCE)
    found: dict[str, Counter[Row]] = {str(path): Counter() for path in databases}
    for line in _said(str(program), *map(str, databases)).splitlines():
        path, _, rest = line.partition("\t")
        found[path].update(_rows([rest]))
    return found


def databases() -> list[Path]:
    """Return the databases of real systems that come with go-rpmdb."""
    module = json.loads(_said(_go(), "mod", "download", "-json", "github.com/knqyf263/go-rpmdb", folder=_SOURCE))
    return sorted(
        path for path in Path(module["Dir"], "pkg", "testdata").glob("*/*") if path.name in (*_BACKENDS, "Packages.db")
    )


def _rows(lines: Iterable[str]) -> list[Row]:
    # Keys are no packages, and have neither an architecture nor a source.
    rows = [tuple("" if word == "(none)" else word for word in line.split("\t")) for line in lines]
    return [row for row in rows if row[0] != "gpg-pubkey"]


def _go() -> str:
    found = shutil.which("go")
    if found is None:
        pytest.skip("go is missing: apt-get install golang-go")
    return found


def _said(*command: str, folder: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing: apt-get install {command[0]}")
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=_SECONDS
    ).stdout
