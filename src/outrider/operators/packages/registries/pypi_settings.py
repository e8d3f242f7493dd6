"""Where packages of PyPI come from here: what uv and pip are told, and what pip comes with.

https://pip.pypa.io/en/stable/topics/configuration/ and https://docs.astral.sh/uv/concepts/indexes/.
"""

import configparser
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.registries.netrc_file import login_for
from outrider.operators.packages.registries.registry import Registry, registry_at, unknown_registry

_BUILT_IN = re.compile(r'^PyPI = PackageIndex\(\s*"(https://[^"]+)"', re.MULTILINE)


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
    authorities = environment.get("SSL_CERT_FILE") or environment.get("PIP_CERT") or pip.get("cert", ("", ""))[0]
    found: list[Registry] = []
    for url, source in _addresses(environment, folder, pip):
        registry = registry_at(url, source, authorities=authorities, environment=environment)
        found.append(login_for(registry, environment))
    if not found:
        raise unknown_registry("pypi", "the settings of uv and pip, and pip is not installed")
    return found


def _addresses(
    environment: Mapping[str, str], folder: Path, pip: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    uv = list(_uv_indexes(environment, folder))
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        yield from ((one.rpartition("=")[2], name) for one in environment.get(name, "").split())
    yield from ((url, source) for url, source, default in uv if not default)
    extra = environment.get("PIP_EXTRA_INDEX_URL")
    text, source = (extra, "PIP_EXTRA_INDEX_URL") if extra else pip.get("extra-index-url", ("", ""))
    yield from ((one, source) for one in text.split())
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if environment.get(name):
            yield environment[name].rpartition("=")[2] if name == "UV_DEFAULT_INDEX" else environment[name], name
            return
    defaults = [(url, source) for url, source, default in uv if default]
    if defaults:
        yield defaults[0]
    elif "index-url" in pip:
        yield pip["index-url"]
    else:
        yield from _built_in()


def _pip_settings(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what the files of pip say, with the file that says it; later files count more."""
    found: dict[str, tuple[str, str]] = {}
    for path in _pip_files(environment):
        parser = configparser.RawConfigParser()
        try:
            if not parser.read(path, encoding="utf-8"):
                continue
        except (configparser.Error, UnicodeDecodeError) as error:
            raise InvalidConfigError(
                f"{path}: pip's settings cannot be read: {error}", found=str(error), expected="an INI file", suggestions=[f"correct {path}"]
            ) from error  # fmt: skip
        for section in ("global", "install", "download"):
            if parser.has_section(section):
                found |= {name: (value, str(path)) for name, value in parser.items(section)}
    return found


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
    files = [
        *machine,
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        user / "pip" / "pip.conf",
        prefix / "pip.conf",
    ]
    return [*files, Path(named)] if named else files


def _uv_indexes(environment: Mapping[str, str], folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield the indexes of uv's settings: those of the project, of the user and of the machine; and whether one is the default."""
    home = Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/") / ".config")
    for path in (folder / "pyproject.toml", folder / "uv.toml", home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        content = _toml(path)
        settings = content.get("tool", {}).get("uv", {}) if path.name == "pyproject.toml" else content
        for index in settings.get("index", ()):
            if index.get("url"):
                yield index["url"], str(path), bool(index.get("default"))
        for one in settings.get("extra-index-url", ()):
            yield one, str(path), False
        if settings.get("index-url"):
            yield settings["index-url"], str(path), True


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: it cannot be read: {error}", found=str(error), expected="TOML", suggestions=[f"correct {path}"]
        ) from error


def _built_in() -> Iterator[tuple[str, str]]:
    """Yield the index that pip comes with, read from its own code: no address stands in ours."""
    pip = find_spec("pip")
    for folder in pip.submodule_search_locations or () if pip is not None else ():
        path = Path(folder) / "_internal" / "models" / "index.py"
        match = _BUILT_IN.search(path.read_text()) if path.is_file() else None
        if match:
            yield f"{match[1].rstrip('/')}/simple", "pip's own default"
