"""Makes Gemfile.lock from the Gemfile beside it."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.core.errors import MissingRequirementError
from outrider.operators.packages.gem.generic_platforms import generic, limited
from outrider.operators.packages.gem.lock_entries import read_entry
from outrider.operators.packages.gem.lock_platforms import LockPlatforms, platforms_anew
from outrider.operators.packages.gem.lock_specs import LockSpecs, locked_versions
from outrider.operators.packages.gem.platforms import RUBY, canonical
from outrider.operators.packages.gem.program import RubyProgram, ruby_program
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.locks.gemfile_sections import GemfileSections, read_sections
from outrider.operators.packages.locks.making.manifests import folder_of, lock_at, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing.gemfile_lock import GemfileLock, written
from outrider.operators.packages.manifests.gemfile import GemManifest, GemWish, asked, manifest_name, read_manifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

FORMS = ((r"Gemfile\.lock|gems\.locked|.*\.gemfile\.lock", "Gemfile.lock"),)
USUAL_NAME = "Gemfile.lock"
_LOGIN = re.compile(r"(?<=://)[^/@]*+@")
_BUNDLER = "bundler"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`.

    Raises:
        MissingRequirementError: There is no Bundler here, whose version the file names.
    """
    del form
    manifest = read_manifest(manifest_beside(path, manifest_name(path.name), question))
    program, settings = await _here(path, question), GemSettings(question.environment, folder_of(path))
    local = RUBY if settings.any_platform else canonical(program.target.platform)
    text = lock_at(path, question)
    before = read_sections(text or "")
    here = {wish for wish in manifest.wishes if limited([local], wish.platforms)}
    platforms = _platforms(before, here, local)
    wanted = asked(manifest, question, folder_of(path), platforms.chosen_for, program.target.ruby)
    answer = await resolved("gem", wanted) if wanted.packages else Resolved(target="gem", packages=[])
    keep = bool(question.locked)
    specs = LockSpecs(locked_versions(answer, before.gems, platforms.chosen_for, keep=keep))
    known = {one.name: read_entry(one.entry) for one in answer.packages}
    target = msgspec.structs.replace(program.target, platform=local)
    if text is not None or settings.any_platform or generic(local) != RUBY:
        locked_for = platforms.settled(specs, [wish.name for wish in here], known, target)
    else:
        locked_for = specs.add_platforms([local], known, target, with_bundler=_needs_bundler(manifest, specs))
    lock = GemfileLock(
        remote=remote_of(manifest.source), specs=specs.reached([wish.name for wish in manifest.wishes], locked_for),
        platforms=locked_for, dependencies={wish.name: wish.requirements for wish in manifest.wishes},
        checksums=before.checksums if text is not None else {} if settings.lock_checksums else None,
        ruby=_ruby(manifest, before, program, keep=keep), bundler=program.target.bundler,
    )  # fmt: skip
    # Which Bundler has written it is told anew where something else changes.
    same = written(msgspec.structs.replace(lock, bundler=before.bundler))
    return Made(same if same == text else written(lock))


def remote_of(source: str) -> str:
    """Return the address of a source as it stands in a lock: without credentials, and with a slash at its end."""
    return f"{_LOGIN.sub('', source).rstrip('/')}/"


async def _here(path: Path, question: Question) -> RubyProgram:
    program = await ruby_program(question.environment, question.cache)
    if not program.target.bundler or not program.target.ruby:
        raise MissingRequirementError(
            f"{path}: it says which Bundler has written it, and here is no Ruby with Bundler", path="file", found="no Bundler",
            expected="ruby and bundle", suggestions=["install Ruby with Bundler: apt-get install bundler"],
        )  # fmt: skip
    return program


def _platforms(before: GemfileSections, here: Iterable[GemWish], local: str) -> LockPlatforms:
    """Return for which platforms versions are chosen.

    Args:
        before: The lock that is there; it may be empty.
        here: What is asked for on this machine.
        local: The platform of this machine.
    """
    specs, names = LockSpecs(before.gems), [wish.name for wish in here]
    listed = {name.removesuffix("!") for name in before.dependencies}
    changed = any(wish.name not in listed or not _is_met(wish, before) for wish in here)
    return platforms_anew(
        before.platforms, local, is_complete=lambda platform: specs.is_complete(names, platform), changed=changed
    )


def _is_met(wish: GemWish, before: GemfileSections) -> bool:
    """Return whether what is locked of a gem is what is asked for; where nothing is, too."""
    gem = before.gems.get(wish.name)
    return gem is None or bool(VersionTable(scheme_of("gem"), [gem.version]).mask(wish.range))


def _needs_bundler(manifest: GemManifest, specs: LockSpecs) -> bool:
    needed = {need.name for gem in specs.gems.values() for one in gem.variants for need in one.needs}
    return _BUNDLER in needed | {wish.name for wish in manifest.wishes}


def _ruby(manifest: GemManifest, before: GemfileSections, program: RubyProgram, *, keep: bool) -> str:
    if not manifest.ruby:
        return ""
    return (before.ruby if keep else "") or program.told
