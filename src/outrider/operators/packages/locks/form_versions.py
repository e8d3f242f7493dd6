"""Which versions of the formats of locks are known: what a newer one says may mean another thing."""

import re

from outrider.core.errors import UnsupportedError

# By format: what its version is called, where it stands, and which are known; without one a file is of a version that has none.
_KNOWN = {
    "Cargo.lock": ("version", r"^version\s*=\s*(\d+)", range(1, 5)),
    "Pipfile.lock": ("pipfile-spec", r'"pipfile-spec"\s*:\s*(\d+)', range(7)),
    "bun.lock": ("lockfileVersion", r'"lockfileVersion"\s*:\s*(\d+)', range(4)),
    "package-lock.json": ("lockfileVersion", r'"lockfileVersion"\s*:\s*(\d+)', range(4)),
    "packages.lock.json": ("version", r'"version"\s*:\s*(\d+)', range(1, 4)),
    "pdm.lock": ("lock_version", r"^lock_version\s*=\s*[\"'](\d+)", range(1, 5)),
    "pnpm-lock.yaml": ("lockfileVersion", r"^lockfileVersion:\s*[\"']?(\d+)", range(5, 10)),
    "poetry.lock": ("lock-version", r"^lock-version\s*=\s*[\"'](\d+)", range(1, 3)),
    "pylock.toml": ("lock-version", r"^lock-version\s*=\s*[\"'](\d+)", range(1, 2)),
    "uv.lock": ("version", r"^version\s*=\s*(\d+)", range(1, 2)),
    "yarn.lock": ("__metadata.version", r"^[\"']?__metadata[\"']?:\n\s+version:\s*(\d+)", range(1, 11)),
}


def unknown_version(form: str, text: str) -> str:
    """Return the version that a file is of, where that is not known; empty where it is.

    Args:
        form: The name of its format.
        text: Of it.
    """
    _, pattern, known = _KNOWN.get(form, ("", "(?!)", range(0)))
    found = re.search(pattern, text, re.MULTILINE)
    return "" if found is None or found[1].lstrip("0") in {str(one).lstrip("0") for one in known} else found[1][:20]


def refuse_unknown_version(form: str, text: str, remedy: str) -> None:
    """Refuse to change a file of a version that is not known: what it says would be lost.

    Args:
        form: The name of its format.
        text: Of it.
        remedy: What to do instead.

    Raises:
        UnsupportedError: It is of such a one.
    """
    version = unknown_version(form, text)
    if version:
        raise UnsupportedError(
            f"{form}: its version {version} is not known here, and what it says may be lost", path=_KNOWN[form][0], found=version,
            expected=f"version {_KNOWN[form][2][-1]} or an older one", suggestions=[remedy],
        )  # fmt: skip
