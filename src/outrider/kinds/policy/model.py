from typing import Annotated

import msgspec

from outrider.core.policy import ApprovalTerms, Verdict

VARIABLES = ("principal", "operation", "target", "params")
Patterns = Annotated[list[str], msgspec.Meta(min_length=1)]


class PolicySpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Deny wins, then requireApproval, then allow; what no policy allows is denied.

    Attributes:
        principals: Patterns such as `user:ana`, `group:oncall`, `rule:*`.
        operations: Patterns such as `host.*` or, for action plugins, `plugin.service-restart`.
        targets: Patterns such as `service/web`.
        when: CEL over `principal`, `operation`, `target`, `params`; empty holds always.
        approval: Who approves where the effect is requireApproval.
    """

    principals: Patterns
    operations: Patterns
    targets: Patterns = msgspec.field(default_factory=lambda: ["*"])
    effect: Verdict
    when: str = ""
    approval: ApprovalTerms | None = None
