"""Where Python packages are published from here: what uv and twine are told, and what twine comes with.

https://packaging.python.org/en/latest/specifications/pypirc/, https://docs.astral.sh/uv/guides/package/ and `utils.py` of twine 6.
"""

import configparser
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.core.http.urls import origin
from outrider.operators.packages.pypi.settings import pypi_registries
from outrider.operators.packages.pypi.uv_indexes import uv_publish_addresses
from outrider.operators.packages.registries.netrc_file import login_for
from outrider.operators.packages.registries.registry import Registry, basic, registry_at, unknown_registry

_BUILT_IN = re.compile(r'^DEFAULT_REPOSITORY = "(https://[^"]+)"', re.MULTILINE)
# What stands for the user where the password is a token.
_TOKEN_USER = "__token__"  # noqa: S105 - it is no password
_USUAL = "pypi"


class _Address(msgspec.Struct, frozen=True):
    """An address.

    Attributes:
        url: As it is written.
        source: Where.
        index: The address of the index in which what is published there can be found; empty where none is named.
        section: Of `.pypirc`; empty where it is not from there.
        of_uv: Whether uv was told it, so that its variables say what is shown there.
    """

    url: str
    source: str
    index: str = ""
    section: str = ""
    of_uv: bool = False


class Destination(msgspec.Struct, frozen=True):
    """Where files go.

    Attributes:
        registry: With what is shown there.
        index: In which they can be found then; None where that is not known.
    """

    registry: Registry
    index: Registry | None


def destination(environment: Mapping[str, str], folder: Path, registry: str) -> Destination:
    """Return where files go.

    Args:
        environment: Variables.
        folder: Of the project.
        registry: An address that counts more than all settings; empty for none.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No address is known.
    """
    sections = _pypirc(environment)
    named = _Address(registry, "registry") if registry else _named(environment, folder, sections)
    found = registry_at(
        named.url, named.source, authorities=environment.get("SSL_CERT_FILE", ""), environment=environment
    )
    # Some indexes take nothing at an address without the slash at its end.
    found = msgspec.structs.replace(found, url=found.url + ("/" if named.url.rstrip().endswith("/") else ""))
    if found.authorization is None:
        login = _login(environment, named, sections)
        authorization = basic(*login) if login is not None else None
        found = login_for(msgspec.structs.replace(found, authorization=authorization), environment)
    return Destination(found, _index(environment, folder, named, found))


def _named(environment: Mapping[str, str], folder: Path, sections: Mapping[str, Mapping[str, str]]) -> _Address:
    if url := environment.get("TWINE_REPOSITORY_URL"):
        return _Address(url, "TWINE_REPOSITORY_URL")
    if url := environment.get("UV_PUBLISH_URL"):
        return _Address(url, "UV_PUBLISH_URL", of_uv=True)
    section = environment.get("TWINE_REPOSITORY", "")
    if section and not sections.get(section, {}).get("repository") and section != _USUAL:
        raise InvalidConfigError(
            f"TWINE_REPOSITORY: ~/.pypirc has no repository of {section}", path="TWINE_REPOSITORY", found=section,
            expected="a section with its repository", suggestions=[f"write repository = https://HOST/PATH/ below [{section}]"],
        )  # fmt: skip
    of_uv = [_Address(*one, of_uv=True) for one in uv_publish_addresses(environment, folder)]
    if of_uv and not section:
        if len({one.url for one in of_uv}) > 1:
            raise InvalidConfigError(
                f"{of_uv[0].source}: there are several addresses to publish at", path="publish-url", found=", ".join(one.url.rpartition("@")[2] for one in of_uv),
                expected="one", suggestions=["name one with --registry, or with UV_PUBLISH_URL"],
            )  # fmt: skip
        return of_uv[0]
    section = section or _USUAL
    if url := sections.get(section, {}).get("repository"):
        return _Address(url, "~/.pypirc", section=section)
    for url in _built_in():
        return _Address(url, "twine's own default", section=_USUAL)
    raise _unknown()


def _login(
    environment: Mapping[str, str], named: _Address, sections: Mapping[str, Mapping[str, str]]
) -> tuple[str, str] | None:
    """Return the user and the password for an address."""
    chosen = not named.section and named.source == "registry"
    if named.of_uv or chosen:
        if token := environment.get("UV_PUBLISH_TOKEN"):
            return _TOKEN_USER, token
        if environment.get("UV_PUBLISH_USERNAME") and environment.get("UV_PUBLISH_PASSWORD"):
            return environment["UV_PUBLISH_USERNAME"], environment["UV_PUBLISH_PASSWORD"]
    if not named.of_uv and environment.get("TWINE_PASSWORD"):
        return environment.get("TWINE_USERNAME") or _TOKEN_USER, environment["TWINE_PASSWORD"]
    # Of an address that was named otherwise the section counts that names the same.
    same = (one for one in sections.values() if one.get("repository", "").rstrip("/") == named.url.rstrip("/"))
    section = sections.get(named.section) if named.section else next(same, None)
    if section is None or not section.get("password"):
        return None
    return section.get("username") or _TOKEN_USER, section["password"]


def _index(environment: Mapping[str, str], folder: Path, named: _Address, registry: Registry) -> Registry | None:
    """Return the index in which what is published can be found: that which is named beside it, else one of the settings on the same host."""
    index: Registry | None
    try:
        indexes = pypi_registries(environment, folder)
    except MissingRequirementError:
        indexes = []
    if named.index:
        authorities = environment.get("SSL_CERT_FILE", "")
        alone = registry_at(named.index, named.source, authorities=authorities, environment=environment)
        index = next((one for one in indexes if one.url == alone.url), alone)
    else:
        index = next((one for one in indexes if origin(one.url) == origin(registry.url)), None)
    if index is None or index.authorization is not None or origin(index.url) != origin(registry.url):
        return index
    # On one host what may publish may read.
    return msgspec.structs.replace(index, authorization=registry.authorization)


def _pypirc(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the sections of `.pypirc`."""
    path = Path(environment.get("HOME") or "/") / ".pypirc"
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        # What it says itself has lines of the file in it, and in these are passwords.
        raise InvalidConfigError(
            f"{path}: it cannot be read", found=type(error).__name__, expected="an INI file", suggestions=[f"correct {path}"]
        ) from None  # fmt: skip
    return {section: {key: value or "" for key, value in parser.items(section)} for section in parser.sections()}


def _built_in() -> Iterator[str]:
    """Yield the address that twine comes with, read from its own code: no address stands in ours."""
    twine = find_spec("twine")
    for folder in twine.submodule_search_locations or () if twine is not None else ():
        path = Path(folder) / "utils.py"
        match = _BUILT_IN.search(path.read_text(encoding="utf-8")) if path.is_file() else None
        if match:
            yield match[1]


def _unknown() -> MissingRequirementError:
    error = unknown_registry(
        "pypi", "the settings of uv and twine to publish at, and twine is not installed here", "set UV_PUBLISH_URL, or name it with --registry",
        "write repository = https://HOST/PATH/ below [pypi] in ~/.pypirc",
    )  # fmt: skip
    error.suggestions = error.suggestions[:2]
    return error
