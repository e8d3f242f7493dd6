from collections.abc import Iterator

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.objects import Object
from outrider.core.policy import Verdict
from outrider.kinds.policy.model import VARIABLES, PolicySpec
from outrider.runtime.expressions import Expression
from outrider.runtime.objects import Fault, ObjectSet


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check the expression and that approvers are named where an approval is asked for."""
    del objects
    spec: PolicySpec = item.spec
    if spec.when:
        try:
            Expression(spec.when, VARIABLES)
        except OutriderError as error:
            yield ("spec", "when"), error
    if spec.effect is Verdict.REQUIRE_APPROVAL and (spec.approval is None or not spec.approval.groups):
        yield (
            ("spec", "effect"),
            InvalidConfigError(
                "requireApproval names no approvers",
                found="no approval.from",
                expected="groups that may approve",
                suggestions=["add approval: {from: [oncall]}"],
            ),
        )
