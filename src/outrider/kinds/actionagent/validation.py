from collections.abc import Iterator

from outrider.core.errors import OutriderError
from outrider.core.objects import Object
from outrider.kinds.actionagent.model import ActionAgentSpec
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import schema_faults


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check that every plugin exists and takes its configuration."""
    spec: ActionAgentSpec = item.spec
    for index, use in enumerate(spec.uses()):
        path = ("spec", "plugins", index)
        try:
            plugin = objects.catalogue.find("action", use.plugin)
        except OutriderError as error:
            yield path, error
            continue
        yield from schema_faults(plugin.manifest.configuration, use.config, (*path, "config"))
