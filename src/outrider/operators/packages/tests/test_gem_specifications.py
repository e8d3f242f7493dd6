"""Specifications of gems as they are read and written here, compared with what RubyGems itself makes of them."""

import gzip
import io
import json
import subprocess
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.lines import read_line
from outrider.operators.packages.gem.serving.listing import Listing, changes, names, shown_of
from outrider.operators.packages.gem.serving.marshalling import Symbol, dumped
from outrider.operators.packages.gem.serving.packages import metadata_of
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.spec_lists import SPECS, specs
from outrider.operators.packages.gem.serving.specifications import line, quick, read_specification
from outrider.operators.packages.tests.gem_files import GemFile

_BUILDING = """
JSON.parse(File.read("gems.json")).each_with_index do |said, at|
  spec = Gem::Specification.new do |s|
    said["set"].each { |name, value| s.public_send("#{name}=", value) }
    said["needs"].each { |kind, name, words| s.public_send("add_#{kind}_dependency", name, *words) }
  end
  Gem::DefaultUserInteraction.use_ui(Gem::SilentUI.new) { Gem::Package.build(spec, true, false, "#{at}.gem") }
  File.binwrite("#{at}.dump", Marshal.dump(Gem::Package.new("#{at}.gem").spec))
end
"""
# What both have is compared, as equal and as shown; `==` of some classes looks at a part alone.
_COMPARING = """
fields = ->(file) { Marshal.load(Marshal.load(File.binread(file))._dump(-1)) }
JSON.parse(File.read("gems.json")).each_index do |at|
  ours, theirs = fields["#{at}.ours"], fields["#{at}.dump"]
  shown = [ours, theirs].map { |one| one.inspect.gsub(/0x\\h+/, "") }
  abort "#{at}: #{shown.join(' ')}" unless ours == theirs && shown.uniq.size == 1
end
"""
_ROUND = "$<.binmode; bytes = $<.read; exit(Marshal.dump(Marshal.load(bytes)) == bytes)"
_VERSIONS = ("0", "1.0", "1.2.3", "2.0.rc1", "10.0.0.pre.4", "2026.1.31")
_TEXTS = (
    "",
    "x",
    "wéb of thíngs",
    "a: b # c",
    "two\nlines\n",
    "  blank ",
    "'quoted' \"twice\"",
    "- no list",
    "😀",
    "1.0",
    "true",
    "~",
    "x" * 300,
)
_PLATFORMS = ("ruby", "java", "x86_64-linux", "x86_64-linux-musl", "arm64-darwin-22", "x86-mingw32", "x64-mingw-ucrt", "universal-darwin-9", "x86-mswin32-60")  # fmt: skip
_OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "~>")


def ruby(program: str, *, folder: Path | None = None, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["ruby", "-rjson", "-rrubygems/package", "-e", program],
        cwd=folder,
        input=given,
        capture_output=True,
        check=False,
        timeout=120,
    )


def described(chance: Random) -> dict[str, Any]:
    """Return what a gem says, by chance."""

    def requirement() -> list[str]:
        return [f"{chance.choice(_OPERATORS)} {chance.choice(_VERSIONS)}" for _ in range(chance.randint(0, 3))]

    def text() -> str | None:
        return chance.choice((None, *_TEXTS))

    said: dict[str, Any] = {
        "name": f"gem-{chance.randint(0, 9)}_x.y", "version": chance.choice(_VERSIONS), "platform": chance.choice(_PLATFORMS),
        "summary": text(), "description": text(), "homepage": text(), "authors": [chance.choice(_TEXTS) for _ in range(chance.randint(0, 2))],
        "email": chance.choice((None, "a@example.test", ["a@example.test", "b@example.test"])), "files": [],
        "licenses": chance.sample(("MIT", "Apache-2.0", "Nonstandard"), chance.randint(0, 2)), "required_ruby_version": requirement(),
        "required_rubygems_version": requirement(), "metadata": {one: chance.choice(_TEXTS) for one in chance.sample(("a", "b_c", "d e"), chance.randint(0, 3))},
        "date": f"20{chance.randint(10, 99)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
    }  # fmt: skip
    needs = [
        [chance.choice(("runtime", "development")), f"need-{at}", requirement()] for at in range(chance.randint(0, 4))
    ]
    return {"set": {key: value for key, value in said.items() if value is not None}, "needs": needs}


