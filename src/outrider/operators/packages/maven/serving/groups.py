"""Groups of artifacts that are published here: whether all of a group are, and which plugins it has."""

from fnmatch import fnmatchcase

from outrider.operators.packages.maven.serving.documents import deployed
from outrider.operators.packages.maven.serving.kept import Plugin
from outrider.operators.packages.serving.accounts import Caller
from outrider.operators.packages.serving.hub import Hub


def is_private_group(hub: Hub, group: str) -> bool:
    """Return whether all of a group are private, so that nobody else is asked for it."""
    for one in hub.settings.private:
        groups, _, artifacts = one.partition(":")
        if artifacts in ("", "*") and fnmatchcase(group, groups):
            return True
    return False


def own_plugins(hub: Hub, group: str, caller: Caller) -> list[Plugin]:
    """Return the plugins of a group that were deployed here and that somebody may see."""
    tables, ecosystem = hub.store.tables, hub.ecosystem
    found: dict[str, Plugin] = {}
    for name in tables.names(ecosystem, hosted=True):
        if name.startswith(f"{group}:") and hub.is_private(name) and caller.may("read", f"{ecosystem}:{name}"):
            for release in tables.releases(ecosystem, name):
                plugin = deployed(release).plugin
                if plugin is not None and release.yanked is None:
                    found[name] = plugin
    return [*found.values()]
