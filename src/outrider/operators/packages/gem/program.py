"""The Ruby of this machine: its version, its platform, its RubyGems and Bundler, and the sources that RubyGems comes with.

No address of one stands here: RubyGems itself names them, and that is kept.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import DeadlineExceededError, DeniedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.targets import GemTarget
from outrider.operators.packages.registries.record_files import read_current, write_record
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.ports.process.command import run

_SECONDS = 20.0
# What its user wants of it, such as `RUBYOPT`, would change what it says.
_KEPT_VARIABLES = ("PATH", "HOME", "LD_LIBRARY_PATH")
_QUESTION = """
require "rubygems"
begin
  require "bundler/version"
  bundler = Bundler::VERSION
rescue LoadError
  bundler = ""
end
ruby = RUBY_PATCHLEVEL == -1 ? "ruby #{Gem.ruby_version}" : "ruby #{RUBY_VERSION}p#{RUBY_PATCHLEVEL}"
ruby << " (#{RUBY_ENGINE} #{RUBY_ENGINE_VERSION})" unless RUBY_ENGINE == "ruby"
puts Gem.ruby_version, Gem::VERSION, bundler, Gem::Platform.local, ruby, *Gem.default_sources
"""
# Another form of what is kept.
_FORM = 2


class RubyProgram(msgspec.Struct, kw_only=True):
    """What is installed here.

    Attributes:
        target: For what gems are chosen.
        told: Ruby as `RUBY VERSION` of Gemfile.lock has it, such as `ruby 3.1.2p20`.
        sources: The addresses that RubyGems comes with; none where there is no Ruby.
        seen: When the programs were last changed: what was learned of others is not used.
    """

    form: int = _FORM
    target: GemTarget = GemTarget()
    told: str = ""
    sources: list[str] = []
    seen: list[tuple[str, float]] = []


async def ruby_program(environment: Mapping[str, str], cache: Path) -> RubyProgram:
    """Return what is installed; Ruby is asked once, and what it said is kept.

    Args:
        environment: Variables of this process; programs are looked for in its PATH.
        cache: The folder of what is kept of all ecosystems.

    Raises:
        ExecutionFailedError: It cannot be kept.
    """
    programs = [shutil.which(name, path=environment.get("PATH")) for name in ("ruby", "gem", "bundle")]
    seen = [_seen(one) for one in programs if one]
    kept = cache / "gem" / "program"
    known = read_current(kept, msgspec.msgpack.Decoder(RubyProgram), _FORM)
    if known is not None and known.seen == seen:
        return known
    found = await _look(environment) if programs[0] else RubyProgram()
    found.seen = seen
    if found.target.ruby or not programs[0]:
        write_record(kept, found)
    return found


async def _look(environment: Mapping[str, str]) -> RubyProgram:
    variables = {name: environment[name] for name in _KEPT_VARIABLES if environment.get(name)}
    try:
        ended = await run(["ruby", "-e", _QUESTION], timeout=_SECONDS, env=variables)
    except (NotFoundError, DeniedError, DeadlineExceededError):
        return RubyProgram()
    said = ended.stdout.decode("utf-8", "replace").split("\n")
    if ended.exit_code or len(said) < 6:
        return RubyProgram()
    ruby, rubygems, bundler = (_version(text) for text in said[:3])
    platform = said[3]
    target = GemTarget(ruby=ruby, rubygems=rubygems, bundler=bundler, platform=platform or RUBY)
    return RubyProgram(target=target, told=said[4], sources=[line for line in said[5:] if line])


def _version(text: str) -> str:
    """Return a version; empty for what is none."""
    try:
        scheme_of("gem").parse(text)
    except InvalidConfigError:
        return ""
    return text


def _seen(program: str) -> tuple[str, float]:
    path = Path(program).resolve()
    return str(path), path.stat().st_mtime
