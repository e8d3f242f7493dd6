"""A read that fails as often and as badly as it is told."""

from outrider.runtime.implementation import Implementation
from tests.runtime.sample.behaviour import BehaviourParams, BehaviourResult, behave

OPERATION = Implementation(params=BehaviourParams, result=BehaviourResult, run=behave, target=lambda _: "sample/probe")
