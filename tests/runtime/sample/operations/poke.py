"""A change that fails as often and as badly as it is told, and must not be repeated."""

from outrider.core.operation import Change
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from tests.runtime.sample.behaviour import BehaviourParams, BehaviourResult, behave


async def plan(params: BehaviourParams, context: Context) -> Change:
    await behave(params, context)
    return Change(target="sample/poke")


OPERATION = Implementation(
    params=BehaviourParams, result=BehaviourResult, run=behave, plan=plan, target=lambda _: "sample/poke"
)
