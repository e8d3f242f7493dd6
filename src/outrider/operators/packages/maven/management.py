"""What BOMs that are asked for say of all artifacts that are needed: their versions, scopes and exclusions.

As Maven 3 does, of what is asked for itself only exclusions are added here, and what the POMs further down manage counts within these
alone.
https://github.com/apache/maven-resolver/blob/maven-resolver-1.6.3/maven-resolver-util/src/main/java/org/eclipse/aether/util/graph/manager/ClassicDependencyManager.java
"""

from collections.abc import Iterable
from typing import NamedTuple

from outrider.operators.packages.maven.descriptors import Need

_Key = tuple[str, str, str, str]


class Managed(NamedTuple):
    """A need with what is managed of it.

    Attributes:
        need: As it is then.
        scope: Whether its scope was managed.
        optional: Likewise.
    """

    need: Need
    scope: bool = False
    optional: bool = False


class Management:
    """What is managed.

    Args:
        needs: What BOMs say, the most important first.
    """

    def __init__(self, needs: Iterable[Need] = ()) -> None:
        self._versions: dict[_Key, str] = {}
        self._scopes: dict[_Key, str] = {}
        self._optional: dict[_Key, bool] = {}
        self._exclusions: dict[_Key, dict[tuple[str, str], None]] = {}
        for one in needs:
            key = one.artifact.key
            if one.artifact.version:
                self._versions.setdefault(key, one.artifact.version)
            if one.scope:
                self._scopes.setdefault(key, one.scope)
            if one.optional is not None:
                self._optional.setdefault(key, one.optional)
            if one.exclusions:
                self._exclusions.setdefault(key, {}).update(dict.fromkeys(one.exclusions))

    def version(self, key: _Key) -> str:
        """Return the version that is managed; empty for none."""
        return self._versions.get(key, "")

    def applied(self, need: Need, *, is_direct: bool, with_version: bool) -> Managed:
        """Return a need with what is managed of it.

        Args:
            need: As a POM says it.
            is_direct: Whether it is asked for itself.
            with_version: Whether its version may be another one.
        """
        key = need.artifact.key
        scope, optional = (None, None) if is_direct else (self._scopes.get(key), self._optional.get(key))
        if not is_direct and with_version and key in self._versions:
            need = need._replace(artifact=need.artifact._replace(version=self._versions[key]))
        if scope is not None:
            need = need._replace(scope=scope, is_local=need.is_local and scope == "system")
        if optional is not None:
            need = need._replace(optional=optional)
        if key in self._exclusions:
            exclusions = dict.fromkeys((*need.exclusions, *self._exclusions[key]))
            need = need._replace(exclusions=tuple(exclusions))
        return Managed(need, scope is not None, optional is not None)
