from outrider.core.objects import Object
from outrider.core.policy import PolicyRule
from outrider.kinds.policy.model import VARIABLES, PolicySpec
from outrider.runtime.expressions import Expression


def policy_rule(item: Object) -> PolicyRule:
    """Return a Policy in the form in which requests are judged."""
    spec: PolicySpec = item.spec
    condition = Expression(spec.when, VARIABLES) if spec.when else None
    return PolicyRule(
        name=item.name,
        principals=spec.principals,
        operations=spec.operations,
        targets=spec.targets,
        verdict=spec.effect,
        approval=spec.approval,
        condition=condition.holds if condition else None,
    )
