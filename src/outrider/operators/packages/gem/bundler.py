"""What Bundler is told: variables `BUNDLE_...`, its file of a project, and that of its user.

https://bundler.io/man/bundle-config.1.html. Keys stand there as Bundler writes them: a dot as two underscores, a hyphen as three.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from outrider.core.errors import InvalidConfigError

_PREFIX = "BUNDLE_"
# Bundler has a reader of its own, which knows lines of a key and a value.
_LINE = re.compile(r"""(?P<key>[^\s:](?:[^\n]*?\S)?):\s+(?P<quote>['"]?)(?P<value>[^\n]*)(?P=quote)\s*""")
_LONGEST_LINE, _LARGEST = 4096, 1 << 20
_FALSE = ("false", "f", "no", "n", "0", "")
_MIRROR = "mirror."
_FALLBACK = ".fallback_timeout"


class Setting(NamedTuple):
    """A value.

    Attributes:
        text: As it is written.
        source: Where.
    """

    text: str
    source: str


class BundlerSettings:
    """What Bundler is told.

    Args:
        environment: Variables. They count less than the file of a project, and more than that of a user.
        folder: Of the project; its Gemfile may be in a folder above.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        files = not environment.get("BUNDLE_IGNORE_CONFIG")
        local = _read(_local_file(environment, folder.absolute())) if files else {}
        own = {name: Setting(text, name) for name, text in environment.items() if name.startswith(_PREFIX)}
        user = _read(_user_file(environment)) if files else {}
        self._settings = user | own | local

    def value(self, name: str) -> Setting | None:
        """Return a setting by its name, such as `ssl_ca_cert`; None where nothing is said."""
        return self._settings.get(_key(name))

    def flag(self, name: str) -> bool:
        """Return whether a setting is switched on."""
        found = self.value(name)
        return found is not None and found.text.lower() not in _FALSE

    def mirror(self, url: str) -> Setting | None:
        """Return what stands in for a source; None where nothing does.

        Args:
            url: Of the source, with a slash at its end.
        """
        wanted = (f"{_MIRROR}all", f"{_MIRROR}{url.lower()}", f"{_MIRROR}{urlsplit(url).hostname or ''}")
        mirrors = {name: setting for name, setting in self._named() if name.startswith(_MIRROR)}
        return next((mirrors[name] for name in wanted if name in mirrors), None)

    def _named(self) -> Iterator[tuple[str, Setting]]:
        """Yield settings by what their keys stand for; those of addresses end with a slash."""
        for key, setting in self._settings.items():
            name = key.removeprefix(_PREFIX).replace("___", "-").replace("__", ".").lower()
            if not name.endswith((_FALLBACK, f"{_FALLBACK}/")):
                yield f"{name}/" if "://" in name and not name.endswith("/") else name, setting

    def login(self, url: str) -> Setting | None:
        """Return what is shown to a source, as `USER:PASSWORD` or a token; None where nothing is.

        Args:
            url: Of the source, with a slash at its end.
        """
        return self.value(url) or self.value(urlsplit(url).hostname or "")


def _key(name: str) -> str:
    return _PREFIX + name.replace(".", "__").replace("-", "___").upper()


def _local_file(environment: Mapping[str, str], folder: Path) -> Path:
    gemfile = environment.get("BUNDLE_GEMFILE")
    root = folder / Path(gemfile).parent if gemfile else _root(folder)
    return root / (environment.get("BUNDLE_APP_CONFIG") or ".bundle") / "config"


def _root(folder: Path) -> Path:
    """Return the folder of the Gemfile of a project."""
    names = ("Gemfile", "gems.rb")
    return next((one for one in (folder, *folder.parents) if any((one / name).is_file() for name in names)), folder)


def _user_file(environment: Mapping[str, str]) -> Path:
    for variable in ("BUNDLE_CONFIG", "BUNDLE_USER_CONFIG"):
        if environment.get(variable):
            return Path(environment[variable])
    folder = environment.get("BUNDLE_USER_HOME")
    return Path(folder) / "config" if folder else Path(environment.get("HOME") or "/") / ".bundle" / "config"


def _read(path: Path) -> dict[str, Setting]:
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size <= _LARGEST else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: Bundler's settings cannot be read", found=type(error).__name__, expected='lines such as BUNDLE_JOBS: "4"',
            suggestions=[f"correct {path}"],
        ) from error  # fmt: skip
    found: dict[str, Setting] = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line.rstrip("\r")) if len(line) <= _LONGEST_LINE else None
        if match is not None and match["value"]:
            found[_written(match["key"])] = Setting(match["value"], str(path))
    return found


def _written(key: str) -> str:
    """Return a key as Bundler writes it today; older ones wrote dots and hyphens, and addresses without a slash at the end."""
    if re.search("https?:", key, re.IGNORECASE) and not key.endswith("/"):
        key += "/"
    return key.replace(".", "__").replace("-", "___")