def compared(folder: Path, count: int, seed: int) -> None:
    """Build gems with RubyGems, and compare what it loads of each with what is written here."""
    chance = Random(seed)
    gems = [described(chance) for _ in range(count)]
    (folder / "gems.json").write_text(json.dumps(gems))
    built = ruby(_BUILDING, folder=folder)
    assert built.returncode == 0, built.stderr
    for at, said in enumerate(gems):
        metadata = metadata_of(io.BytesIO((folder / f"{at}.gem").read_bytes()))
        found = read_specification(read_mapping(metadata))
        ours = zlib.decompress(quick(found))
        (folder / f"{at}.ours").write_bytes(ours)
        # What stands in two places of it Ruby writes once.
        shared = b": &1" in metadata or found.platform == "ruby"
        assert shared or ours == (folder / f"{at}.dump").read_bytes(), said
        of_index = read_line(line(found, "ab" * 32, "2026-01-31T00:00:00Z").encode())
        assert of_index is not None
        assert {need.name for need in of_index.variant.needs} == {
            name for kind, name, _ in said["needs"] if kind == "runtime"
        }
    said_by_ruby = ruby(_COMPARING, folder=folder)
    assert said_by_ruby.returncode == 0, said_by_ruby.stderr


@pytest.mark.real
def test_what_rubygems_loads_is_what_it_would_write_itself(tmp_path: Path) -> None:
    compared(tmp_path, 60, 1)


@pytest.mark.real
@pytest.mark.long
def test_what_rubygems_loads_is_what_it_would_write_itself_of_many(tmp_path: Path) -> None:
    compared(tmp_path, 1500, 2)


def test_what_older_rubygems_wrote_is_read() -> None:
    text = """--- !ruby/object:Gem::Specification
name: old
version: !ruby/object:Gem::Version
  hash: 3
  segments:
  - 0
  version: 0.1
platform: !ruby/object:Gem::Platform
  cpu: x86
  os: mingw32
  version:
authors: []
date: 2010-02-03 00:00:00 +01:00
default_executable:
dependencies:
- !ruby/object:Gem::Dependency
  name: rake
  requirement: &1 !ruby/object:Gem::Requirement
    none: false
    requirements:
    - - ">="
      - !ruby/object:Gem::Version
        version: 0.8.7
  type: :runtime
  version_requirements: *1
- !ruby/object:Gem::Dependency
  name: core
  type: :development
  version_requirement:
  version_requirements: !ruby/object:Gem::Requirement
    requirements:
    - - "~>"
      - !ruby/object:Gem::Version
        version: "1"
description: !binary |-
  d8OpYg==
license: MIT
summary: ! 'x'
"""
    found = read_specification(read_mapping(text.encode()))
    assert found.full_name == "old-0.1-x86-mingw32"
    assert [(need.name, need.requirement, need.kind) for need in found.needs] == [
        ("rake", ((">=", "0.8.7"),), "runtime"), ("core", (("~>", "1"),), "development"),
    ]  # fmt: skip
    assert (found.licences, found.said["description"], found.ruby) == (["MIT"], "wéb", ((">=", "0"),))
    assert b"Iu:\tTime\r" in zlib.decompress(quick(found))


