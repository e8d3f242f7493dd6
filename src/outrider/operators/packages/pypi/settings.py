"""Where packages of PyPI come from here: what uv and pip are told, and what pip comes with.

https://pip.pypa.io/en/stable/topics/configuration/ and https://docs.astral.sh/uv/concepts/indexes/.
"""

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.registries.netrc_file import login_for
from outrider.operators.packages.registries.own_settings import own_address
from outrider.operators.packages.registries.registry import Registry, registry_at, unknown_registry

_BUILT_IN = re.compile(r'^PyPI = PackageIndex\(\s*"(https://[^"]+)"', re.MULTILINE)


class _UvIndex(msgspec.Struct, frozen=True):
    url: str = ""
    default: bool = False
    explicit: bool = False
    publish_url: str = msgspec.field(name="publish-url", default="")


class _UvSettings(msgspec.Struct, frozen=True, rename="kebab"):
    index: list[_UvIndex] = []
    index_url: str = ""
    extra_index_url: list[str] = []
    publish_url: str = ""


class _Tools(msgspec.Struct, frozen=True):
    uv: _UvSettings = _UvSettings()


class _Project(msgspec.Struct, frozen=True):
    tool: _Tools = _Tools()


def pypi_registries(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    """Return the registries of PyPI in the order in which they are asked; the first one that has a name has it alone.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: There is none.
    """
    pip = _pip_settings(environment)
    found: list[Registry] = []
    for url, source in _addresses(environment, folder, pip):
        found.append(_registry(url, source, environment, pip))
    if not found:
        raise unknown_registry(
            "pypi", "the settings of uv and pip, and pip is not installed", "set PIP_INDEX_URL", "install pip"
        )
    return found


def pypi_registry(url: str, source: str, environment: Mapping[str, str]) -> Registry:
    """Return a registry of PyPI by its address.

    Args:
        url: The address.
        source: Where it was read.
        environment: Variables of this process.

    Raises:
        InvalidConfigError: It is none, or a setting cannot be used.
    """
    return _registry(url, source, environment, _pip_settings(environment))


def _registry(url: str, source: str, environment: Mapping[str, str], pip: Mapping[str, tuple[str, str]]) -> Registry:
    authorities = environment.get("SSL_CERT_FILE") or environment.get("PIP_CERT") or pip.get("cert", ("", ""))[0]
    return login_for(registry_at(url, source, authorities=authorities, environment=environment), environment)


def _addresses(
    environment: Mapping[str, str], folder: Path, pip: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    uv = list(_uv_indexes(environment, folder))
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        yield from ((_without_name(one), name) for one in environment.get(name, "").split())
    yield from ((url, source) for url, source, default in uv if not default)
    extra = environment.get("PIP_EXTRA_INDEX_URL")
    text, source = (extra, "PIP_EXTRA_INDEX_URL") if extra else pip.get("extra-index-url", ("", ""))
    yield from ((one, source) for one in text.split())
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if environment.get(name):
            yield _without_name(environment[name]), name
            return
    defaults = [(url, source) for url, source, default in uv if default]
    if defaults:
        yield defaults[0]
    elif "index-url" in pip:
        yield pip["index-url"]
    elif (own := own_address("pypi", environment)) is not None:
        yield own
    else:
        yield from _built_in()


def _pip_settings(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what the files of pip say, with the file that says it; later files count more."""
    sections: dict[str, dict[str, tuple[str, str]]] = {"global": {}, "install": {}, "download": {}}
    for path in _pip_files(environment):
        parser = configparser.RawConfigParser()
        try:
            if not parser.read(path, encoding="utf-8"):
                continue
        except (configparser.Error, UnicodeDecodeError) as error:
            # What it says itself has lines of the file in it, and in these are passwords.
            raise InvalidConfigError(
                f"{path}: pip's settings cannot be read", found=type(error).__name__, expected="an INI file", suggestions=[f"correct {path}"]
            ) from None  # fmt: skip
        for section, found in sections.items():
            if parser.has_section(section):
                found |= {name.replace("_", "-"): (value, str(path)) for name, value in parser.items(section) if value}
    # What a command is told counts more than what all are told, whichever file says it.
    return sections["global"] | sections["install"] | sections["download"]


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environment.get("HOME") or "/")
    machine = [
        Path(one) / "pip" / "pip.conf" for one in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if one
    ]
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    prefix = Path(environment.get("VIRTUAL_ENV") or sys.prefix)
    machine.append(Path("/etc/pip.conf"))
    if named and Path(named).exists():
        return [*machine, prefix / "pip.conf", Path(named)]  # in place of the user's own
    return [*machine, home / ".pip" / "pip.conf", user / "pip" / "pip.conf", prefix / "pip.conf"]


def _uv_indexes(environment: Mapping[str, str], folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield the indexes of uv's settings: those of the project, of the user and of the machine; and whether one is the default."""
    for path in _uv_files(environment, folder):
        settings = _uv_settings(path)
        for index in settings.index:
            # Those are only for packages that name them.
            if index.url and not index.explicit:
                yield index.url, str(path), index.default
        for one in settings.extra_index_url:
            yield one, str(path), False
        if settings.index_url:
            yield settings.index_url, str(path), True


def uv_publish_addresses(environment: Mapping[str, str], folder: Path) -> list[tuple[str, str, str]]:
    """Return the addresses at which uv publishes, each with the file that says it and the index in which its files are found then.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A file cannot be read.
    """
    for path in _uv_files(environment, folder):
        settings = _uv_settings(path)
        if settings.publish_url:
            return [(settings.publish_url, str(path), "")]
        found = [(one.publish_url, str(path), one.url) for one in settings.index if one.publish_url]
        if found:
            return found
    return []


def _uv_files(environment: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Return the files of uv's settings, that which counts most first."""
    home = Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/") / ".config")
    return folder / "pyproject.toml", folder / "uv.toml", home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")


def _uv_settings(path: Path) -> _UvSettings:
    try:
        content = path.read_text()
        if path.name == "pyproject.toml":
            return msgspec.toml.decode(content, type=_Project).tool.uv
        return msgspec.toml.decode(content, type=_UvSettings)
    except OSError:
        return _UvSettings()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidConfigError(
            f"{path}: it cannot be read: {error}", found=str(error), expected="TOML, with indexes as uv writes them",
            suggestions=[f"correct {path}"],
        ) from error  # fmt: skip


def _without_name(index: str) -> str:
    """Return the address of an index of uv, which may have a name before it: `NAME=ADDRESS`."""
    name, _, address = index.partition("=")
    return address if address and ":" not in name else index


def _built_in() -> Iterator[tuple[str, str]]:
    """Yield the index that pip comes with, read from its own code: no address stands in ours."""
    pip = find_spec("pip")
    for folder in pip.submodule_search_locations or () if pip is not None else ():
        path = Path(folder) / "_internal" / "models" / "index.py"
        match = _BUILT_IN.search(path.read_text()) if path.is_file() else None
        if match:
            yield f"{match[1].rstrip('/')}/simple", "pip's own default"
