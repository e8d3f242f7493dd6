"""Operations for doors that cannot ask a person: a read runs, a change becomes a plan."""

from typing import Any

import msgspec

from outrider.core.calls import Call
from outrider.core.plans import Plan, references
from outrider.core.policy import Verdict
from outrider.runtime.contexts import PlatformContext, user_state_folder
from outrider.runtime.folders import ObjectFolder
from outrider.runtime.invoker import CallOptions
from outrider.runtime.plans import Planner, PlanStore
from outrider.surfaces.policies import FolderPolicies
from outrider.surfaces.python.calls import local_invoker, platform_spec


class Door:
    """The way in, shared by the doors that serve others.

    Args:
        context: The platform whose services, secrets and policies are at hand, if any.
    """

    def __init__(self, context: PlatformContext | None) -> None:
        self._policies = FolderPolicies(ObjectFolder(context.folder, context.overlay)) if context is not None else None
        self.invoker = local_invoker(context, platform_spec(context))
        self.planner = Planner(self.invoker, PlanStore(user_state_folder() / "plans"))

    def refresh(self) -> None:
        """Take the policies as they are now.

        Raises:
            InvalidConfigError: The folder's objects are not valid.
        """
        if self._policies is not None:
            self.invoker.policies = self._policies.current()

    async def perform(self, call: Call, options: CallOptions) -> Any:
        """Run a read and return its result; plan a change and return the kept plan.

        Asking is enough for a plan: who may apply it is judged when it is applied.
        """
        if not self.invoker.prepare(call, options).effect.changes:
            return await self.invoker.run(call, options)
        return await self.planner.plan([call], msgspec.structs.replace(options, granted=True, approved=True))

    def verdict(self, plan: Plan, options: CallOptions) -> Verdict:
        """Return what the policies say to applying a plan: the strictest word about any of its items.

        What no policy speaks of counts as a question to a person, as `requireApproval` does.
        """
        worst = Verdict.ALLOW
        for item in plan.items:
            if references(item.params):
                worst = Verdict.REQUIRE_APPROVAL  # nobody can say yet what it will act on
                continue
            family, _, operation = item.operation.partition(".")
            decision = self.invoker.decide(self.invoker.prepare(Call(family, operation, item.params), options))
            if decision.verdict is Verdict.DENY and decision.policy:
                return Verdict.DENY
            if decision.verdict is not Verdict.ALLOW:
                worst = Verdict.REQUIRE_APPROVAL
        return worst
