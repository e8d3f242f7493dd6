"""Contexts: the platforms that this user knows, by name; kept in the cache folder, mode 0600."""

import os
from pathlib import Path

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import NotFoundError, OutriderError, did_you_mean
from outrider.ports.secrets.private_files import write_private

STATE_FOLDER = ".outrider"


class PlatformContext(msgspec.Struct, kw_only=True):
    """One platform.

    Attributes:
        folder: Where its objects are declared.
        state: Its state folder; token and authority are in it.
        used: When it was last started, seconds since the epoch.
        overlay: The overlay that it was started with; none where it is empty.
    """

    name: str
    folder: Path
    state: Path
    used: float = 0.0
    overlay: str = ""


class Endpoint(msgspec.Struct, kw_only=True):
    """How a running platform is reached; written by its supervisor. Several addresses stand with commas between them."""

    url: str
    pid: int
    name: str
    supervisor: Path


def cache_folder() -> Path:
    """Return the user's cache folder for Outrider."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outrider"


def user_state_folder() -> Path:
    """Return the folder for what the CLI keeps without a platform: its audit chain, plans, secrets."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "outrider"


class Contexts:
    """The contexts file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_folder() / "contexts.json"

    def all(self) -> list[PlatformContext]:
        """Return every context whose state still exists, the last used first."""
        try:
            known = decode(self._path.read_bytes(), list[PlatformContext])
        except (FileNotFoundError, OutriderError):
            return []  # a cache: a damaged file is as good as none
        return sorted((context for context in known if context.state.is_dir()), key=lambda context: -context.used)

    def save(self, context: PlatformContext) -> None:
        """Add a context, in place of the one with its state folder."""
        self._write([*(known for known in self.all() if known.state != context.state), context])

    def remove(self, state: Path) -> None:
        """Forget a context."""
        self._write([known for known in self.all() if known.state != state])

    def _write(self, contexts: list[PlatformContext]) -> None:
        write_private(self._path, encode(contexts))

    def select(self, name: str | None = None, folder: Path | None = None) -> PlatformContext:
        """Return the context by name, else that of a folder, else the last used one.

        Raises:
            NotFoundError: There is none.
        """
        name = name or os.environ.get("OUTRIDER_CONTEXT")
        known = self.all()
        if name:
            for context in known:
                if context.name == name:
                    return context
            raise NotFoundError(
                f"no context is called '{name}'",
                found=name,
                expected=", ".join(context.name for context in known) or "a platform that was started here before",
                suggestions=did_you_mean(name, [context.name for context in known]) or ["start it: outrider up DIR"],
            )
        here = (folder or Path.cwd()).resolve()
        for context in known:
            if context.folder == here:
                return context
        if known and folder is None:
            return known[0]
        raise NotFoundError(
            "no platform is known here",
            expected="a platform that was started before",
            suggestions=["start one: outrider up DIR"],
        )
