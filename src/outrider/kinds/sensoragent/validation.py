from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.objects import Object
from outrider.kinds.sensoragent.model import SensorAgentSpec
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import schema_faults


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check that every trigger's plugin exists and takes its configuration, and that names occur once."""
    spec: SensorAgentSpec = item.spec
    seen: set[str] = set()
    for index, trigger in enumerate(spec.triggers):
        path = ("spec", "triggers", index)
        if trigger.name in seen:
            yield (
                (*path, "name"),
                InvalidConfigError(f"two triggers are called '{trigger.name}'", suggestions=["rename one of them"]),
            )
        seen.add(trigger.name)
        try:
            plugin = objects.catalogue.find("trigger", trigger.plugin)
        except OutriderError as error:
            yield (*path, "plugin"), error
            continue
        yield from schema_faults(plugin.manifest.configuration, trigger.config, (*path, "config"))
