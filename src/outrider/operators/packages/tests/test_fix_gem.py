"""Vulnerable gems of Gemfile.lock are replaced, and Bundler takes the lock as it is."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.gem_projects import GemProjects, gem_projects, read
from outrider.operators.packages.tests.gem_registry import GemRegistry, checksum
from outrider.operators.packages.tests.generators.gemfiles import draw_gemfile
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.world import variables
from tests.peers.bundler_library import library


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[tuple[GemRegistry, GemProjects]]:
    async with gem_projects(tmp_path) as found:
        with variables(found[1].asking.environment):
            yield found


def bad(identity: str, name: str, *events: tuple[str, str]) -> dict[str, Any]:
    said = affected(ecosystem_range(*events), name=name, ecosystem="RubyGems")
    return record(identity, said, severity=[HIGH])


async def fixed(folder: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(folder / "shop"), **params), context(folder))


def fill(registry: GemRegistry) -> None:
    registry.add("web@1.0", "core@~> 1.0")
    registry.add("web@2.0", "core@~> 2.0", "more")
    for version in ("1.0", "1.1", "1.1.1", "1.2", "2.0", "2.1"):
        for platform in ("", "-x86_64-linux", "-java", "-arm64-darwin"):
            registry.add(f"core@{version}{platform}")
    for version in ("0.3.0", "0.3.1"):
        registry.add(f"other@{version}", "bundler@>= 1")
    registry.add("more@1.0")


GEMFILE = (
    "ruby '~> 3.1'",
    "gem 'web', '~> 1.0' # the site",
    'gem "other", "< 1", group: :test',
    'gem "jdbc", platforms: :windows',
)
LOCK = """\
GEM
  remote: https://gems.test/
  specs:
    core (1.0)
    core (1.0-java)
    core (1.0-x86_64-linux)
    other (0.3.0)
      bundler (>= 1)
    web (1.0)
      core (~> 1.0)

PLATFORMS
  java
  ruby
  x86_64-linux

DEPENDENCIES
  jdbc
  other (< 1)
  web (~> 1.0)

CHECKSUMS
  core (1.0) sha256=ab
  core (1.0-java)
  core (1.0-x86_64-linux) sha256=cd
  other (0.3.0) sha256=ef
  web (1.0)

RUBY VERSION
   ruby 2.7.0p0

BUNDLED WITH
   2.5.1
