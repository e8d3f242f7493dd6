"""The plugins that are at hand: those that come with Outrider, and those of the platform's own folder."""

from collections.abc import Iterable
from pathlib import Path

from outrider.core.errors import NotFoundError, OutriderError, did_you_mean
from outrider.data import data_folder
from outrider.runtime.plugins.manifest import FILE_NAME, Plugin, PluginType, read_plugin


class Catalogue:
    """Plugins by type and id; a folder given earlier wins.

    `broken` holds the folders whose plugin.yaml cannot be used; all others work.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._plugins: dict[tuple[str, str], Plugin] = {}
        self.broken: dict[Path, OutriderError] = {}
        for folder in folders:
            for path in sorted(folder.glob(f"*/{FILE_NAME}")):
                self._add(path.parent)

    def _add(self, folder: Path) -> None:
        try:
            plugin = read_plugin(folder)
        except OutriderError as error:
            self.broken[folder] = error
            return
        self._plugins.setdefault(plugin.manifest.key, plugin)

    def plugins(self) -> list[Plugin]:
        """Return every plugin, by type and id."""
        return [self._plugins[key] for key in sorted(self._plugins)]

    def ids(self, plugin_type: PluginType) -> list[str]:
        """Return the ids of one type."""
        return sorted(plugin_id for kind, plugin_id in self._plugins if kind == plugin_type)

    def find(self, plugin_type: PluginType, plugin_id: str) -> Plugin:
        """Return a plugin.

        Raises:
            NotFoundError: With near names, or with what is wrong with the plugin of that name.
        """
        plugin = self._plugins.get((plugin_type, plugin_id))
        if plugin is not None:
            return plugin
        causes = [error for folder, error in self.broken.items() if folder.name == plugin_id]
        others = [kind for kind, other_id in self._plugins if other_id == plugin_id]
        if others and not causes:
            raise NotFoundError(
                f"plugin '{plugin_id}' is of another type", found=f"type: {' and '.join(others)}", expected=f"type: {plugin_type}",
                suggestions=[f"name a {plugin_type}: outrider plugin list shows them"],
            )  # fmt: skip
        raise NotFoundError(
            f"no {plugin_type} plugin is called '{plugin_id}'"
            if not causes
            else f"plugin '{plugin_id}' cannot be used",
            found=plugin_id,
            expected=", ".join(self.ids(plugin_type)),
            suggestions=did_you_mean(plugin_id, self.ids(plugin_type)),
            causes=causes,
        )


def catalogue(platform_folder: Path | None = None) -> Catalogue:
    """Return the plugins of a platform's `plugins/` folder and those that come with Outrider."""
    folders = [platform_folder / "plugins"] if platform_folder is not None else []
    return Catalogue([*folders, data_folder("plugins")])
