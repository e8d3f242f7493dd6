"""What a compact index says of a gem, and in which form that is kept."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.gem.lines import GemNeed, is_name, read_lines
from outrider.operators.packages.gem.records import GemRecord, compiled
from outrider.operators.packages.gem.store import GemStore

GOOD = "1.0 core:>= 1|ruby:>= 2.5"
BAD = [
    "one",
    "1.0.",
    "1_0 |",
    "1.0-a/b |",
    "1.0-" + "x" * 200 + " |",
    "1.0 ../core:>= 1|",
    "1.0 co re:>= 1|",
    "1.0 :>= 1|",
    "1.0 core:one|",
    "1.0 core:>= 1&!!|",
    "1.0 |ruby:three",
    "1.0 |rubygems:>> 3",
    "1.0 core:" + "&".join(f">= {one}" for one in range(1000)) + "|",
    "1.0 " + ",".join(f"c{one}:>= 0" for one in range(3000)) + "|",
    "1.0 |x:" + "y" * (2 << 20),
    "\udcff",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_line_that_cannot_be_read_leaves_out_that_version(text: str) -> None:
    content = "\n".join(["created_at: now", "---", text.replace("1.0", "1.1", 1), "", GOOD, " \r"])
    record = compiled(content.encode("utf-8", "surrogateescape"))
    assert (record.versions, record.left_out) == (["1.0"], 1)


def test_what_a_line_says() -> None:
    text = f"1.0.rc1-java a:>= 1&< 2,b:,c|checksum:{'ab' * 32},ruby:>= 2,rubygems:> 1.3,created_at:2026-01-02T03:04:05Z,new:x"
    (found,) = read_lines(text.encode())
    assert found is not None
    variant = found.variant
    assert (found.version, variant.platform, variant.checksum, variant.created) == (
        "1.0.rc1",
        "java",
        "ab" * 32,
        1767323045.0,
    )
    assert variant.needs == [GemNeed("a", "< 2, >= 1"), GemNeed("b", ">= 0"), GemNeed("c", ">= 0")]
    assert (variant.ruby, variant.rubygems) == (">= 2", "> 1.3")
    (found,) = read_lines(b"1.0- |checksum:abc,created_at:yesterday")
    assert found is not None
    assert (found.variant.platform, found.variant.checksum, found.variant.created) == ("ruby", "", 0.0)


def test_a_later_line_for_the_same_variant_counts() -> None:
    record = compiled(b"1.0 a:>= 0|\n1.0-java b:>= 0|\n1.0 c:>= 0|\n")
    assert (record.versions, record.platforms) == (["1.0"], [["java", "ruby"]])
    assert b"\xa1c" in record.variants[0]
    assert b"\xa1a" not in record.variants[0]


def test_of_equal_versions_the_later_one_counts() -> None:
    record = compiled(b"1.0 a:>= 0|\n1.0-java |\n1.1 |\n1.0.0 b:>= 0|\n")
    assert (record.versions, record.platforms, record.left_out) == (["1.0.0", "1.1"], [["ruby"], ["ruby"]], 1)


def test_no_more_lines_than_there_may_be() -> None:
    assert sum(1 for _ in read_lines(b"1.0 |\n" + b"x\n" * 100_000)) == 50_000


@given(st.binary() | st.text("01.-ab:&|, <>=~\n").map(str.encode))
def test_any_document_is_read(content: bytes) -> None:
    record = compiled(content)
    assert len(record.versions) == len(record.platforms) == len(record.variants)


@given(st.text())
def test_names_are_no_paths(name: str) -> None:
    assert not is_name(name) or (name not in (".", "..") and not set(name) & set("/\\\0 @"))


def test_names_of_strangers_stay_within_the_folder(tmp_path: Path) -> None:
    store = GemStore(tmp_path / "cache", "http://x")
    for name in ("../../../../etc/passwd", "a" * 5000, "", ".", "..", "a/b", "Web", "web"):
        store.keep(name, GemRecord(index=name), name.encode())
    for name in ("../../../../etc/passwd", "..", "Web", "web"):
        record = store.record(name)
        assert record is not None
        assert (record.index, store.document(name)) == (name, name.encode())
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
