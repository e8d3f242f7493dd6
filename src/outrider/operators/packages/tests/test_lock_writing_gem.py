"""Gemfile.lock as it is written."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError, MissingRequirementError, NotFoundError
from outrider.operators.packages.gem.generic_platforms import limited
from outrider.operators.packages.gem.lines import GemNeed, Variant
from outrider.operators.packages.gem.lock_specs import LockedVersion, LockSpecs
from outrider.operators.packages.locks.gemfile import read as read_lock
from outrider.operators.packages.locks.gemfile_sections import read_sections
from outrider.operators.packages.locks.writing.gemfile_lock import GemfileLock, dependency, written
from outrider.operators.packages.tests.gem_projects import GemProjects, gem_projects
from outrider.operators.packages.tests.gem_registry import GemRegistry, checksum


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[tuple[GemRegistry, GemProjects]]:
    async with gem_projects(tmp_path) as found:
        yield found


LOCK = """\
GEM
  remote: {url}/
  specs:
    core (1.2)
    core (1.2-arm64-darwin-23)
    core (1.2-x86_64-linux)
    more (0.1)
      core
    web (1.1)
      bundler (>= 1.3)
      core (~> 1.1, >= 1.1.5, < 3)

PLATFORMS
  arm64-darwin-23
  ruby
  x86_64-linux

DEPENDENCIES
  jdbc (= 1)
  more
  web (~> 1.0)
{checksums}
RUBY VERSION
   ruby 3.1.2p20

BUNDLED WITH
   2.6.9
