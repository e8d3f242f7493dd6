"""Who asks the registry, and what they may do: tokens with scopes, users with passwords, and those who show nothing."""

import asyncio
import hashlib
import hmac
import os
import secrets
from base64 import b64decode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from outrider.core.errors import DeniedError, InvalidConfigError, UnauthenticatedError
from outrider.core.http.messages import Request
from outrider.operators.packages.serving.attempts import Attempts, host_of
from outrider.operators.packages.serving.tables import Account, Tables, id_of

Scope = Literal["read", "publish", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "publish", "admin")
_PREFIX = "outrider_"
# What nuget shows where it knows neither name nor password.
_SAYS_NOTHING = "Basic Og=="
_MOST_KNOWN = 10_000
# RFC 7914; some 50 ms.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_NOBODYS = f"scrypt${'00' * 16}${'00' * 64}"
_PASSWORDS_AT_A_TIME = 2
_LEAST_PASSWORD = 8
_LONGEST_NAME = 100
# Of the context of an error: what somebody claims to be.
SHOWN = "shown"


class Caller(NamedTuple):
    """Somebody who asks.

    Attributes:
        name: Empty for those who show nothing.
        scopes: What they may do.
        patterns: The packages that this is about, as `ECOSYSTEM:NAME` with `*` for any letters; empty for all.
        principal: As it stands in the audit chain.
        token: The id of what they show, where it is a token.
    """

    name: str
    scopes: frozenset[str]
    patterns: tuple[str, ...] = ()
    principal: str = "user:nobody"
    token: str = ""

    def may(self, scope: Scope, package: str = "") -> bool:
        """Return whether they may do something, with `ECOSYSTEM:NAME` or with no package in particular."""
        if scope not in self.scopes:
            return False
        return not self.patterns or not package or any(fnmatchcase(package, one) for one in self.patterns)


NOBODY = Caller("", frozenset())
ANYBODY = Caller("", frozenset({"read"}))


class _Known(NamedTuple):
    """Somebody who has shown something, as of a change of the tables."""

    changes: int
    account: Account
    is_token: bool