def test_aliases_do_not_make_much_of_little() -> None:
    levels = "\n".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]" for at in range(1, 9))
    found = read_mapping(f"l0: &l0 [x]\n{levels}\n".encode())
    assert found["l8"][0] is found["l8"][8]
    with pytest.raises(InvalidConfigError, match="alias"):
        read_mapping(f"a: &a x\nb: [{', '.join(['*a'] * 20_000)}]".encode())


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 30), (1 << 30) - 1)
    | st.text()
    | st.sampled_from([Symbol("a"), Symbol("b_c")]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.real
def test_ruby_reads_what_is_written_for_it() -> None:
    chance = Random(3)
    numbers = [sign * ((1 << chance.randint(0, 30)) + chance.randint(-2, 2)) for sign in (1, -1) for _ in range(200)]
    content = dumped([one for one in numbers if -(1 << 30) <= one < 1 << 30])
    assert ruby(_ROUND, given=content).returncode == 0


@given(values)
def test_anything_can_be_written(value: Any) -> None:
    assert dumped(value)[:2] == b"\x04\x08"


@pytest.mark.real
@pytest.mark.parametrize("kind", SPECS)
def test_ruby_reads_the_lists_that_it_searches_in(kind: str) -> None:
    chance = Random(4)
    lines = [
        f"gem{chance.randint(0, 99)} {','.join(chance.choice(_VERSIONS) + chance.choice(('', '-java', '-x86_64-linux')) for _ in range(3))} ab"
        for _ in range(300)
    ]
    content = gzip.decompress(specs(Listing("\n".join(["---", *lines, ""]).encode(), {}), kind))
    assert len(content) > 500
    assert ruby(_ROUND, given=content).returncode == 0


def triples(kind: str, content: bytes, **refused: list[str]) -> str:
    """Return what Ruby finds in a list."""
    content = gzip.decompress(specs(Listing(content, refused), kind))
    said = ruby("$<.binmode; puts Marshal.load($<.read).map { |one| one.join(' ') }", given=content)
    return said.stdout.decode()


LIST = b"created_at: x\n---\nb 1.0,1.0-java,2.0.rc1 aa\na 0.1,0.1.0.1 bb\nb 1.10,1.9,-1.0 cc\nc 1.0 dd\nc -1.0 0\nd x,1.a-b ee\n"


@pytest.mark.real
def test_lists_have_what_was_not_taken_away_again() -> None:
    assert triples("specs", LIST) == "a 0.1 ruby\na 0.1.0.1 ruby\nb 1.0 java\nb 1.10 ruby\nb 1.9 ruby\n"
    assert triples("latest_specs", LIST) == "a 0.1.0.1 ruby\nb 1.0 java\nb 1.10 ruby\n"
    assert triples("prerelease_specs", LIST) == "b 2.0.rc1 ruby\nd 1.a b\n"
    assert triples("latest_specs", LIST, b=["1.10"], a=["0.1", "0.1.0.1"]) == "b 1.0 java\nb 1.9 ruby\n"
    assert names(Listing(LIST, {})) == b"---\na\nb\nd\n"


lines = st.dictionaries(
    st.sampled_from("abcde"),
    st.lists(st.sampled_from(["1", "2", "2-java", "3.a"]), min_size=1, max_size=4, unique=True).map(lambda one: f"{','.join(one)} {len(one)}"),
)  # fmt: skip


@given(st.lists(lines, max_size=5))
def test_what_was_appended_says_in_the_end_what_was_to_be_said(steps: list[dict[str, str]]) -> None:
    content, before = b"---\n", dict[str, str]()
    for after in steps:
        content += changes(before, after)
        before = after
    found = {
        name: {f"{one.version}-{one.platform}".removesuffix("-ruby") for one in those}
        for name, those in Listing(content, {}).gems()
    }
    assert found == {name: {*one.partition(" ")[0].split(",")} for name, one in before.items()}
    checksums = {one.split()[0]: one.split()[2] for one in content.decode().splitlines()[1:]}
    assert {name: checksums[name] for name in before} == {name: one.partition(" ")[2] for name, one in before.items()}


def test_what_is_hidden_of_a_list_is_not_in_it() -> None:
    content = b"created_at: x\n---\na 1 abc\nb 1 abc\na 2 def\nodd\n"
    assert shown_of(content, None, asking=False) is content
    assert shown_of(content, lambda name: name == "a", asking=True) == b"created_at: x\n---\nb 1 cba\nodd\n"
    # What came behind it has no head.
    assert shown_of(b"a 1 abc\nb 1 abc\n", lambda name: name == "b", asking=False) == b"a 1 abc\n"


def test_a_gem_of_tests_is_one() -> None:
    gem = GemFile(needs=["core@~> 1"])
    found = read_specification(read_mapping(metadata_of(io.BytesIO(gem.packed()))))
    assert (found.full_name, found.variant, [need.name for need in found.needs]) == ("acme-web-1.0", "1.0", ["core"])
