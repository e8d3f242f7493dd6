import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.runtime.sandbox.identity import (
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    Identity,
    UidRange,
    effective_capabilities,
    identity,
    uid_range,
)
from outrider.runtime.sandbox.model import Grants, Level

ALL = (1 << 41) - 1
RANGE = UidRange(0x7000_0000, 0x0700_0000)
WHOLE_MAP = "         0          0 4294967295\n"


@pytest.mark.parametrize(
    ("capabilities", "uid_map", "expected"),
    [
        (ALL, WHOLE_MAP, RANGE),
        (0, WHOLE_MAP, None),
        (1 << 7, WHOLE_MAP, None),
        (ALL, "0 100000 65536\n", UidRange(32768, 32766)),
        (ALL, "0 1000 1\n1 100000 65536\n", UidRange(32769, 32766)),
        (ALL, "0 1000 1\n", None),
        (ALL, "", None),
    ],
)
def test_uids_to_hand_out(capabilities: int, uid_map: str, expected: UidRange | None) -> None:
    assert uid_range(capabilities, uid_map) == expected


@given(first=st.integers(0, 2**20), count=st.integers(0, 2**32 - 1))
def test_handed_out_uids_exist_in_the_namespace(first: int, count: int) -> None:
    found = uid_range(ALL, f"{first} 0 {count}\n")
    assert found is None or (first <= found.first and found.first + found.count <= first + count and found.count > 0)


def test_the_own_capabilities_are_those_of_the_kernel() -> None:
    assert (effective_capabilities() != 0) is (os.geteuid() == 0)


def test_a_folder_keeps_its_uid_and_has_its_own(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert RANGE.uid_for(first) == RANGE.uid_for(first) != RANGE.uid_for(second)
    assert UidRange(os.getuid(), 1).uid_for(first) == os.getuid()


def who(level: Level, folder: Path, grants: Grants | None = None, capabilities: int = ALL) -> tuple[int, ...]:
    found = identity(
        level, grants or Grants(), uids=RANGE, capabilities=capabilities, work_dir=folder, needed=[str(folder)]
    )
    assert found.uid is not None
    assert found.uid >= RANGE.first
    return found.capabilities


def test_no_capability_where_none_is_needed(open_folder: Path) -> None:
    assert who(Level.LANDLOCK, open_folder) == ()
    assert who(Level.NAMESPACED, open_folder) == ()


def test_closed_folders_above_need_a_capability_without_namespaces(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    tmp_path.chmod(0o700)
    assert who(Level.LANDLOCK, inner) == (CAP_DAC_READ_SEARCH,)
    assert who(Level.NAMESPACED, inner) == ()


def test_closed_files_need_a_capability_at_every_level(open_folder: Path) -> None:
    inner = open_folder / "inner"
    inner.mkdir(mode=0o700)
    assert who(Level.LANDLOCK, inner) == who(Level.NAMESPACED, inner) == (CAP_DAC_READ_SEARCH,)


def test_grants_need_capabilities(open_folder: Path) -> None:
    assert who(Level.NAMESPACED, open_folder, Grants(read_paths=["/var/log"])) == (CAP_DAC_READ_SEARCH,)
    assert who(Level.NAMESPACED, open_folder, Grants(write_paths=["/var/log"])) == (CAP_DAC_OVERRIDE,)


def test_a_container_may_lack_one_capability(open_folder: Path) -> None:
    lacking = ALL & ~(1 << CAP_DAC_READ_SEARCH)
    assert who(Level.LANDLOCK, open_folder, Grants(read_paths=["/x"]), lacking) == (CAP_DAC_OVERRIDE,)
    assert who(Level.LANDLOCK, open_folder, Grants(read_paths=["/x"]), 0) == ()


@pytest.mark.parametrize(("level", "uids"), [(Level.NONE, RANGE), (Level.LANDLOCK, None)])
def test_nobody_else_without_a_level_or_without_uids(level: Level, uids: UidRange | None, tmp_path: Path) -> None:
    assert identity(level, Grants(), uids=uids, capabilities=ALL, work_dir=tmp_path, needed=[]) == Identity()
