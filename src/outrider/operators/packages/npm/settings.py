"""Where packages of npm come from here: what npm is told by variables and .npmrc files, and what it comes with.

https://docs.npmjs.com/cli/v11/configuring-npm/npmrc and https://docs.npmjs.com/cli/v11/using-npm/config.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.registry import Registry, basic, registry_at, unknown_registry
from outrider.operators.packages.registries.unheeded import unheeded

_VARIABLE = re.compile(r"(?<!\\)(\\*)\$\{([^${}?]+)(\?)?\}")
_PREFIX = "npm_config_"
_LOGIN = "log in with npm login, or write //{host}{path}/:_authToken=TOKEN into ~/.npmrc"
_OF_MANIFEST = "publishConfig of the package"


class NpmSettings:
    """What npm is told.

    Args:
        environment: Variables of this process.
        folder: Of the project.
        program: The npm of this machine.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, program: NpmProgram) -> None:
        self._environment, self._program = environment, program
        variables = dict(_of_variables(environment))
        project = self._of_file(_project(folder) / ".npmrc")
        home = Path(environment.get("HOME") or "/")
        named = variables.get("userconfig") or project.get("userconfig")
        user = self._of_file(Path(named[0]).expanduser() if named else home / ".npmrc")
        machine = self._of_file(self._global({**user, **project, **variables}))
        builtin = self._of_file(Path(program.folder) / "npmrc") if program.folder else {}
        # What counts more stands later.
        self._values = {**builtin, **machine, **user, **project, **variables}

    @property
    def default(self) -> str:
        """The address of the registry that npm comes with; empty where it is not known."""
        return self._program.registry

    def registry_for(self, name: str, further: Mapping[str, str] | None = None) -> Registry:
        """Return where a package is.

        Args:
            name: Of the package.
            further: Settings of its own manifest, which count more than all others.

        Raises:
            InvalidConfigError: The address or the credentials cannot be used.
            MissingRequirementError: No registry is known.
        """
        scope = name.partition("/")[0] if name.startswith("@") else ""
        values = {**self._values, **{key: (value, _OF_MANIFEST) for key, value in (further or {}).items()}}
        url, source = values.get(f"{scope}:registry") or values.get("registry") or ("", "")
        if not url:
            url, source = own_address("npm", self._environment) or (self._program.registry, "npm's own default")
        if not url:
            raise unknown_registry(
                "npm", "the settings of npm, and npm is not installed", "set npm_config_registry", "install npm"
            )
        return self.registry(url, source)

    def registries(self) -> list[Registry]:
        """Return the registry of packages in general, then those of scopes; the errors are those of `registry_for`."""
        scopes = [
            key.removesuffix(":registry") for key in self._values if key.startswith("@") and key.endswith(":registry")
        ]
        found = [self.registry_for(name) for name in ("", *(f"{scope}/any" for scope in scopes))]
        return list({one.url: one for one in found}.values())

    def registry(self, url: str, source: str) -> Registry:
        """Return a registry by its address, with what npm is told of the way there.

        Args:
            url: Its address.
            source: Where that was read.

        Raises:
            InvalidConfigError: The address or the credentials cannot be used.
        """
        environment = {**self._environment, **dict(self._proxies())}
        authorities = self.value("cafile") or self._environment.get("NODE_EXTRA_CA_CERTS") or ""
        registry = registry_at(url, source, authorities=authorities, login=_LOGIN, environment=environment)
        self._refuse_unheeded(registry.url)
        authorization, source = self._authorization(registry.url)
        if authorization is None:
            return with_own_login(registry, self._environment)
        unset = [name for name in variables_in(authorization.reveal()) if name not in self._environment]
        remedy = f"set {', '.join(unset)}, which {source} asks for" if unset else registry.login
        return msgspec.structs.replace(registry, authorization=authorization, login=remedy)

    def value(self, key: str) -> str:
        """Return what is set, of whatever it is; empty where nothing is."""
        return self._values.get(key, ("", ""))[0]

    def _refuse_unheeded(self, url: str) -> None:
        place = f"//{url.partition('://')[2]}"
        certificates = [f"{place}{end}:{key}" for end in ("", "/") for key in ("certfile", "keyfile")]
        for key in ("cert", "key", *certificates):
            if self.value(key) not in ("", "null"):
                raise unheeded(self.source(key), key, "certificates of clients are not shown to a registry")
        for key in ("_auth", "_authToken", "_password"):
            if self.value(key):
                # npm itself refuses them since version 9.
                raise unheeded(
                    self.source(key),
                    key,
                    "it does not say for which registry it is",
                    f"write {place}/:{key} in place of it",
                )

    def source(self, key: str) -> str:
        """Return the file or the variable that has a setting; empty where none has."""
        return self._values.get(key, ("", ""))[1]

    def _proxies(self) -> Iterator[tuple[str, str]]:
        """Yield what npm says of proxies under the names of variables."""
        proxy = self.value("proxy")
        said = {
            "http_proxy": proxy,
            "https_proxy": self.value("https-proxy") or proxy,
            "no_proxy": self.value("noproxy"),
        }
        return ((name, value) for name, value in said.items() if value not in ("", "null"))

    def _authorization(self, url: str) -> tuple[SecretValue | None, str]:
        """Return the header for an address, of the longest part of it for which there are credentials, and what has them."""
        parts = urlsplit(url)
        where = f"//{parts.netloc}{parts.path}/"
        while len(where) > 2:
            if token := self.value(f"{where}:_authToken"):
                return SecretValue(f"Bearer {token}"), self._values[f"{where}:_authToken"][1]
            if both := self.value(f"{where}:_auth"):
                return SecretValue(f"Basic {both}"), self._values[f"{where}:_auth"][1]
            user, password = self.value(f"{where}:username"), self.value(f"{where}:_password")
            if user and password:
                key = f"{where}:_password"
                return basic(user, self._password(key, password)), self._values[key][1]
            # Either with or without the slash at the end.
            where = where[:-1] if where.endswith("/") else where[: where.rindex("/") + 1]
        return None, ""

    def _password(self, key: str, text: str) -> str:
        try:
            return b64decode(text).decode()
        except (binascii.Error, ValueError) as error:
            source = self._values[key][1]
            raise InvalidConfigError(
                f"{source}: {key} is no base64", path=key, found="something else", expected="the password in base64",
                suggestions=[f"correct it in {source}, or log in with npm"],
            ) from error  # fmt: skip

    def _global(self, known: Mapping[str, tuple[str, str]]) -> Path:
        if "globalconfig" in known:
            return Path(known["globalconfig"][0]).expanduser()
        prefix = known.get("prefix", ("", ""))[0] or self._environment.get("PREFIX") or self._program.prefix or "/usr"
        return Path(prefix).expanduser() / "etc" / "npmrc"

    def _of_file(self, path: Path) -> dict[str, tuple[str, str]]:
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfigError(
                f"{path}: npm's settings cannot be read: {error}", found=type(error).__name__, expected="lines of KEY=VALUE",
                suggestions=[f"correct {path}"],
            ) from error  # fmt: skip
        return {
            expanded(key, self._environment): (expanded(value, self._environment), str(path))
            for key, value in npmrc_lines(text)
        }


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """Return a text with `${NAME}` replaced: an unknown name stays, and `${NAME?}` becomes nothing then."""

    def one(match: re.Match[str]) -> str:
        escapes, name, mark = match[1], match[2], match[3]
        if len(escapes) % 2:
            return match[0][(len(escapes) + 1) // 2 :]
        return escapes[len(escapes) // 2 :] + environment.get(name, "" if mark else f"${{{name}}}")

    return _VARIABLE.sub(one, text)


def variables_in(text: str) -> list[str]:
    """Return the names of the variables that `expanded` would put into a text."""
    return [match[2] for match in _VARIABLE.finditer(text) if len(match[1]) % 2 == 0]


def npmrc_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of an .npmrc that may be about registries, as they are written."""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            return  # no setting of registries is in a section
        key, equals, value = (part.strip() for part in line.partition("="))
        if key and equals and key[0] not in ";#":
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            yield key, value[1:-1] if quoted else re.split(r"\s*(?<!\\)[;#]", value, maxsplit=1)[0]


def _of_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, value in environment.items():
        if value and name[: len(_PREFIX)].lower() == _PREFIX:
            key = name[len(_PREFIX) :]
            if not key.startswith("//"):
                key = (key[:1] + key[1:].replace("_", "-")).lower()
            yield key, (value, name)


def _project(folder: Path) -> Path:
    """Return the folder of the project: the next one above with a package.json or node_modules, else the folder itself."""
    for one in (folder, *folder.parents):
        if (one / "package.json").is_file() or (one / "node_modules").is_dir():
            return one
    return folder
