"""Which versions of the formats of locks are known: what a newer one says may mean another thing."""

import re

from outrider.core.errors import UnsupportedError

# By format: where its version stands, and which are known; without one a file is of a version that has none.
_KNOWN = {
    "Cargo.lock": (r"^version\s*=\s*(\d+)", range(1, 5)),
    "Pipfile.lock": (r'"pipfile-spec"\s*:\s*(\d+)', range(7)),
    "bun.lock": (r'"lockfileVersion"\s*:\s*(\d+)', range(4)),
    "package-lock.json": (r'"lockfileVersion"\s*:\s*(\d+)', range(4)),
    "packages.lock.json": (r'"version"\s*:\s*(\d+)', range(1, 4)),
    "pdm.lock": (r"^lock_version\s*=\s*[\"'](\d+)", range(1, 5)),
    "pnpm-lock.yaml": (r"^lockfileVersion:\s*[\"']?(\d+)", range(5, 10)),
    "poetry.lock": (r"^lock-version\s*=\s*[\"'](\d+)", range(1, 3)),
    "pylock.toml": (r"^lock-version\s*=\s*[\"'](\d+)", range(1, 2)),
    "uv.lock": (r"^version\s*=\s*(\d+)", range(1, 2)),
    # Those of Yarn 1 and of later ones have each their own.
    "yarn.lock": (r"^(?:# yarn lockfile v(?=1$)|[\"']?__metadata[\"']?:\n\s+version:\s*)(\d+)", range(1, 11)),
}


def unknown_version(form: str, text: str) -> str:
    """Return the version that a file is of, where that is not known; empty where it is.

    Args:
        form: The name of its format.
        text: Of it.
    """
    pattern, known = _KNOWN.get(form, ("(?!)", range(0)))
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
            f"{form}: its version {version} is not known here, and what it says may be lost", path="file", found=f"version {version}",
            expected=f"version {_KNOWN[form][1][-1]} or an older one", suggestions=[remedy],
        )  # fmt: skip
