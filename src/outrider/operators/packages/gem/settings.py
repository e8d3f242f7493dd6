"""Where gems come from here: what RubyGems and Bundler are told, and what RubyGems comes with.

https://docs.ruby-lang.org/en/3.4/Gem/ConfigFile.html and https://bundler.io/man/bundle-config.1.html. The sources are those of
`gem sources`, but for a Gemfile, which names its own. Bundler's mirrors stand in for them, and its logins are shown to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.gem.bundler import BundlerSettings
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.proxies import through
from outrider.operators.packages.registries.registry import Registry, basic, registry_at, unknown_registry
from outrider.operators.packages.registries.unheeded import unheeded

_SYSTEM_FILE = Path("/etc/gemrc")
_OTHER_SCHEMES = ("file", "s3", "gcs")
_LOGIN = "bundle config set --global {host} USER:PASSWORD"
_NO_PROXY = ":no_proxy"


class GemSettings:
    """What RubyGems and Bundler are told.

    Args:
        environment: Variables.
        folder: Of the project.
        system_file: Of RubyGems on this machine; the user's counts more.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, system_file: Path = _SYSTEM_FILE) -> None:
        self._environment, self._folder = environment, folder
        self._bundler = BundlerSettings(environment, folder)
        self._values: dict[str, tuple[Any, str]] = {}
        for path in _files(environment, system_file):
            self._values |= {key: (value, str(path)) for key, value in _read(path).items()}
        self._refuse_unheeded()

    @property
    def any_platform(self) -> bool:
        """Whether nothing that was built for a platform is wanted."""
        return self._bundler.flag("force_ruby_platform")

    @property
    def lock_checksums(self) -> bool:
        """Whether new lock files have checksums."""
        return self._bundler.flag("lockfile_checksums")

    def registries(self, built_in: Iterable[str], of_gemfile: Sequence[str] = ()) -> list[Registry]:
        """Return the sources, in the order in which they are asked.

        Args:
            built_in: The addresses that RubyGems comes with.
            of_gemfile: Those of a Gemfile, which count alone where there are any.

        Raises:
            InvalidConfigError: A setting cannot be used.
            MissingRequirementError: There is none.
            UnsupportedError: One is on disk, or of another kind.
        """
        own = own_address("gem", self._environment)
        said = [(url, str(self._folder / "Gemfile")) for url in of_gemfile] or self._sources()
        said = said or ([own] if own else [(url, "RubyGems' own default") for url in built_in])
        if not said:
            looked = "the settings of RubyGems, and Ruby is not installed or does not name its own"
            raise unknown_registry("gem", looked, "set it with gem sources --add", "install Ruby")
        return [self.registry(url, source) for url, source in said]

    def _sources(self) -> list[tuple[str, str]]:
        value, source = self._values.get(":sources", ([], ""))
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidConfigError(
                f"{source}: :sources: is no list of addresses", path=":sources", found=type(value).__name__, expected="a list of addresses",
                suggestions=[f"correct it in {source}"],
            )  # fmt: skip
        return [(url, source) for url in dict.fromkeys(value)]

    def registry(self, url: str, source: str) -> Registry:
        """Return a source by its address, with what RubyGems and Bundler are told of the way there.

        Args:
            url: Its address.
            source: Where that was read.

        Raises:
            InvalidConfigError: It cannot be used.
            UnsupportedError: It is on disk, or of another kind.
        """
        found = self._found(url, source)
        mirror = self._bundler.mirror(f"{found.url}/")
        if mirror is not None:
            found = self._found(mirror.text, mirror.source)
        login = self._bundler.login(f"{found.url}/")
        if login is not None and found.authorization is None:
            user, _, password = login.text.partition(":")
            found = msgspec.structs.replace(found, authorization=basic(unquote_plus(user), unquote_plus(password)))
        return with_own_login(found, self._environment)

    def _found(self, url: str, source: str) -> Registry:
        scheme = url.partition(":")[0].strip().lower()
        if scheme in _OTHER_SCHEMES:
            raise UnsupportedError(
                f"{source}: a source of the kind {scheme} cannot be asked", found=scheme, expected="http://HOST/PATH or https://HOST/PATH",
                suggestions=[f"name a source that is asked by HTTP in {source}"],
            )  # fmt: skip
        authorities = self._bundler.value("ssl_ca_cert")
        other = self._text(":ssl_ca_cert") or self._environment.get("SSL_CERT_FILE", "")
        return registry_at(
            url, source, authorities=authorities.text if authorities is not None else other, login=_LOGIN, environment=self._on_the_way()
        )  # fmt: skip

    def _refuse_unheeded(self) -> None:
        why = "certificates of clients are not shown to a source"
        certificate = self._bundler.value("ssl_client_cert")
        if certificate is not None:
            raise unheeded(certificate.source, "ssl_client_cert", why)
        if self._text(":ssl_client_cert"):
            raise unheeded(self._values[":ssl_client_cert"][1], ":ssl_client_cert", why)
        for key in ("gem", "install", "update"):
            if "-source" in self._text(key) or "-s" in self._text(key).split():
                raise unheeded(
                    self._values[key][1], key, "sources are not read out of arguments", "name them in :sources:"
                )

    def _on_the_way(self) -> Mapping[str, str]:
        """Return the variables, with what RubyGems is told of a proxy."""
        said = self._text("http_proxy")
        if said == _NO_PROXY:
            return {}
        if said and not said.startswith("http://"):
            raise UnsupportedError(
                f"{self._values['http_proxy'][1]}: this proxy cannot be used", path="http_proxy", found=said.partition(":")[0],
                expected="http://HOST:PORT", suggestions=["name a proxy of HTTP"],
            )  # fmt: skip
        return through(said, self._environment)

    def _text(self, key: str) -> str:
        value = self._values.get(key, ("", ""))[0]
        return value if isinstance(value, str) else ""


def _files(environment: Mapping[str, str], system_file: Path) -> Iterable[Path]:
    """Return the files of RubyGems, that which counts most last."""
    home = Path(environment.get("HOME") or "/")
    own = home / ".gemrc"
    if not own.is_file():
        own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "gem" / "gemrc"
    more = [Path(one) for one in environment.get("GEMRC", "").split(":") if one]
    # What the variable names stands in for the user's own file.
    return [path for path in (system_file, *(more or [own])) if path.is_file()]


def _read(path: Path) -> dict[str, Any]:
    try:
        documents = read_yaml(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: RubyGems' settings cannot be read", found=type(error).__name__, expected="YAML", suggestions=[f"correct {path}"]
        ) from error  # fmt: skip
    return documents[0] if documents else {}
