import os
from pathlib import Path

from outrider.core.errors import NotFoundError
from outrider.core.policy import PolicyRule
from outrider.kinds.policy.rules import policy_rule
from outrider.runtime.discovery import registry
from outrider.runtime.objects import read_objects
from outrider.runtime.plugins.catalogue import catalogue

_Signature = frozenset[tuple[str, int, int]]


class FolderPolicies:
    """The Policy objects of a platform's folder, read again when one of its files has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signature: _Signature | None = None
        self._rules: list[PolicyRule] = []

    def current(self) -> list[PolicyRule]:
        """Return what the folder says now.

        Raises:
            InvalidConfigError: Its objects are not valid; then nobody can know what it allows.
            NotFoundError: The folder is gone.
        """
        signature = self._read_signature()
        if signature != self._signature:
            self._rules = self._read()
            self._signature = signature
        return self._rules

    def _read(self) -> list[PolicyRule]:
        try:
            objects = read_objects(self._folder, registry(), catalogue(self._folder))
        except NotFoundError:
            return []
        return [policy_rule(item) for item in objects.of_kind("Policy")]

    def _read_signature(self) -> _Signature:
        try:
            with os.scandir(self._folder) as entries:
                files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith((".yaml", ".yml"))]
        except OSError as error:
            raise NotFoundError(
                f"the platform's folder cannot be read, so nobody knows its policies: {error.strerror}",
                found=str(self._folder),
                suggestions=["start again with another --context"],
            ) from error
        return frozenset((name, status.st_mtime_ns, status.st_size) for name, status in files)
