"""Where packages of PyPI come from here: what uv and pip are told, and what pip comes with.

https://pip.pypa.io/en/stable/topics/configuration/ and https://docs.astral.sh/uv/concepts/indexes/.
"""

import configparser
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.uv_indexes import (
    NO_INDEX,
    NO_LINKS,
    UvIndex,
    has_links,
    named_in_variable,
    uv_indexes,
)
from outrider.operators.packages.registries.netrc_file import login_for
from outrider.operators.packages.registries.own_settings import own_address
from outrider.operators.packages.registries.proxies import through
from outrider.operators.packages.registries.registry import Registry, registry_at, unknown_registry
from outrider.operators.packages.registries.unheeded import is_on, unheeded

_NO_INDEX = "no-index"
# By the name of pip's option.
_UNHEEDED = {
    _NO_INDEX: NO_INDEX,
    "find-links": NO_LINKS,
    "client-cert": "certificates of clients are not shown to an index",
}
# What pip would choose otherwise by, though of the same indexes. Only wheels are chosen from here, so that what wants wheels changes nothing.
_OTHER_CHOICES = {
    "constraint": "only what is named is asked for, and no file of constraints is read",
    "uploaded-prior-to": "when files were uploaded is not looked at; a policy can say how old versions must be: minimumAge",
    "no-binary": "sources are not built, and only wheels are chosen from",
    "pre": "prereleases are chosen where they are asked for: NAME>=2.0rc1",
    "all-releases": "prereleases are chosen where they are asked for: NAME>=2.0rc1",
    "only-final": "prereleases are chosen where nothing else will do",
    "no-deps": "what packages need is chosen too",
    "ignore-requires-python": "for which Pythons a version is counts",
    "requirement": "only what is named is asked for",
}
_SWITCHES = ("pre", "no-deps", "ignore-requires-python")
_COUNTS: Mapping[str, Callable[[str], bool]] = {_NO_INDEX: is_on, "find-links": lambda said: has_links(said.split())}
_BUILT_IN = re.compile(r'^PyPI = PackageIndex\(\s*"(https://[^"]+)"', re.MULTILINE)


def pypi_registries(environment: Mapping[str, str], folder: Path) -> list[Registry]:
    """Return the registries of PyPI in the order in which they are asked; the first one that has a name has it alone.

    Args:
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: There is none.
        UnsupportedError: A setting cannot be heeded, such as that no index is asked.
    """
    pip = _pip_settings(environment)
    _refuse(environment, pip)
    found = [_registry(index, source, environment, pip) for index, source in _indexes(environment, folder, pip)]
    if not found:
        raise unknown_registry(
            "pypi", "the settings of uv and pip, and pip is not installed", "set PIP_INDEX_URL", "install pip"
        )
    return found


def pypi_registry(index: UvIndex, source: str, environment: Mapping[str, str]) -> Registry:
    """Return a registry of PyPI by its address, with what the settings of this machine say of its host.

    Args:
        index: Which.
        source: Where it was read.
        environment: Variables of this process.

    Raises:
        InvalidConfigError: It is no address, or a setting cannot be used.
        UnsupportedError: A setting cannot be heeded.
    """
    pip = _pip_settings(environment)
    _refuse(environment, pip)
    return _registry(index, source, environment, pip)


def _registry(
    index: UvIndex, source: str, environment: Mapping[str, str], pip: Mapping[str, tuple[str, str]]
) -> Registry:
    authorities = environment.get("SSL_CERT_FILE") or _of_pip("cert", environment, pip)[0]
    variables = through(_of_pip("proxy", environment, pip)[0], environment)
    found = registry_at(index.url, source, authorities=authorities, environment=variables)
    if index.authenticate == "never":
        return msgspec.structs.replace(found, authorization=None)
    login = found.authorization or index.login(environment)
    return login_for(msgspec.structs.replace(found, authorization=login), environment)


def _refuse(environment: Mapping[str, str], pip: Mapping[str, tuple[str, str]]) -> None:
    """Refuse what pip and uv are told of whom they ask, or how, and cannot be heeded."""
    for key, why in _UNHEEDED.items():
        said, source = _of_pip(key, environment, pip)
        if said and _COUNTS.get(key, bool)(said):
            raise unheeded(source, source if source in environment else key, why)
    if environment.get("SSL_CLIENT_CERT"):
        raise unheeded("SSL_CLIENT_CERT", "SSL_CLIENT_CERT", _UNHEEDED["client-cert"])


def refuse_choices(environment: Mapping[str, str]) -> None:
    """Refuse what pip is told that would have it choose otherwise, and cannot be heeded.

    Args:
        environment: Variables of this process.

    Raises:
        InvalidConfigError: A file of pip cannot be read.
        UnsupportedError: There is such a setting.
    """
    pip = _pip_settings(environment)
    for key, why in _OTHER_CHOICES.items():
        said, source = _of_pip(key, environment, pip)
        if is_on(said) if key in _SWITCHES else said not in ("", ":none:"):
            raise unheeded(source, source if source in environment else key, why)


def _of_pip(key: str, environment: Mapping[str, str], pip: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Return what pip is told, and by what; its variables count more than its files."""
    variable = f"PIP_{key.upper().replace('-', '_')}"
    return (environment[variable], variable) if environment.get(variable) else pip.get(key, ("", ""))


def is_index_of_everybody(url: str) -> bool:
    """Return whether an address is that of the index that pip comes with."""
    return any(url.strip().rstrip("/") == one for one, _ in _built_in())


def _indexes(
    environment: Mapping[str, str], folder: Path, pip: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[UvIndex, str]]:
    uv = list(uv_indexes(environment, folder))
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        yield from ((named_in_variable(one), name) for one in environment.get(name, "").split())
    yield from ((index, source) for index, source in uv if not index.default)
    text, source = _of_pip("extra-index-url", environment, pip)
    yield from ((UvIndex(one), source) for one in text.split())
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if environment.get(name):
            yield named_in_variable(environment[name]), name
            return
    default = next((one for one in uv if one[0].default), None)
    if default is not None:
        yield default
        return
    own = pip.get("index-url") or own_address("pypi", environment)
    yield from ((UvIndex(url), source) for url, source in ([own] if own is not None else _built_in()))


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


def _built_in() -> Iterator[tuple[str, str]]:
    """Yield the index that pip comes with, read from its own code: no address stands in ours."""
    pip = find_spec("pip")
    for folder in pip.submodule_search_locations or () if pip is not None else ():
        path = Path(folder) / "_internal" / "models" / "index.py"
        match = _BUILT_IN.search(path.read_text()) if path.is_file() else None
        if match:
            yield f"{match[1].rstrip('/')}/simple", "pip's own default"