class Accounts:
    """Knows callers by what they show.

    Args:
        tables: For reading.
        anonymous: What those are who show nothing.
    """

    def __init__(self, tables: Tables, anonymous: Caller) -> None:
        self._tables, self.anonymous = tables, anonymous
        self._known: dict[str, _Known] = {}
        self._passwords = asyncio.Semaphore(_PASSWORDS_AT_A_TIME)
        self._guesses = Attempts()

    async def caller(self, request: Request, now: float, changes: int) -> Caller:
        """Return who sends a request.

        Args:
            request: What is asked.
            now: Seconds since the epoch.
            changes: Another number after each change of the tables.

        Raises:
            UnauthenticatedError: What they show is wrong.
            DeniedError: It is a key of NuGet; to log in as well would not make it right.
            LimitedError: As `user`.
        """
        headers, address = request.headers, host_of(request)
        key = headers.get("x-nuget-apikey") or ""
        if key.startswith(_PREFIX):
            try:
                return await self._shown(key, address, now, changes)
            except UnauthenticatedError as error:
                raise DeniedError(
                    error.message, found=error.found, expected=error.expected, suggestions=error.suggestions, context=error.context
                ) from error  # fmt: skip
        # Other feeds have people put any word there, and log in.
        shown = headers.get("authorization") or key
        return self.anonymous if shown in ("", _SAYS_NOTHING) else await self._shown(shown, address, now, changes)

    async def _shown(self, shown: str, address: str, now: float, changes: int) -> Caller:
        known = self._known.get(shown)
        if known is None or (known.changes != changes and not self._is_as_before(known)):
            known = await self._read(shown, address, now, changes)
        elif known.changes != changes:
            known = known._replace(changes=changes)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[shown] = known
        account = known.account
        if account.until and now >= account.until:
            raise _wrong("it has ended", f"token/{id_of(account.secret)}")
        kind = "token" if account.label == account.name else "user"
        token = id_of(account.secret) if known.is_token else ""
        return Caller(
            account.name, frozenset(account.scopes.split()), tuple(account.patterns), f"{kind}:{account.name}", token
        )

    def _is_as_before(self, known: _Known) -> bool:
        account = known.account
        found = self._tables.token(account.secret) if known.is_token else self._tables.user(account.name)
        return found == account

    async def _read(self, shown: str, address: str, now: float, changes: int) -> _Known:
        kind, _, rest = shown.partition(" ")
        if kind.lower() != "basic":
            return self._of_token(rest.strip() if kind.lower() == "bearer" else shown.strip(), changes)
        try:
            name, _, password = b64decode(rest, validate=True).decode().partition(":")
        except ValueError:
            raise _wrong("it cannot be read", "user/") from None
        # As with PyPI, a token may stand for the password, whatever the name; pip and uv put it there.
        for one in (password, name):
            if one.startswith(_PREFIX):
                return self._of_token(one, changes)
        return _Known(changes, await self.user(name, password, address, now), is_token=False)

    def _of_token(self, token: str, changes: int) -> _Known:
        account = self._tables.token(digest_of(token))
        if account is None:
            raise _wrong("there is no such token", f"token/{id_of(digest_of(token))}")
        return _Known(changes, account, is_token=True)

    async def user(self, name: str, password: str, address: str, now: float) -> Account:
        """Return a user.

        Args:
            name: Of the user.
            password: That is shown.
            address: Who shows it.
            now: Seconds since the epoch.

        Raises:
            UnauthenticatedError: There is none of that name and password.
            LimitedError: Too many wrong passwords came from there.
        """
        user = self._tables.user(name)
        # Whoever guesses names must not learn from the time which of them there are.
        kept = user.secret if user is not None else _NOBODYS
        async with self._passwords:
            self._guesses.check(address, now)
            same = await asyncio.to_thread(_same_password, password, kept)
        if user is None or not same:
            self._guesses.note(address, now)
            raise _wrong("there is no such user, or the password is another one", f"user/{name[:_LONGEST_NAME]}")
        return user


def _wrong(why: str, what: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"what you show is not taken: {why}", found="credentials", expected="a token or a password of this registry",
        suggestions=["ask whoever runs the registry for a token: outrider packages registry_token LABEL --folder FOLDER"], context={SHOWN: what},
    )  # fmt: skip


def new_token(owner: str, scopes: Iterable[str], patterns: Iterable[str], until: float = 0.0) -> tuple[str, Account]:
    """Return a new token, and what is kept of it."""
    token = f"{_PREFIX}{secrets.token_urlsafe(32)}"
    return token, Account(owner, digest_of(token), " ".join(scopes), list(patterns), until)


def digest_of(token: str) -> str:
    """Return what a token is kept as: it cannot be had back from that."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def check_name(name: str) -> None:
    """Refuse a name with which nobody could log in (RFC 7617, 2).

    Raises:
        InvalidConfigError: It is one.
    """
    if not name.strip() or name != name.strip() or ":" in name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise InvalidConfigError(
            "name: nobody could log in with it", path="name", found=name[:_LONGEST_NAME] or "nothing",
            expected=f"1 to {_LONGEST_NAME} letters, digits and the like, without a colon", suggestions=["choose another name"],
        )  # fmt: skip


def kept_password(password: str) -> str:
    """Return what a password is kept as.

    Raises:
        InvalidConfigError: It is too short to keep anybody out.
    """
    if len(password) < _LEAST_PASSWORD:
        raise InvalidConfigError(
            "the password is too short", path="password", found=f"{len(password)} characters", expected=f"at least {_LEAST_PASSWORD} characters",
            suggestions=["choose a longer one"],
        )  # fmt: skip
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def _same_password(password: str, kept: str) -> bool:
    _, salt, key = kept.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), key)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL)
