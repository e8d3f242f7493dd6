from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.objects import Object
from outrider.kinds.tool.model import ToolSpec
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import declared_faults, schema_faults


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check that a plugin exists, has the version that is wanted, and takes its configuration."""
    spec: ToolSpec = item.spec
    use = spec.transport.plugin
    if use is None:
        return
    path = ("spec", "transport", "plugin")
    try:
        manifest = objects.catalogue.find("tool", use.id).manifest
    except OutriderError as error:
        yield (*path, "id"), error
        return
    for _, fault in declared_faults(manifest):
        yield (*path, "id"), fault
    if spec.version not in ("", manifest.version):
        yield ("spec", "version"), InvalidConfigError(
            f"plugin '{manifest.id}' has another version", found=spec.version, expected=manifest.version,
            suggestions=["remove version: it stands in the plugin.yaml"],
        )  # fmt: skip
    yield from schema_faults(manifest.configuration, use.config, (*path, "config"))
