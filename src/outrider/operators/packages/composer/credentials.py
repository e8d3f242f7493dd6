"""What Composer shows to which host.

https://getcomposer.org/doc/articles/authentication-for-private-packages.md. Certificates of clients are not read.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from outrider.core.secrets import SecretValue
from outrider.operators.packages.composer.files import ConfigFile
from outrider.operators.packages.registries.registry import Registry, basic

# What is read later counts more.
_KINDS = ("github-oauth", "gitlab-oauth", "gitlab-token", "http-basic", "bearer")
_GITHUB, _GITHUB_API = "github.com", "api.github.com"
_TOKEN = re.compile(r"[!-~]+")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)")
# The messages themselves are made of these.
_OWN_HEADERS = frozenset(("connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"))
Headers = tuple[tuple[str, SecretValue], ...]


class ComposerCredentials:
    """What is shown to hosts.

    Args:
        files: Settings, that which counts least first.

    Raises:
        InvalidConfigError: What is said cannot be used.
    """

    def __init__(self, files: Iterable[ConfigFile]) -> None:
        by_kind: dict[str, dict[str, Headers]] = {kind: {} for kind in (*_KINDS, "custom-headers")}
        for file in files:
            config = ConfigFile(file.source, file.folder, file.table("config"))
            for kind, found in by_kind.items():
                for host, said in config.table(kind).items():
                    found[host.lower()] = _FORMS[kind](config, f"{kind}.{host}", said)
        self._custom = by_kind.pop("custom-headers")
        self._shown: dict[str, Headers] = {}
        for found in by_kind.values():
            self._shown |= found
        self._on_gitlab = {*by_kind["gitlab-oauth"], *by_kind["gitlab-token"]}

    def known_to(self, registry: Registry, other_name: str = "") -> Registry:
        """Return a registry with what is shown to it, where its address has no login in it.

        Args:
            registry: Which.
            other_name: Under which credentials of its host are kept too.
        """
        host = self._place(urlsplit(registry.url).netloc)
        shown = self._shown.get(host) or self._shown.get(other_name) or ()
        if registry.authorization is not None:
            shown = ()
        headers = dict((*shown, *self._custom.get(host, ())))
        authorization = headers.pop("authorization", None) or registry.authorization
        return msgspec.structs.replace(registry, authorization=authorization, headers=tuple(headers.items()))

    def _place(self, host: str) -> str:
        """Return under what the credentials of a host are kept: a GitLab may be below a path of its host."""
        if host == _GITHUB_API:
            return _GITHUB
        if host == _GITHUB:
            return ""
        if host in self._shown:
            return host
        return next((one for one in sorted(self._on_gitlab) if one.startswith(f"{host}/")), host)


def header_fields(file: ConfigFile, path: str, said: Any) -> Headers:
    """Return header fields that are written as lines.

    Raises:
        InvalidConfigError: They are not.
    """
    lines = [said] if isinstance(said, str) else said
    if not isinstance(lines, list):
        raise file.wrong(path, said, "a list of texts such as Name: value")
    found = []
    for line in lines:
        match = _HEADER.fullmatch(line.strip()) if isinstance(line, str) else None
        if match is None or match[1].lower() in _OWN_HEADERS:
            raise file.wrong(path, line, "a text such as Name: value")
        found.append((match[1].lower(), SecretValue(match[2])))
    return tuple(found)


def _authorization(value: SecretValue) -> Headers:
    return (("authorization", value),)


def _token(file: ConfigFile, path: str, said: Any) -> str:
    if not isinstance(said, str) or _TOKEN.fullmatch(said) is None:
        raise file.wrong(path, said, "a token")
    return said


def _login(file: ConfigFile, path: str, said: Any) -> Headers:
    user, password = (said.get(key) if isinstance(said, dict) else None for key in ("username", "password"))
    if not isinstance(user, str) or not isinstance(password, str):
        raise file.wrong(path, said, "username and password")
    return _authorization(basic(user, password))


def _bearer(file: ConfigFile, path: str, said: Any) -> Headers:
    return _authorization(SecretValue(f"Bearer {_token(file, path, said)}"))


def _github(file: ConfigFile, path: str, said: Any) -> Headers:
    token = _token(file, path, said)
    is_public = path.lower() == f"github-oauth.{_GITHUB}"
    return _authorization(SecretValue(f"token {token}") if is_public else basic(token, "x-oauth-basic"))


def _gitlab_oauth(file: ConfigFile, path: str, said: Any) -> Headers:
    return _bearer(file, path, said.get("token") if isinstance(said, dict) else said)


def _gitlab_token(file: ConfigFile, path: str, said: Any) -> Headers:
    """Return the field for a token of GitLab; with a name, as those for deployment have, it is a login."""
    if not isinstance(said, dict):
        return (("private-token", SecretValue(_token(file, path, said))),)
    return _login(file, path, {"username": said.get("username"), "password": said.get("token")})


_FORMS: Mapping[str, Callable[[ConfigFile, str, Any], Headers]] = {
    "github-oauth": _github,
    "gitlab-oauth": _gitlab_oauth,
    "gitlab-token": _gitlab_token,
    "http-basic": _login,
    "bearer": _bearer,
    "custom-headers": header_fields,
}
