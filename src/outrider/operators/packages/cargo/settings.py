"""Where crates come from here: what Cargo is told, and what it comes with.

https://doc.rust-lang.org/cargo/reference/config.html, source-replacement.html and registry-authentication.html.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.cargo.places import CRATES_IO, NAMED, SPARSE
from outrider.operators.packages.registries.proxies import through
from outrider.operators.packages.registries.registry import Registry, registry_at

_LOGIN = "log in with cargo login --registry NAME, or set CARGO_REGISTRIES_NAME_TOKEN"
# Sources that are no registry, or are on disk.
_OTHER_KINDS = ("local-registry", "directory", "git")


class _File(NamedTuple):
    """A file of settings.

    Attributes:
        path: Where it is.
        base: What paths within are relative to.
        content: What it says.
    """

    path: Path
    base: Path
    content: dict[str, Any]


class _Value(NamedTuple):
    text: str
    source: str
    base: Path


class CargoSettings:
    """What Cargo is told.

    Args:
        environment: Variables, which count more than files.
        folder: Of the project. Files there and in the folders above count, the nearest most, and then those of CARGO_HOME.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment, self._folder = environment, folder
        self._files = list(_files(environment, folder.absolute()))

    def replacement(self) -> Registry | None:
        """Return the registry that stands in for crates.io; None where nothing does.

        Raises:
            InvalidConfigError: A setting cannot be used.
            UnsupportedError: What stands in is no sparse registry.
        """
        address = self._address(CRATES_IO)
        return None if address is None else self.registry(address.text.removeprefix(SPARSE), address.source)

    def at(self, place: str) -> Registry:
        """Return the registry of a place, or what stands in for it; the errors are those of `replacement`.

        Args:
            place: As Cargo.lock writes it.
        """
        for file in self._files:
            for name, source in _table(file.content, "source").items():
                if isinstance(source, dict) and source.get("registry") == place and "replace-with" in source:
                    address = self._address(name)
                    if address is not None:
                        return self.registry(address.text.removeprefix(SPARSE), address.source)
        return self.registry(place.removeprefix(SPARSE), "the index of a registry")

    def place_of(self, said: str) -> str:
        """Return the place of a registry that a manifest names, as Cargo.lock writes it; other places stay as they are.

        Args:
            said: `registry:NAME`, or a place.

        Raises:
            InvalidConfigError: There is no registry of that name, or its address cannot be used.
            UnsupportedError: It is no sparse registry.
        """
        if not said.startswith(NAMED):
            return said
        name = said.removeprefix(NAMED)
        address, path = self._index_of(name), f"registries.{name}.index"
        if address is None:
            raise InvalidConfigError(
                f"there is no registry {name!r} in the settings of Cargo", path=path, found="nothing", expected=f'index = "{SPARSE}https://HOST/PATH/"',
                suggestions=[f"write [registries.{name}] with its index into .cargo/config.toml", f"set CARGO_REGISTRIES_{_in_variables(name)}_INDEX"],
            )  # fmt: skip
        if not address.text.startswith(SPARSE):
            raise _not_sparse(address, path, "git")
        if not address.text.endswith("/"):
            raise InvalidConfigError(
                f"{address.source}: {path} does not end with a slash, as Cargo wants it", path=path, found=address.text.rpartition("@")[2],
                expected="a slash at the end", suggestions=[f"correct it in {address.source}"],
            )  # fmt: skip
        return address.text

    def refuse_patches(self) -> None:
        """Refuse files that put something in the place of what manifests ask for.

        Raises:
            UnsupportedError: One does.
        """
        for file in self._files:
            what = next((one for one in ("patch", "paths") if file.content.get(one)), "")
            if what:
                raise UnsupportedError(
                    f"{file.path}: {what} in settings is not read", path=what, found=what, expected="[patch] of the manifest",
                    suggestions=["write it into the Cargo.toml beside the lock", "use Cargo itself: cargo update -p NAME --precise VERSION"],
                )  # fmt: skip

    def named(self, name: str) -> Registry | None:
        """Return a registry that has a name; None where there is none of that name.

        Raises:
            InvalidConfigError: A setting cannot be used.
            UnsupportedError: It is no sparse registry.
        """
        address = self._index_of(name)
        if address is None:
            return None
        if not address.text.startswith(SPARSE):
            raise _not_sparse(address, f"registries.{name}.index", "git")
        return self.registry(address.text.removeprefix(SPARSE), address.source)

    def default_name(self) -> str:
        """Return the name of the registry that is meant where none is named; empty for crates.io."""
        found = self._value("registry", "default")
        return self._environment.get("CARGO_REGISTRY_DEFAULT") or (found.text if found is not None else "")

    def incompatible_rust(self) -> str:
        """Return what becomes of versions that need a newer Rust: `allow` or `fallback`; empty where nothing is said.

        Raises:
            InvalidConfigError: A setting cannot be used.
        """
        found = self._value("resolver", "incompatible-rust-versions")
        variable = self._environment.get("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS")
        return variable or (found.text if found is not None else "")

    def registry(self, url: str, source: str, *, built_in: bool = False) -> Registry:
        """Return a registry by the address of its index, with what Cargo is told of the way there.

        Args:
            url: Of its index.
            source: Where that was read.
            built_in: Whether it is crates.io itself, whose token has another place.

        Raises:
            InvalidConfigError: A setting cannot be used.
            UnsupportedError: It is behind a proxy that is none of HTTP.
        """
        authorities = self._environment.get("CARGO_HTTP_CAINFO") or self._authorities()
        found = registry_at(
            url, source, authorities=authorities or self._environment.get("SSL_CERT_FILE", ""),
            login=_LOGIN, environment=through(self._proxy(), self._environment),
        )  # fmt: skip
        token = self._token_of(found.url, built_in=built_in)
        return msgspec.structs.replace(
            found,
            authorization=SecretValue(token) if token else found.authorization,
        )

    def _address(self, name: str) -> _Value | None:
        """Return the address that replaces that of a source, as it is written."""
        passed = [name]
        while (following := self._value("source", name, "replace-with")) is not None:
            name = following.text
            if name in passed:
                raise InvalidConfigError(
                    f"{following.source}: sources of Cargo replace each other in a circle", path=f"source.{name}.replace-with",
                    found=" -> ".join([*passed, name]), expected="a source that is replaced by none of these",
                    suggestions=[f"correct it in {following.source}"],
                )  # fmt: skip
            passed.append(name)
        for kind in _OTHER_KINDS:
            if (other := self._value("source", name, kind)) is not None:
                raise _not_sparse(other, f"source.{name}.{kind}", kind)
        address = self._value("source", name, "registry") or self._index_of(name)
        if address is None and name != CRATES_IO:
            raise InvalidConfigError(
                f"source.{passed[-2]}.replace-with: there is no source {name!r}", path=f"source.{passed[-2]}.replace-with", found=name,
                expected="the name of a source or of a registry", suggestions=[f"write [source.{name}] with its registry"],
            )  # fmt: skip
        if address is not None and not address.text.startswith(SPARSE):
            raise _not_sparse(address, f"source.{name}.registry", "git")
        return address

    def _index_of(self, name: str) -> _Value | None:
        variable = f"CARGO_REGISTRIES_{_in_variables(name)}_INDEX"
        if name != CRATES_IO and self._environment.get(variable):
            return _Value(self._environment[variable], variable, self._folder)
        return None if name == CRATES_IO else self._value("registries", name, "index")

    def _token_of(self, url: str, *, built_in: bool) -> str:
        """Return the token of the registry whose index is at an address; empty where there is none."""
        if built_in:
            found = self._value("registry", "token")
            return self._environment.get("CARGO_REGISTRY_TOKEN") or (found.text if found is not None else "")
        for name in self._registries():
            index = self._index_of(name)
            if index is None or index.text.removeprefix(SPARSE).rstrip("/") != url:
                continue
            if token := self.token_named(name):
                return token
        return ""

    def token_named(self, name: str) -> str:
        """Return the token that goes by the name of a registry, wherever its index is; empty where there is none."""
        found = self._value("registries", name, "token")
        variable = f"CARGO_REGISTRIES_{_in_variables(name)}_TOKEN"
        return self._environment.get(variable) or (found.text if found is not None else "")

    def index_named(self, name: str) -> str:
        """Return the address of the index that goes by the name of a registry; empty where there is none."""
        found = self._index_of(name)
        return found.text if found is not None else ""

    def _registries(self) -> list[str]:
        """Return the names of all registries that there are addresses of."""
        names = [name for file in self._files for name in _table(file.content, "registries")]
        prefix, suffix = "CARGO_REGISTRIES_", "_INDEX"
        variables = [one for one in sorted(self._environment) if one.startswith(prefix) and one.endswith(suffix)]
        names += [one.removeprefix(prefix).removesuffix(suffix).lower() for one in variables]
        return list(dict.fromkeys(names))

    def _proxy(self) -> str:
        found = self._value("http", "proxy")
        variable = self._environment.get("CARGO_HTTP_PROXY")
        if variable:
            found = _Value(variable, "CARGO_HTTP_PROXY", self._folder)
        if found is None or not found.text:
            return ""
        url = found.text if "://" in found.text else f"http://{found.text}"
        scheme = url.partition("://")[0]
        if scheme != "http":
            raise UnsupportedError(
                f"{found.source}: a proxy of the kind {scheme} cannot be used", path="http.proxy", found=scheme, expected="http://HOST:PORT",
                suggestions=["set CARGO_HTTP_PROXY to a proxy of HTTP"],
            )  # fmt: skip
        return url.rstrip("/")

    def _authorities(self) -> str:
        found = self._value("http", "cainfo")
        return str(found.base / Path(found.text).expanduser()) if found is not None else ""

    def _value(self, *keys: str) -> _Value | None:
        """Return a text of the file that counts most among those that have it."""
        for file in self._files:
            table: Mapping[str, Any] = file.content
            for key in keys[:-1]:
                table = _table(table, key)
            value = table.get(keys[-1])
            if isinstance(value, str):
                return _Value(value, str(file.path), file.base)
            if value is not None:
                path = ".".join(keys)
                raise InvalidConfigError(
                    f"{file.path}: {path} is no text", path=path, found=type(value).__name__, expected="a text",
                    suggestions=[f"correct it in {file.path}"],
                )  # fmt: skip
        return None


