"""Writes Gemfile.lock to the byte as Bundler does: `lockfile_generator.rb` and `lazy_specification.rb` of Bundler 2.6.7."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from outrider.operators.packages.gem.lock_specs import LockSpecs
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.versions.ecosystems import scheme_of

_REQUIREMENT = re.compile(r"([<>!]=|~>|[<>=]|)\s*(.*)", re.DOTALL)
_ANY = ">="


class GemfileLock(msgspec.Struct, kw_only=True):
    """What is in the file.

    Attributes:
        remote: The address of the source, without credentials and with a slash at its end.
        specs: The gems.
        platforms: For which it is.
        dependencies: What is asked for: by name, requirements as they are written.
        checksums: By gem as it stands there, those that are known beside what indexes say; None for a file without any.
        ruby: Such as `ruby 3.1.2p20`; empty where the Gemfile names none.
        bundler: The version that has written it; empty where that is not said.
    """

    remote: str
    specs: LockSpecs
    platforms: Sequence[str]
    dependencies: dict[str, Sequence[str]]
    checksums: Mapping[str, str] | None = None
    ruby: str = ""
    bundler: str = ""


class _Spec(NamedTuple):
    """A variant of a version; these are sorted by their full names."""

    full_name: str
    called: str
    needs: list[tuple[str, str]]
    checksum: str


def written(lock: GemfileLock) -> str:
    """Return the file."""
    specs = sorted(_specs(lock))
    lines = ["GEM", f"  remote: {lock.remote}", "  specs:"]
    for spec in specs:
        lines += [f"    {spec.called}", *(f"      {dependency(name, [text])}" for name, text in spec.needs)]
    lines += ["", "PLATFORMS", *(f"  {one}" for one in sorted({*lock.platforms}))]
    lines += ["", "DEPENDENCIES", *(f"  {dependency(name, said)}" for name, said in sorted(lock.dependencies.items()))]
    if lock.checksums is not None:
        known = {spec.called: f"sha256={spec.checksum}" for spec in specs if spec.checksum} | dict(lock.checksums)
        sums = sorted(f"{spec.called} {known.get(spec.called, '')}".rstrip() for spec in specs)
        lines += ["", "CHECKSUMS", *(f"  {one}" for one in sums)]
    lines += ["", "RUBY VERSION", f"   {lock.ruby}"] if lock.ruby else []
    lines += ["", "BUNDLED WITH", f"   {lock.bundler}"] if lock.bundler else []
    return "\n".join([*lines, ""])


def _specs(lock: GemfileLock) -> Iterable[_Spec]:
    for name, gem in lock.specs.gems.items():
        for one in gem.variants:
            version = gem.version if one.platform == RUBY else f"{gem.version}-{one.platform}"
            needs = sorted((need.name, need.range) for need in one.needs)
            yield _Spec(f"{name}-{version}", f"{name} ({version})", needs, one.checksum)


def dependency(name: str, requirements: Iterable[str]) -> str:
    """Return a dependency as it stands in the file, with its requirements in the order of Bundler."""
    words = dict.fromkeys(word.strip() for text in requirements for word in text.split(",") if word.strip())
    found = [_parted(word) for word in words]
    if not found or (len(found) == 1 and found[0][0] == _ANY and _is_zero(found[0][1])):
        return name
    return f"{name} ({', '.join(sorted((f'{sign} {version}' for sign, version in found), reverse=True))})"


def _parted(word: str) -> tuple[str, str]:
    match = _REQUIREMENT.fullmatch(word)
    assert match is not None
    return match[1] or "=", match[2].strip()


def _is_zero(version: str) -> bool:
    return scheme_of("gem").parse(version).key == scheme_of("gem").parse("0").key
