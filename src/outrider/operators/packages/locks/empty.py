"""What tells a lock of nothing from a file that is empty, cut off, or of something else: what its own tool always writes into it."""

import re

from outrider.operators.packages.locks.lock import unreadable

_VERSION = (r'"version"\s*:', "version")
_LOCKFILE_VERSION = (r'"lockfileVersion"\s*:\s*[0123]\b', "lockfileVersion that is known")
_METADATA = (r"^\[metadata\]", "[metadata]")
# By format: a pattern, and what it is of.
_MARKS = {
    "Cargo.lock": (r"^version\s*=|^\[\[package\]\]", "version"),
    "Gemfile.lock": (r"^(GEM|GIT|PATH|PLATFORMS|DEPENDENCIES)\b", "DEPENDENCIES"),
    "Pipfile.lock": (r'"_meta"\s*:', "_meta"),
    "bun.lock": _LOCKFILE_VERSION,
    "composer.lock": (r'"(content-)?hash"\s*:', "content-hash"),
    "gradle.lockfile": (r"^# This is a Gradle generated file|^empty=", "empty="),
    "package-lock.json": _LOCKFILE_VERSION,
    "packages.lock.json": _VERSION,
    "pdm.lock": _METADATA,
    "pnpm-lock.yaml": (r"^lockfileVersion:", "lockfileVersion"),
    "poetry.lock": _METADATA,
    "pom.xml": (r"(?s:<[\w:].*<[\w:])", "artifactId"),
    "pylock.toml": (r"^lock-version\s*=", "lock-version"),
    "uv.lock": (r"^version\s*=", "version"),
    "yarn.lock": (r"^# yarn lockfile v|^[\"']?__metadata[\"']?:", "# yarn lockfile v1, or __metadata"),
}


def refuse_unmarked(form: str, text: str) -> None:
    """Refuse a file without packages that has nothing of its format.

    Args:
        form: The name of the format.
        text: Of the file.

    Raises:
        InvalidConfigError: It has not what its own tool always writes.
    """
    pattern, what = _MARKS.get(form, ("", ""))
    if not re.search(pattern, text.removeprefix("\ufeff"), re.MULTILINE):
        found = f"neither packages nor {what}" if text.strip() else "nothing"
        raise unreadable(form, f"there is {found} in it", f"{what}, as its own tool writes it")
