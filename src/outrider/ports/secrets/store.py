"""The encrypted file store: AES-256-GCM (NIST SP 800-38D), one sealed value per name, the key in a file beside it.

It keeps secrets out of backups, diffs and other users' eyes. It does not help against somebody who can read both files.
"""

import fcntl
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.objects import NAME_PATTERN
from outrider.core.secrets import SecretValue
from outrider.ports.secrets.private_files import create_private, read_private, write_private
from outrider.ports.secrets.sources import VALUE_LIMIT, unknown_secret

_NONCE_SIZE = 12
_KEY_SIZE = 32


class _Document(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The file: names in clear, values sealed; the name is authenticated with its value, so they cannot be swapped."""

    version: int = 1
    secrets: dict[str, str] = {}


class SecretStore:
    """Secrets in a folder: `secrets.json`, and `secrets.key` made at first use; both of mode 0600.

    Args:
        folder: Where the two files are; made with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "secrets.json"
        self.key_path = folder / "secrets.key"

    def set(self, name: str, value: str) -> None:
        """Store a value under a name, in place of an older one.

        Raises:
            InvalidConfigError: The name is no object name, or the value is too long.
            DeniedError: A file may be used by others than its owner.
        """
        data = _checked(name, value)
        with self._locked():
            document = self._load()
            nonce = os.urandom(_NONCE_SIZE)
            sealed = nonce + self._cipher().encrypt(nonce, data, name.encode())
            document.secrets[name] = b64encode(sealed).decode()
            self._save(document)

    def get(self, name: str) -> SecretValue:
        """Return a value.

        Raises:
            NotFoundError: Nothing has this name.
            InvalidConfigError: The file was changed, or belongs to another key.
            DeniedError: A file may be used by others than its owner.
        """
        document = self._load()
        if name not in document.secrets:
            raise unknown_secret(name, document.secrets)
        try:
            sealed = b64decode(document.secrets[name], validate=True)
            value = self._cipher().decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise InvalidConfigError(
                f"{self.path}: secret '{name}' cannot be opened with {self.key_path}",
                found="a value that was changed, or sealed with another key",
                expected="a value sealed with this key",
                suggestions=[f"outrider secret set {name}", "restore both files from the same backup"],
            ) from error
        return SecretValue(value.decode())

    def list(self) -> "list[str]":
        """Return the names, sorted."""
        return sorted(self._load().secrets)

    def remove(self, name: str) -> None:
        """Remove a value.

        Raises:
            NotFoundError: Nothing has this name.
        """
        with self._locked():
            document = self._load()
            if name not in document.secrets:
                raise unknown_secret(name, document.secrets)
            del document.secrets[name]
            self._save(document)

    def _load(self) -> _Document:
        data = read_private(self.path)
        if data is None:
            return _Document()
        try:
            return msgspec.json.decode(data, type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidConfigError(
                f"{self.path} is not a secret store: {error}",
                expected="the file that `outrider secret set` writes",
                suggestions=["restore it from a backup", f"move {self.path} away and set the secrets again"],
            ) from error

    def _save(self, document: _Document) -> None:
        write_private(self.path, msgspec.json.encode(document) + b"\n")

    def _cipher(self) -> AESGCM:
        key = self._key()
        if len(key) != _KEY_SIZE:
            raise InvalidConfigError(
                f"{self.key_path} is not a key",
                found=f"{len(key)} bytes",
                expected=f"{_KEY_SIZE} bytes",
                suggestions=["restore it from a backup"],
            )
        return AESGCM(key)

    def _key(self) -> bytes:
        key = read_private(self.key_path)
        if key is not None:
            return key
        if self._load().secrets:
            raise NotFoundError(
                f"{self.key_path} is missing: the secrets in {self.path} cannot be opened",
                found="no key",
                suggestions=["restore it from a backup", f"move {self.path} away and set the secrets again"],
            )
        create_private(self.key_path, os.urandom(_KEY_SIZE))
        return read_private(self.key_path) or b""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time change the file; the lock goes with the process."""
        self._cipher()
        with self.key_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _checked(name: str, value: str) -> bytes:
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidConfigError(
            f"{name!r} cannot be the name of a secret",
            found=name,
            expected="up to 63 of a-z, 0-9 and '-', with a letter or digit at both ends",
            suggestions=["use a name such as database-url"],
        )
    try:
        data = value.encode()
    except UnicodeEncodeError:  # that error holds the value
        raise InvalidConfigError(f"secret '{name}': the value is not UTF-8 text", expected="UTF-8 text") from None
    if not 0 < len(data) <= VALUE_LIMIT:
        raise InvalidConfigError(
            f"secret '{name}': a value has 1 to {VALUE_LIMIT} bytes",
            found=f"{len(data)} bytes",
            expected=f"1 to {VALUE_LIMIT} bytes",
            suggestions=["store larger data in a file, and name it as {file: PATH}"] if value else ["give a value"],
        )
    return data