"""


def locked(projects: GemProjects, text: str = LOCK) -> Path:
    path = projects.add(*GEMFILE) / "Gemfile.lock"
    path.write_bytes(text.encode())
    return path


async def test_the_lock_alone_changes_where_the_requirements_allow_it(
    tmp_path: Path, made: tuple[GemRegistry, GemProjects]
) -> None:
    registry, projects = made
    fill(registry)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.1")))
    path = locked(projects)
    gemfile = path.with_name("Gemfile").read_text()
    result = await fixed(tmp_path, manifest=True)
    wanted = LOCK.replace("core (1.0", "core (1.1.1")
    for platform, digest in (("", " sha256=ab"), ("-java", ""), ("-x86_64-linux", " sha256=cd")):
        one = f"core (1.1.1{platform})"
        wanted = wanted.replace(f"\n  {one}{digest}\n", f"\n  {one} sha256={checksum(f'core@1.1.1{platform}')}\n")
    assert path.read_text() == wanted
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why, change.direct) == (
        "core",
        "1.0",
        "1.1.1",
        "X-1",
        False,
    )
    assert (path.with_name("Gemfile").read_text(), result.written) == (gemfile, [str(path)])
    assert (await fixed(tmp_path)).written == []


async def test_a_requirement_that_blocks(tmp_path: Path, made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    fill(registry)
    registry.add("web@3.0", "core@~> 2.0")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    path = locked(projects, LOCK.replace("\n", "\r\n"))
    gemfile = path.with_name("Gemfile")
    before = gemfile.read_text()
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert (left.name, left.version, result.fixed, result.written) == ("core", "1.0", 0, [])
    assert any("web" in one for one in left.reasons)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "~> 1.0", "~> 2.0")]
    result = await fixed(tmp_path, manifest=True)
    assert (gemfile.read_text(), result.unfixed) == (before.replace("'~> 1.0'", "'~> 2.0'"), 0)
    assert [(one.name, one.after) for one in result.files[0].changes] == [
        ("core", "2.0"),
        ("more", "1.0"),
        ("web", "2.0"),
    ]
    assert set(result.written) == {str(path), str(gemfile)}
    text = path.read_bytes().decode()
    assert "\r\n  web (~> 2.0)\r\n" in text
    assert "\r\n    other (0.3.0)\r\n      bundler (>= 1)\r\n" in text
    assert "\n" not in text.replace("\r\n", "")


KINDS = [("'1.0'", "'2.0'"), ("'= 1.0'", "'2.0'"), ('["< 2", ">= 1"]', '">= 2.0"'), ("'~> 1.0', '< 1.5'", "'~> 2.0'")]


@pytest.mark.parametrize(("before", "after"), KINDS)
async def test_a_requirement_stays_of_its_kind(
    before: str, after: str, tmp_path: Path, made: tuple[GemRegistry, GemProjects]
) -> None:
    registry, projects = made
    fill(registry)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    path = locked(projects)
    gemfile = path.with_name("Gemfile")
    gemfile.write_text(gemfile.read_text().replace("'~> 1.0'", before))
    await fixed(tmp_path, manifest=True)
    assert f"gem 'web', {after} # the site\n" in gemfile.read_text()


async def test_what_is_for_other_platforms_alone_goes_where_nothing_needs_it(
    tmp_path: Path, made: tuple[GemRegistry, GemProjects]
) -> None:
    registry, projects = made
    fill(registry)
    registry.add("web@1.1")
    await imported(tmp_path, bad("X-1", "web", ("introduced", "0"), ("fixed", "1.1")))
    path = locked(projects)
    projects.add(
        "gem 'web'", 'gem "other"', 'gem "core", "~> 1.0", platforms: :windows', "gem 'jdbc', platforms: :jruby"
    )
    await fixed(tmp_path)
    assert "  specs:\n    other (0.3.0)\n      bundler (>= 1)\n    web (1.1)\n\n" in path.read_text()
    assert "\n  core (~> 1.0)\n  jdbc\n" in path.read_text()


REFUSED = [
    (LOCK.replace("GEM\n", "GIT\n  remote: x\n  specs:\n\nGEM\n"), GEMFILE[1], "elsewhere than one source"),
    (LOCK.replace("  remote", "  remote: https://more.test/\n  remote"), GEMFILE[1], "elsewhere than one source"),
    (LOCK.replace("other (< 1)", "other (< 1)!"), GEMFILE[1], "elsewhere than one source"),
    (LOCK.partition("PLATFORMS")[0], GEMFILE[1], "for which platforms"),
    (LOCK, "gemspec", "a gemspec is a program"),
]


@pytest.mark.parametrize(("text", "line", "why"), REFUSED)
async def test_what_is_not_changed(
    text: str, line: str, why: str, tmp_path: Path, made: tuple[GemRegistry, GemProjects]
) -> None:
    registry, projects = made
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0")))
    path = locked(projects, text)
    projects.add(line)
    with pytest.raises(UnsupportedError, match=why):
        await fixed(tmp_path)
    (path.parent / "Gemfile").unlink()
    with pytest.raises(NotFoundError, match="Gemfile"):
        await fixed(tmp_path)
    assert registry.requests == []


def compared(text: str) -> list[str]:
    """Return what of a lock must not change with one more gem.

    Before it resolves Bundler takes `ruby` from the platforms then, and puts it back where each gem has a variant for it, needed there or not.
    """
    return [line for line in text.splitlines() if line != "  ruby" and not line.strip().startswith("fresh")]


async def both(folder: Path, seeds: range) -> tuple[int, int]:
    """Fix locks that Bundler has written, and let it judge what comes out; return how many versions are fixed and are not."""
    counts = [0, 0]
    async with gem_projects(folder) as (registry, projects):
        drawn = []
        for seed in seeds:
            project = projects.add(name=f"shop-{seed}")
            (project / "Gemfile").write_text(draw_gemfile(Random(seed), registry, f"s{seed}"))
            drawn.append(project)
        codes = await projects.bundle(drawn, library=library(), BUNDLE_LOCKFILE_CHECKSUMS="true")
        there = [project for project, code in zip(drawn, codes, strict=True) if code == 0]
        old = [("introduced", "0"), ("fixed", "1.0.1"), ("introduced", "1.2"), ("fixed", "2.1"), ("introduced", "3.0")]
        names = [name for name in registry.lines if Random(name).random() < 0.7]
        with variables(projects.asking.environment):
            await imported(folder, *(bad(f"X-{name}", name, *old) for name in names))
        projects.as_bundler(library())
        texts = []
        for project in there:
            with variables(projects.asking.environment):
                params = FixParams(path=str(project), manifest=Random(project.name).random() < 0.5)
                result = await fix.run(params, context(folder))
            counts = [counts[0] + result.fixed, counts[1] + result.unfixed]
            texts.append(read(project) or "")
        registry.add("fresh@1.0")
        for round_of in ("as it is", "as it is, asked anew", "with one more gem"):
            codes = await projects.bundle(
                there, "lock", *(["--local"] if round_of == "as it is" else []), library=library()
            )
            said = [(one / "said").read_text()[-500:] for one, code in zip(there, codes, strict=True) if code]
            assert said == []
            found = [read(one) or "" for one in there]
            if round_of != "with one more gem":
                assert found == texts
            # Then Bundler resolves again, and has nothing else to change.
            assert [*map(compared, found)] == [*map(compared, texts)]
            for one in there if round_of == "as it is, asked anew" else ():
                with (one / "Gemfile").open("a") as gemfile:
                    gemfile.write('gem "fresh"\n')
    return counts[0], counts[1]


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_bundler_has_nothing_to_change(tmp_path: Path) -> None:
    fixed, unfixed = await both(tmp_path, range(30))
    assert (fixed > 4, unfixed > 4) == (True, True)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_bundler_has_nothing_to_change_at_length(tmp_path: Path) -> None:
    fixed, unfixed = await both(tmp_path, range(1000, 1200))
    assert (fixed > 40, unfixed > 10) == (True, True)
