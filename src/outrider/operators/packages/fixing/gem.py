"""Gemfile.lock with the Gemfile beside it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.beside import BesideManifest
from outrider.operators.packages.fixing.wishes import Widening, Wish
from outrider.operators.packages.gem.generic_platforms import limited
from outrider.operators.packages.gem.lock_specs import LockSpecs, locked_versions
from outrider.operators.packages.locks.gemfile import FORM
from outrider.operators.packages.locks.gemfile_sections import GemfileSections, read_sections
from outrider.operators.packages.locks.writing.gemfile_lock import GemfileLock, written
from outrider.operators.packages.manifests.gemfile import GemWish, asked, manifest_name, read_manifest, rewritten
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_LINE_END = "\r\n"


class GemProject(BesideManifest):
    """A lock and its manifest.

    Args:
        path: Of the lock.
        text: Of it.

    Raises:
        NotFoundError: There is no manifest beside it.
        InvalidConfigError: One of them cannot be read.
        UnsupportedError: The manifest is more than is read here, or the lock has gems from elsewhere than one source.
    """

    ecosystem = "gem"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text, manifest_name(path.name))
        self._manifest = read_manifest(self.texts[self._beside])
        self._lock = _checked(read_sections(text))
        wanted = [one for one in self._manifest.wishes if _is_asked_for(one, self._lock)]
        self.wishes = [_wish(one) for one in wanted]
        self.locked = {name: {gem.version} for name, gem in self._lock.gems.items()}

    def asked(self, question: Question) -> Question:
        """Return a question with the source of the manifest and the platforms of the lock."""
        return asked(self._manifest, question, self._folder, self._lock.platforms)

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish for that version, and for later ones in the way of the requirement that it had."""
        wider = _like(wish.range, version)
        return msgspec.structs.replace(wish, range=wider, text=f"{wish.name}@{wider}")

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the lock as Bundler would write it, and the manifest where it changes."""
        del before
        old = self._lock
        specs = LockSpecs(locked_versions(answer, old.gems, old.platforms, keep=True))
        changed = {one.before.name: one.after.range for one in widenings}
        text = written(
            GemfileLock(
                remote=old.remotes[0], specs=specs.reached([one.name for one in self._manifest.wishes], old.platforms),
                platforms=old.platforms, checksums=old.checksums, ruby=old.ruby, bundler=old.bundler,
                dependencies={one.name: [changed.get(one.name, one.range)] for one in self._manifest.wishes},
            )
        )  # fmt: skip
        found = {self._path: text.replace("\n", _LINE_END) if _LINE_END in self.texts[self._path] else text}
        if changed:
            spans = [(one.span, changed[one.name]) for one in self._manifest.wishes if one.name in changed]
            places = [(span, wanted) for span, wanted in spans if span is not None]
            found[self._beside] = rewritten(self.texts[self._beside], places)
        return found


def _is_asked_for(one: GemWish, lock: GemfileSections) -> bool:
    """Return whether a gem is wanted on a platform of a lock; what is for some alone is not locked where no version fits."""
    return not one.platforms or (one.name in lock.gems and bool(limited(lock.platforms, one.platforms)))


def _wish(one: GemWish) -> Wish:
    # Requirements with something between them are not changed.
    anyhow = one.name if one.span is not None else ""
    return Wish(name=one.name, range=one.range, where=(one.name,), text=one.text, anyhow=anyhow)


def _like(requirement: str, version: str) -> str:
    """Return a requirement of the kind of another one: a version by itself, `~>`, or else `>=`."""
    if requirement.lstrip("= ")[:1].isdigit():
        return version
    return f"~> {version}" if "~>" in requirement else f">= {version}"


def _checked(lock: GemfileSections) -> GemfileSections:
    elsewhere = [*lock.others, *(name for name in lock.dependencies if name.endswith("!"))]
    if elsewhere or len(lock.remotes) != 1:
        found = ", ".join(elsewhere) or f"{len(lock.remotes)} sources"
        raise UnsupportedError(
            f"{FORM}: it has gems from elsewhere than one source", path="GEM", found=found[:200], expected="one source, and nothing else",
            suggestions=["use Bundler itself: bundle update --conservative NAME"],
        )  # fmt: skip
    if not lock.platforms:
        raise UnsupportedError(
            f"{FORM}: it does not say for which platforms it is", path="PLATFORMS", found="none", expected="platforms",
            suggestions=["have Bundler write it anew: bundle lock"],
        )  # fmt: skip
    return lock
