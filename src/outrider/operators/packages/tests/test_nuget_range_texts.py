"""Ranges as locks have them, in a table that nuget.exe 5.8 has made and must make again."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.nuget.packages import is_range
from outrider.operators.packages.nuget.range_texts import needed_text, requested_text
from outrider.operators.packages.nuget.ranges import read_range
from outrider.operators.packages.tests.nuget_feed import NugetFeed
from outrider.operators.packages.tests.nuget_locks import restore
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.operators.packages.tests.nuget_projects import project_text

VERSIONS = (
    "0.5.0", "1.0.0-alpha", "1.0.0-beta", "1.0.0-rc.1", "1.0.0", "1.0.0.5", "1.0.1-rc.12", "1.2.0", "1.2.1-beta1", "1.2.3", "1.2.3.4",
    "1.5.0-rc.2", "1.6.0", "2.0.0",
)  # fmt: skip
# As it is written, as it is requested, and as something needs it.
TABLE = [
    ("1.0", "[1.0.0, )", "1.0.0"),
    ("01.02", "[1.2.0, )", "1.2.0"),
    ("1.0.0.0", "[1.0.0, )", "1.0.0"),
    ("1.0.0.5", "[1.0.0.5, )", "1.0.0.5"),
    ("1.0.0-Beta", "[1.0.0-Beta, )", "1.0.0-Beta"),
    ("1.0+meta", "[1.0.0, )", "1.0.0"),
    ("[1.0]", "[1.0.0, 1.0.0]", "[1.0.0]"),
    ("[1.0,1.0]", "[1.0.0, 1.0.0]", "[1.0.0]"),
    ("[1.0,]", "[1.0.0, )", "1.0.0"),
    ("(1.0,)", "(1.0.0, )", "(1.0.0, )"),
    ("(,2.0]", "(, 2.0.0]", "(, 2.0.0]"),
    ("[,2.0]", "(, 2.0.0]", "(, 2.0.0]"),
    ("(,2.0)", "(, 2.0.0)", "(, 2.0.0)"),
    ("[1.0,2.0)", "[1.0.0, 2.0.0)", "[1.0.0, 2.0.0)"),
    ("(1.0,2.0]", "(1.0.0, 2.0.0]", "(1.0.0, 2.0.0]"),
    ("(1.0, 3.0.0.1)", "(1.0.0, 3.0.0.1)", "(1.0.0, 3.0.0.1)"),
    ("[1.0.0-alpha,1.0.0]", "[1.0.0-alpha, 1.0.0]", "[1.0.0-alpha, 1.0.0]"),
    ("*", "[*, )", "0.0.0"),
    ("1.*", "[1.*, )", "1.0.0"),
    ("1.2.*", "[1.2.*, )", "1.2.0"),
    ("1.2.3.*", "[1.2.3.*, )", "1.2.3"),
    ("1.0-*", "[1.0.0-*, )", "1.0.0-0"),
    ("1.0.0-*", "[1.0.0-*, )", "1.0.0-0"),
    ("1.0.0-rc.*", "[1.0.0-rc.*, )", "1.0.0-rc.0"),
    ("*-*", "[*-*, )", "0.0.0-0"),
    ("*-rc*", "[*-rc*, )", "0.0.0-rc"),
    ("1.*-rc*", "[1.*-rc*, )", "1.0.0-rc"),
    ("1.2.*-*", "[1.2.*-*, )", "1.2.0-0"),
    ("1.2.*-BETA*", "[1.2.*-BETA*, )", "1.2.0-BETA"),
    ("1.0.*-rc.1*", "[1.0.*-rc.1*, )", "1.0.0-rc.1"),
    ("[1.*,2.0)", "[1.*, 2.0.0)", "[1.0.0, 2.0.0)"),
    ("[*,2.0]", "[*, 2.0.0]", "[0.0.0, 2.0.0]"),
    ("[1.0.0-*,2.0)", "[1.0.0-*, 2.0.0)", "[1.0.0-0, 2.0.0)"),
]

VERSION = st.from_regex(r"(0|[1-9][0-9]?)(\.(0|[1-9]|03)){1,3}(-[a-cA-C](\.1)?)?(\+m)?", fullmatch=True)
FLOATING = st.from_regex(r"([1-9]\.){0,3}\*(-([a-c]\.?)?\*)?|[1-9]\.[1-9]\.[1-9]-([a-c]\.?)?\*", fullmatch=True)
RANGE = st.tuples(
    st.sampled_from("[("), VERSION | FLOATING | st.just(""), st.just(","), VERSION | st.just(""), st.sampled_from("])")
).map("".join)
WRITTEN = (VERSION | FLOATING | RANGE | VERSION.map("[{}]".format)).filter(
    lambda text: is_range(text) and bool(read_range(text).allowed.spans)
)


@pytest.mark.parametrize(("text", "requested", "needed"), TABLE)
def test_texts(text: str, requested: str, needed: str) -> None:
    assert requested_text(text) == requested
    assert needed_text(text) == needed


def test_any_version() -> None:
    assert needed_text("") == requested_text(" ") == "(, )"


@given(WRITTEN)
def test_what_is_written_is_read_as_the_same(text: str) -> None:
    read, again = read_range(text), read_range(requested_text(text))
    assert (again.allowed.spans, again.low, again.floating) == (read.allowed.spans, read.low, read.floating)
    assert read_range(needed_text(text)).low == read.low
    assert requested_text(requested_text(text)) == requested_text(text)


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
async def test_nuget_writes_the_same(tmp_path: Path) -> None:
    async with NugetFeed() as feed:
        for version in VERSIONS:
            feed.add(f"X@{version}")
        paths = []
        for number, (text, _, _) in enumerate(TABLE):
            feed.add(f"Needs{number}@1.0.0", f"X@{text}")
            for name, needs in (("asks", {"X": text}), ("needs", {f"Needs{number}": "1.0.0"})):
                path = tmp_path / f"{name}{number}" / "App.csproj"
                path.parent.mkdir()
                path.write_text(project_text("netcoreapp3.1", needs))
                paths.append(path)
        said = await restore(paths, feed.url, tmp_path / "native")
        found = []
        for number, (text, _, _) in enumerate(TABLE):
            asked = entries(tmp_path / f"asks{number}", said)["X"]["requested"]
            needed = entries(tmp_path / f"needs{number}", said)[f"Needs{number}"]["dependencies"]["X"]
            found.append((text, asked, needed))
        assert found == TABLE


def entries(folder: Path, said: str) -> dict[str, dict[str, Any]]:
    path = folder / "packages.lock.json"
    assert path.is_file(), said
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())["dependencies"][".NETCoreApp,Version=v3.1"]
    return found