def _table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _in_variables(name: str) -> str:
    return name.upper().replace("-", "_")


def _not_sparse(address: _Value, path: str, kind: str) -> UnsupportedError:
    return UnsupportedError(
        f"{address.source}: a source of the kind {kind} cannot be asked", path=path, found=_without_login(address.text),
        expected='registry = "sparse+https://HOST/PATH/"', suggestions=[f"name a sparse registry in {address.source}"],
    )  # fmt: skip


def _without_login(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "no address"
    return text.replace(f"{parts.netloc.rpartition('@')[0]}@", "") if "@" in parts.netloc else text


def cargo_home(environment: Mapping[str, str]) -> Path:
    """Return the folder in which Cargo keeps what is its own."""
    return Path(environment.get("CARGO_HOME") or Path(environment.get("HOME") or "/") / ".cargo")


def _files(environment: Mapping[str, str], folder: Path) -> Iterator[_File]:
    """Yield the files of settings, that which counts most first; credentials are settings too."""
    home = cargo_home(environment)
    places = [one / ".cargo" for one in (folder, *folder.parents) if one / ".cargo" != home]
    for place in [*places, home]:
        # Where there are both, Cargo takes that without an ending.
        yield from _first(place, ("config", "config.toml"))
    yield from _first(home, ("credentials", "credentials.toml"))


def _first(place: Path, names: Sequence[str]) -> Iterator[_File]:
    for name in names:
        path = place / name
        try:
            yield _File(path, place.parent, tomllib.loads(path.read_text()))
        except OSError:
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidConfigError(
                f"{path}: Cargo's settings cannot be read", found=type(error).__name__, expected="TOML", suggestions=[f"correct {path}"]
            ) from error  # fmt: skip
        return
