"""Where advisories are kept."""

from pathlib import Path

from outrider.runtime.contexts import cache_folder


def store_path() -> Path:
    """Return the file of this user's advisories."""
    return cache_folder() / "packages" / "advisories.db"
