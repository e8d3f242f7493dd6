"""Bundler, which we did not write: what it locks."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

_SECONDS_EACH = 10
_SPEC = re.compile(r"    (\S+) \((\S+)\)!?")
_NEED = re.compile(r"      (\S+)(?: \(.*\))?")
# Of many questions each has a process of its own, which has read Bundler's code already.
_DRIVER = r"""
require "json"
require "bundler"
require "bundler/cli"
require "bundler/friendly_errors"
STDOUT.puts Bundler::VERSION
STDIN.each_line do |line|
  asked = JSON.parse(line)
  pid = fork do
    Dir.chdir(asked["folder"])
    STDOUT.reopen("said", "w")
    STDERR.reopen(STDOUT)
    Bundler.with_friendly_errors { Bundler::CLI.start(asked["arguments"], :debug => true) }
  end
  Process.wait(pid)
  STDOUT.puts $?.exitstatus
end
"""
# Of a version that cannot be had, of a gem that is not there, and of gems that need each other.
_NO_SOLUTION = (6, 7)
_VARIABLE = "OUTRIDER_BUNDLER"


class Locked(msgspec.Struct, frozen=True):
    """What Bundler says.

    Attributes:
        pins: By name, the version of each gem with the platforms of its variants; None where there is no solution.
        said: What it wrote.
        missing: The gems that others need in its lock, and that are not in it.
    """

    pins: dict[str, set[str]] | None
    said: str
    missing: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """The version of each gem; several variants of one are of the same."""
        found = {name: {one.partition("-")[0] for one in pins} for name, pins in (self.pins or {}).items()}
        return {name: version for name, (version,) in found.items()}

    @property
    def has_lost_its_way(self) -> bool:
        """Whether it says that there is no solution because of a fault, which it tells those alone who look at its steps.

        Or, with versions before 2.4, whether what it has locked is none.
        """
        return bool(self.missing) or (self.pins is None and "this shouldn't have happened" in self.said)


async def locked(
    url: str, questions: Sequence[Sequence[str]], folder: Path, *, steps: bool = False
) -> tuple[str, list[Locked]]:
    """Return Bundler's version, and what it says to each question.

    Another Bundler than that of this machine may be named by the variable OUTRIDER_BUNDLER, as the folder `lib` of its gem.

    Args:
        url: Of the source.
        questions: Gems, each as `NAME@REQUIREMENT, REQUIREMENT`.
        folder: For projects, and a home.
        steps: Whether it tells its steps.
    """
    projects = []
    for position, asked in enumerate(questions):
        project = folder / f"project-{position}"
        project.mkdir(parents=True)
        (project / "Gemfile").write_text("\n".join([f'source "{url}/"', *(_written(one) for one in asked), ""]))
        projects.append(project)
    version, codes = await bundle(projects, folder, BUNDLER_DEBUG_RESOLVER="1" if steps else "")
    return version, [_read(project, code) for project, code in zip(projects, codes, strict=True)]


async def bundle(
    projects: Sequence[Path], folder: Path, *arguments: str, library: Path | None = None, **variables: str
) -> tuple[str, list[int]]:
    """Run Bundler in some projects; return its version, and how it has ended in each. What it said is in the file `said` of each.

    Args:
        projects: Their folders.
        folder: A home.
        arguments: `lock` where there are none.
        library: Of another Bundler than that of this machine, where the variable OUTRIDER_BUNDLER names none. RubyGems may be there too.
        variables: Further ones; those that are empty are left out.
    """
    command = [*_ruby(library), str(folder / "driver.rb")]
    asked = [{"folder": str(project), "arguments": arguments or ("lock",)} for project in projects]
    (folder / "driver.rb").write_text(_DRIVER)
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "BUNDLE_DISABLE_VERSION_CHECK": "true",
    }
    environment |= {name: value for name, value in variables.items() if value}
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input="".join(msgspec.json.encode(one).decode() + "\n" for one in asked),
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS_EACH * max(1, len(projects)),
        check=True,
    )
    version, *codes = done.stdout.split()
    return version, [int(code) for code in codes]


def versions(library: Path | None = None) -> list[str]:
    """Return the versions of Ruby, RubyGems and Bundler, the platform, and Ruby as Bundler writes it; `library` is that of `bundle`."""
    asked = 'require "bundler"; puts RUBY_VERSION, Gem::VERSION, Bundler::VERSION, Gem::Platform.local, Bundler::RubyVersion.system'
    done = subprocess.run(
        [*_ruby(library), "-e", asked], capture_output=True, text=True, timeout=_SECONDS_EACH, check=True
    )
    return done.stdout.splitlines()


def _ruby(library: Path | None) -> list[str]:
    """Return how Ruby is started with a Bundler."""
    ruby = shutil.which("ruby")
    if ruby is None or shutil.which("bundle") is None:
        pytest.skip("bundler is missing: apt-get install bundler")
    other = os.environ.get(_VARIABLE) or library
    if not other:
        return [ruby]
    its_own = ["--disable-gems", "-rrubygems"] if Path(other, "rubygems.rb").is_file() else []
    return [ruby, "-I", str(other), *its_own]


def _written(spec: str) -> str:
    name, _, requirement = spec.partition("@")
    words = [name, *(word.strip() for word in requirement.split(",") if word.strip())]
    return "gem " + ", ".join(f'"{word}"' for word in words)


def _read(project: Path, code: int) -> Locked:
    said = (project / "said").read_text()
    if code:
        assert code in _NO_SOLUTION, said
        return Locked(None, said)
    pins: dict[str, set[str]] = {}
    needed: set[str] = set()
    for line in (project / "Gemfile.lock").read_text().split("\n"):
        if match := _SPEC.fullmatch(line):
            pins.setdefault(match[1], set()).add(match[2])
        elif match := _NEED.fullmatch(line):
            needed.add(match[1])
    return Locked(pins, said, tuple(sorted(needed - pins.keys())))
