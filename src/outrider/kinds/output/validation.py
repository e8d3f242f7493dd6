from collections.abc import Iterator

from outrider.core.errors import OutriderError
from outrider.core.objects import Object
from outrider.kinds.output.model import OutputSpec
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.plugins.configuration import schema_faults


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check that the plugin exists and takes its configuration, and that the agent exists."""
    spec: OutputSpec = item.spec
    try:
        plugin = objects.catalogue.find("output", spec.plugin)
    except OutriderError as error:
        yield ("spec", "plugin"), error
    else:
        yield from schema_faults(plugin.manifest.configuration, spec.config, ("spec", "config"))
    if spec.run_on is not None:
        yield from objects.reference_fault("ActionAgent", spec.run_on, ("spec", "runOn"))
