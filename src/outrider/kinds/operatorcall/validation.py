from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.objects import Object
from outrider.kinds.operatorcall.call import read_call
from outrider.kinds.operatorcall.model import OperatorCallSpec
from outrider.runtime.calls import validate_call
from outrider.runtime.objects import Fault, ObjectSet
from outrider.runtime.schedule import Schedule


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check the schedule, the call with its parameters, and everything that it names."""
    spec: OperatorCallSpec = item.spec
    try:
        Schedule(spec.schedule, spec.time_zone)
    except OutriderError as error:
        field, error.path = error.path, ""
        yield ("spec", field), error
    yield from _call_faults(spec)
    if isinstance(spec.run_on, str):
        yield from objects.reference_fault("ActionAgent", spec.run_on, ("spec", "runOn"))
    for index, output in enumerate(spec.report):
        yield from objects.reference_fault("Output", output, ("spec", "report", index))


def _call_faults(spec: OperatorCallSpec) -> Iterator[Fault]:
    try:
        call = read_call(spec.operator)
        operation = validate_call(call.name, call.params)
    except OutriderError as error:
        for fault in (error, *error.causes):
            fault.path, fault.source = (
                "",
                "",
            )  # the place is that of the field: what is inside a text has none in the file
        yield ("spec", "operator"), error
        return
    if operation.effect.changes and not operation.has_plan and spec.mode == "plan":
        yield (
            ("spec", "mode"),
            InvalidConfigError(
                f"{call.name} cannot tell beforehand what it changes",
                found="mode: plan",
                expected="mode: apply",
                suggestions=["add mode: apply"],
            ),
        )
