from outrider.core.errors import NotFoundError
from outrider.core.policy import PolicyRule
from outrider.kinds.policy.rules import policy_rule
from outrider.runtime.folders import ObjectFolder, Signature


class FolderPolicies:
    """The Policy objects of a platform's folder, read again when one of its files has changed."""

    def __init__(self, folder: ObjectFolder) -> None:
        self._folder = folder
        self._signature: Signature | None = None
        self._rules: list[PolicyRule] = []

    def current(self) -> list[PolicyRule]:
        """Return what the folder says now.

        Raises:
            InvalidConfigError: Its objects are not valid; then nobody can know what it allows.
            NotFoundError: The folder is gone, so nobody knows its policies.
        """
        signature = self._folder.signature()
        if signature != self._signature:
            self._rules = self._read()
            self._signature = signature
        return self._rules

    def _read(self) -> list[PolicyRule]:
        try:
            objects = self._folder.read()
        except NotFoundError:
            return []
        return [policy_rule(item) for item in objects.of_kind("Policy")]