"""
CHECKSUMS = [
    ("core", "1.2"),
    ("core", "1.2-arm64-darwin-23"),
    ("core", "1.2-x86_64-linux"),
    ("more", "0.1"),
    ("web", "1.1"),
]


def fill(registry: GemRegistry) -> None:
    for version in ("1.0", "1.1", "2.0.rc1"):
        registry.add(f"web@{version}", "core@< 3, >= 1.1.5, ~>1.1", "bundler@>= 1.3")
    for version in ("1.1.6", "1.2"):
        for platform in ("", "-x86_64-linux", "-arm64-darwin23", "-java", "-x64-mingw-ucrt"):
            registry.add(f"core@{version}{platform}")
    # What is for a newer Ruby is no variant for its platform here.
    registry.add("core@1.2-aarch64-linux", ruby=">= 3.4")
    registry.add("more@0.1", "core@>= 0.0")


async def test_the_file_as_bundler_writes_it(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    fill(registry)
    project = projects.add(
        'ruby "~> 3.1"', 'gem "web", "~>1.0"', 'gem "more", require: false', 'gem "jdbc", "1", platforms: :jruby'
    )
    result = await projects.lock(project)
    wanted = LOCK.format(url=registry.url, checksums="")
    assert (project / "Gemfile.lock").read_text() == wanted
    assert [(one.name, one.after) for one in result.changes] == [("core", "1.2"), ("more", "0.1"), ("web", "1.1")]
    assert written_again(wanted) == wanted


async def test_checksums_where_bundler_is_told_so_and_where_they_were(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    fill(registry)
    project = projects.add('ruby "~> 3.1"', 'gem "web", "~>1.0"', 'gem "more"', 'gem "jdbc", "1", platforms: :jruby')
    projects.asking.environment["BUNDLE_LOCKFILE_CHECKSUMS"] = "true"
    sums = {
        f"{name} ({version})": checksum(f"{name}@{version}".replace("darwin-23", "darwin23"))
        for name, version in CHECKSUMS
    }
    text = "\n".join(["", "CHECKSUMS", *(f"  {name} sha256={digest}" for name, digest in sorted(sums.items())), ""])
    wanted = LOCK.format(url=registry.url, checksums=text)
    assert await projects.locked(project) == wanted
    del projects.asking.environment["BUNDLE_LOCKFILE_CHECKSUMS"]
    # Which Bundler has written it does not change by itself.
    older = wanted.replace("2.6.9", "2.4.1").replace(sums["web (1.1)"], "0" * 64)
    (project / "Gemfile.lock").write_text(older)
    assert await projects.locked(project) == older
    projects.add('ruby "~> 3.1"', 'gem "web"')
    assert "\n   2.6.9\n" in await projects.locked(project)


async def test_what_was_locked_is_kept_with_its_platforms(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    fill(registry)
    project = projects.add('gem "web"')
    lock = project / "Gemfile.lock"
    lock.write_text(
        "GEM\n  remote: x\n  specs:\n    core (1.1.6)\n    web (1.0)\n      core\n\nPLATFORMS\n  java\n  ruby\n\nDEPENDENCIES\n  web\n"
    )
    assert (await projects.lock(project, keep=True)).changes == []
    # That for any platform was enough, and stays.
    assert "\n    core (1.1.6)\n    web" in lock.read_text()
    projects.add('gem "web", ">= 1.1"')
    result = await projects.lock(project, keep=True)
    assert [(one.name, one.before, one.after) for one in result.changes] == [("web", "1.0", "1.1")]
    # The platform of this machine is one of those for which there is `ruby`.
    assert "\nPLATFORMS\n  java\n  ruby\n" in lock.read_text()
    await projects.lock(project)
    assert {one.version for one in read_lock(lock.read_text()).packages} == {"1.1", "1.2"}
    lock.write_text("PLATFORMS\n  java\n\nDEPENDENCIES\n")
    assert "\nPLATFORMS\n  java\n  x86_64-linux\n" in await projects.locked(project)


async def test_a_platform_that_says_more_stands_for_that_of_this_machine(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    registry.add("web@0.9")
    registry.add("web@1.0-x86_64-linux-gnu")
    registry.add("web@1.0-x86_64-linux-musl")
    assert "\nPLATFORMS\n  x86_64-linux-gnu\n  x86_64-linux-musl\n" in await projects.locked(projects.add('gem "web"'))
    projects.asking.environment["BUNDLE_FORCE_RUBY_PLATFORM"] = "true"
    (projects.add('gem "web"') / "Gemfile.lock").unlink()
    assert "    web (0.9)\n\nPLATFORMS\n  ruby\n" in await projects.locked(projects.add('gem "web"'))


async def test_a_gemfile_that_asks_for_nothing(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    text = await projects.locked(projects.add('gem "bundler", ">= 2"'))
    assert text.endswith(
        "  specs:\n\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n  bundler (>= 2)\n\nBUNDLED WITH\n   2.6.9\n"
    )
    assert registry.requests == []


async def test_what_cannot_be_locked(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    project = projects.add('gem "web", "~> 3"')
    with pytest.raises(NotFoundError, match="web"):
        await projects.lock(project)
    fill(registry)
    projects.add('gem "web", "~> 3"')
    with pytest.raises(InvalidConfigError, match="says what is asked for"):
        await projects.lock(project, packages=["web"])
    projects.asking.ruby("")
    with pytest.raises(MissingRequirementError, match="which Bundler"):
        await projects.lock(project)
    (project / "Gemfile").unlink()
    with pytest.raises(NotFoundError, match="Gemfile: there is none"):
        await projects.lock(project)
    assert not (project / "Gemfile.lock").exists()


async def test_a_new_variant_for_another_platform_is_no_way_around_a_policy(
    tmp_path: Path, made: tuple[GemRegistry, GemProjects]
) -> None:
    registry, projects = made
    now = datetime.now(UTC)
    for version, platform, days in (
        ("1.0", "", 90),
        ("1.1", "", 60),
        ("1.1", "-arm64-darwin", 1),
        ("1.0", "-arm64-darwin", 50),
    ):
        registry.add(f"web@{version}{platform}", created_at=f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}")
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "apiVersion: outrider.dev/v1alpha1\nkind: PackagePolicy\nmetadata: {name: shop}\nspec: {minimumAge: 7d}\n"
    )
    text = await projects.locked(projects.add('gem "web"'), policy=str(policy))
    assert "    web (1.0)\n    web (1.0-arm64-darwin)\n\n" in text


async def test_what_is_for_another_ruby_is_left_out_where_no_version_fits(
    made: tuple[GemRegistry, GemProjects],
) -> None:
    registry, projects = made
    fill(registry)
    for words in (":truffleruby", ":mri_34", "[:rbx, :ruby_19]"):
        text = await projects.locked(projects.add('gem "more"', f'gem "web", "~> 3", platforms: {words}'))
        assert "    web" not in text
        assert "\n  web (~> 3)\n" in text
    for words in (":mri_31", "[:truffleruby, :ruby]"):
        with pytest.raises(ConflictError, match="web ~> 3"):
            await projects.lock(projects.add('gem "more"', f'gem "web", "~> 3", platforms: {words}'))
    assert "    web (1.1)\n" in await projects.locked(projects.add('gem "web", platforms: :truffleruby'))


PLATFORMS = [
    "ruby",
    "x86_64-linux",
    "arm64-darwin-23",
    "java",
    "universal-java-11",
    "x64-mingw-ucrt",
    "x86-mingw32",
    "x86-mswin32",
    "x64-mswin64",
]
LIMITED = [
    ((), PLATFORMS), (("ruby",), PLATFORMS[:3]), (("jruby_18",), PLATFORMS[3:5]), (("mingw", "mswin"), PLATFORMS[5:8]),
    (("windows_34", "jruby"), PLATFORMS[3:]), (("mswin64",), PLATFORMS[8:]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "left"), LIMITED)
def test_platforms_that_words_allow(words: tuple[str, ...], left: list[str]) -> None:
    assert [*limited(PLATFORMS, words)] == left


async def test_a_clash_is_told(made: tuple[GemRegistry, GemProjects]) -> None:
    registry, projects = made
    fill(registry)
    with pytest.raises(ConflictError, match="core < 1"):
        await projects.lock(projects.add('gem "web"', 'gem "core", "< 1"'))


DEPENDENCIES = [
    ((), "a"), ((">= 0",), "a"), ((">=0.0",), "a"), ((">= 0", "< 2"), "a (>= 0, < 2)"), (("1.0",), "a (= 1.0)"), (("~>1.2",), "a (~> 1.2)"),
    (("< 3, >= 1, != 2",), "a (>= 1, < 3, != 2)"), (("1", "1"), "a (= 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("requirements", "text"), DEPENDENCIES)
def test_dependencies(requirements: tuple[str, ...], text: str) -> None:
    assert dependency("a", requirements) == text


def written_again(text: str) -> str:
    found = read_sections(text)
    listed = text.partition("DEPENDENCIES\n")[2].partition("\n\n")[0].split("\n")
    said = {line.split(" ")[2]: line.partition("(")[2].rstrip(")") for line in listed}
    return written(
        GemfileLock(
            remote=found.remotes[0], specs=LockSpecs(found.gems), platforms=found.platforms, checksums=found.checksums, ruby=found.ruby,
            bundler=found.bundler, dependencies={name: [one] for name, one in said.items()},
        )
    )  # fmt: skip


MALFORMED = [
    "  a (1.0)",
    "GEM\n    a 1.0",
    "GEM\n      a (>= 1)",
    "GEM\n   a (1.0)",
    "CHECKSUMS\n  a",
    "GEM\n  specs:\n    a (1.0)\n        b",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_lock(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="line"):
        read_sections(text)


_NAMES = st.sampled_from(["a", "a-b", "a.b", "ab", "b_c"])
_VARIANTS = st.lists(
    st.builds(
        Variant,
        platform=st.sampled_from(["ruby", "java", "x86_64-linux", "arm64-darwin-23"]),
        needs=st.lists(st.builds(GemNeed, _NAMES, st.sampled_from([">= 0", "~> 1.0", "< 3, >= 1"])), max_size=2, unique_by=lambda one: one.name),
        checksum=st.sampled_from(["", "a" * 64]),
    ),
    min_size=1, max_size=3, unique_by=lambda one: one.platform,
)  # fmt: skip
_GEMS = st.dictionaries(_NAMES, st.builds(LockedVersion, st.sampled_from(["1.0", "2.0.rc1"]), _VARIANTS), max_size=4)


@settings(max_examples=25, deadline=None)
@given(_GEMS, st.booleans())
def test_what_is_written_is_read_again(gems: dict[str, LockedVersion], checksums: bool) -> None:
    lock = GemfileLock(
        remote="https://gems.test/", specs=LockSpecs(gems), platforms=["ruby"], dependencies={"a": ["1"]}, bundler="2.6.9",
        checksums={} if checksums else None,
    )  # fmt: skip
    text = written(lock)
    found = read_sections(text)
    assert {name: (gem.version, len(gem.variants)) for name, gem in found.gems.items()} == {
        name: (gem.version, len(gem.variants)) for name, gem in gems.items()
    }
    assert written_again(text) == text
    assert {one.name for one in read_lock(text).packages} == gems.keys()


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="GEM \n()-:!ab10CHECKSUMS", max_size=60))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    with suppress(InvalidConfigError):
        assert all(gem.variants for gem in read_sections(text).gems.values())
