"""Which indexes uv is told of here: https://docs.astral.sh/uv/concepts/indexes/ and https://docs.astral.sh/uv/concepts/configuration-files/."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.manifests.uv_settings import workspace_of
from outrider.operators.packages.registries.registry import basic
from outrider.operators.packages.registries.unheeded import is_on, unheeded

_MANIFEST, _FILE = "pyproject.toml", "uv.toml"
# Why what uv and pip are told alike cannot be heeded.
NO_LINKS = "files of packages in a folder or on a page are not looked into"
NO_INDEX = "it says that no index is asked"


class UvIndex(msgspec.Struct, frozen=True, rename="kebab"):
    """An index, as uv's settings have it.

    Attributes:
        url: Its address.
        name: By which variables name its credentials.
        default: Whether it stands in for the index that uv comes with.
        explicit: Whether it is only for packages that name it.
        publish_url: Where its packages are published.
        authenticate: `never` where no credentials are shown to it.
        format: `flat` for a page of links.
    """

    url: str = ""
    name: str = ""
    default: bool = False
    explicit: bool = False
    publish_url: str = ""
    authenticate: str = ""
    format: str = ""

    def login(self, environment: Mapping[str, str]) -> SecretValue | None:
        """Return what variables say that is shown to it; None where they say nothing."""
        place = "UV_INDEX_" + "".join(one.upper() if one.isascii() and one.isalnum() else "_" for one in self.name)
        user, password = environment.get(f"{place}_USERNAME"), environment.get(f"{place}_PASSWORD")
        return None if not self.name or (user is None and password is None) else basic(user or "", password or "")


class _Settings(msgspec.Struct, frozen=True, rename="kebab"):
    index: list[UvIndex] = []
    index_url: str = ""
    extra_index_url: list[str] = []
    publish_url: str = ""
    no_index: bool = False
    find_links: list[str] = []
    pip: "_Settings | None" = None


class _Tools(msgspec.Struct, frozen=True):
    uv: _Settings | None = None


class _Project(msgspec.Struct, frozen=True):
    tool: _Tools = _Tools()


def uv_indexes(environment: Mapping[str, str], folder: Path) -> Iterator[tuple[UvIndex, str]]:
    """Yield the indexes of uv's files that are asked for all packages, those that count most first, each with the file.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A file cannot be read.
        UnsupportedError: What one says cannot be heeded.
    """
    if has_links(environment.get("UV_FIND_LINKS", "").replace(",", " ").split()):
        raise unheeded("UV_FIND_LINKS", "UV_FIND_LINKS", NO_LINKS)
    for path, settings in _files(environment, folder):
        _refuse(settings, str(path))
        for index in settings.index:
            if index.url and not index.explicit:
                yield index, str(path)
        for one in settings.extra_index_url:
            yield UvIndex(one), str(path)
        if settings.index_url:
            yield UvIndex(settings.index_url, default=True), str(path)


def index_at(url: str, environment: Mapping[str, str], folder: Path) -> UvIndex:
    """Return the index of uv's files at an address, also one that is only for packages that name it; the errors are those of `uv_indexes`."""
    known = (index for _, settings in _files(environment, folder) for index in settings.index)
    return next((one for one in known if one.url.rstrip("/") == url.rstrip("/")), UvIndex(url))


def uv_publish_addresses(environment: Mapping[str, str], folder: Path) -> list[tuple[str, str, str]]:
    """Return the addresses at which uv publishes, each with the file that says it and the index in which its files are found then.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A file cannot be read.
    """
    for path, settings in _files(environment, folder):
        if settings.publish_url:
            return [(settings.publish_url, str(path), "")]
        found = [(one.publish_url, str(path), one.url) for one in settings.index if one.publish_url]
        if found:
            return found
    return []


def named_in_variable(said: str) -> UvIndex:
    """Return an index as variables have it: an address, which may have a name before it: `NAME=ADDRESS`."""
    name, _, address = said.partition("=")
    return UvIndex(address, name) if address and ":" not in name else UvIndex(said)


def has_links(places: Iterable[str]) -> bool:
    """Return whether pages or folders of files may have one: a folder that is empty or not there has none."""
    return any("://" in one or _has_files(Path(one).expanduser()) for one in places)


def _has_files(place: Path) -> bool:
    return place.is_file() or (place.is_dir() and any(place.iterdir()))


def _refuse(settings: _Settings, source: str) -> None:
    if settings.no_index:
        raise unheeded(source, "no-index", NO_INDEX)
    if has_links(settings.find_links):
        raise unheeded(source, "find-links", NO_LINKS)
    if any(one.format == "flat" for one in settings.index):
        raise unheeded(source, 'index.format = "flat"', NO_LINKS)
    pip = settings.pip or _Settings()
    for key in ("index", "index-url", "extra-index-url", "no-index", "find-links"):
        if getattr(pip, key.replace("-", "_")):
            raise unheeded(source, f"pip.{key}", "it counts for uv pip alone", f"write it without pip in {source}")


def _files(environment: Mapping[str, str], folder: Path) -> Iterator[tuple[Path, _Settings]]:
    """Yield the files of uv's settings, that which counts most first."""
    named = environment.get("UV_CONFIG_FILE")
    if named:
        path = Path(named).expanduser()
        if (alone := _read(path)) is None:
            raise InvalidConfigError(
                "UV_CONFIG_FILE: there is no such file", path="UV_CONFIG_FILE", found=named, expected="a file such as uv.toml",
                suggestions=["name one that is there, or unset UV_CONFIG_FILE"],
            )  # fmt: skip
        yield path, alone
        return
    if is_on(environment.get("UV_NO_CONFIG", "")):
        return
    home = Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/") / ".config")
    machine = [Path(one) / "uv" / _FILE for one in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if one]
    further = [home / "uv" / _FILE, next((one for one in machine if one.is_file()), Path("/etc/uv") / _FILE)]
    for places in (_of_project(folder), *([one] for one in further)):
        found = next(((path, settings) for path in places if (settings := _read(path)) is not None), None)
        if found is not None:
            yield found


def _of_project(folder: Path) -> Iterator[Path]:
    """Yield where the settings of a project may be: the nearest ones count alone, and of a workspace those of its root."""
    place = folder.absolute()
    place = workspace_of(place) or place
    for one in (place, *place.parents):
        yield from (one / _FILE, one / _MANIFEST)


def _read(path: Path) -> _Settings | None:
    """Return what a file says; None where there is none, or it is of no project of uv."""
    try:
        content = path.read_text()
        if path.name == _MANIFEST:
            return msgspec.toml.decode(content, type=_Project).tool.uv
        return msgspec.toml.decode(content, type=_Settings)
    except OSError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidConfigError(
            f"{path}: it cannot be read: {error}", found=str(error), expected="TOML, with indexes as uv writes them",
            suggestions=[f"correct {path}"],
        ) from error  # fmt: skip
