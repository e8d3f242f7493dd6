"""Brings a new version in, step by step, and back where it does worse."""

from outrider.core.errors import DeadlineExceededError, OutriderError
from outrider.delivery.analysis import Judgement, Verdict, judge
from outrider.delivery.stages import Look, Phase, Plan, Progress, Stage
from outrider.ports.clock import Clock


async def deliver(stage: Stage, plan: Plan, progress: Progress, *, clock: Clock, deadline: float) -> Progress:
    """Go on with a delivery until it is promoted, rolled back or frozen.

    Args:
        stage: Where.
        plan: How.
        progress: How far it is; a new one begins at the first step.
        clock: For the looks.
        deadline: Monotonic time at which the caller must have an answer.

    Raises:
        DeadlineExceededError: It is not at its end; what is there stays, and the next call goes on.
        OutriderError: The place does not answer, or could not be brought back.
    """
    return await _Delivery(stage, plan, progress, clock, deadline).run()


class _Delivery:
    def __init__(self, stage: Stage, plan: Plan, progress: Progress, clock: Clock, deadline: float) -> None:
        self._stage, self._plan, self._progress = stage, plan, progress
        self._clock, self._deadline = clock, deadline

    async def run(self) -> Progress:
        progress, plan = self._progress, self._plan
        if progress.phase == "rolling back":
            return await self._back(progress.reason)
        if progress.phase != "promoting":
            await self._enter("preparing")
            try:
                await self._stage.prepare()
                for step in range(progress.step, len(plan.steps)):
                    progress.step = step
                    if (ended := await self._step(plan.steps[step])) is not None:
                        return ended
            except DeadlineExceededError:
                raise
            except OutriderError as error:
                return await self._back(error.message)
        await self._enter("promoting")
        await self._stage.promote()
        progress.phase = "promoted"
        return progress

    async def _enter(self, phase: Phase) -> None:
        self._progress.phase = phase
        await self._stage.save(self._progress)

    async def _step(self, percent: int) -> Progress | None:
        """Do one step; return how it ended where it is the last one."""
        await self._enter("shifting")
        share = await self._stage.shift(percent)
        await self._enter("judging")
        verdict, said = await self._judged()
        self._progress.log.append(f"step {self._progress.step + 1}, {share}: {said}")
        choice = {Verdict.PASS: "promote", Verdict.FAIL: "rollback", Verdict.OPEN: self._plan.on_inconclusive}[verdict]
        if choice == "rollback":
            return await self._back(said)
        if choice == "freeze":
            self._progress.reason = said
            await self._enter("frozen")
            return self._progress
        return None

    async def _judged(self) -> tuple[Verdict, str]:
        """Look until it is certain, or the step has lasted for as long as it may."""
        began, plan, looks = self._clock.monotonic(), self._plan, 0
        while True:
            self._check_deadline()
            await self._clock.sleep(plan.interval)
            look, looks = await self._stage.look(), looks + 1
            if look.broken:
                return Verdict.FAIL, look.broken
            found = _judgements(plan, look, looks)
            lasted = self._clock.monotonic() - began
            if failed := {name: one for name, one in found.items() if one.verdict is Verdict.FAIL}:
                return Verdict.FAIL, _told(failed, look)
            passed = all(name in found and found[name].verdict is Verdict.PASS for name in plan.signals)
            if passed and lasted >= plan.hold:
                return Verdict.PASS, _told(found, look) or f"nothing wrong for {lasted:.0f} s"
            if lasted >= plan.limit:
                return Verdict.OPEN, f"nothing certain after {lasted:.0f} s: {_told(found, look) or 'no events'}"

    def _check_deadline(self) -> None:
        if self._clock.monotonic() + 2 * self._plan.interval >= self._deadline:
            raise DeadlineExceededError(
                "the delivery is not at its end", found=f"{self._progress.phase}, step {self._progress.step + 1}",
                expected="all steps within the deadline", suggestions=["call it again, it goes on from here; or give a longer timeout"],
            )  # fmt: skip

    async def _back(self, reason: str) -> Progress:
        self._progress.reason = reason
        await self._enter("rolling back")
        await self._stage.roll_back()
        self._progress.phase = "rolled back"
        return self._progress


def _judgements(plan: Plan, look: Look, looks: int) -> dict[str, Judgement]:
    return {
        name: judge(*look.counts[name], tolerance, look=looks)
        for name, tolerance in plan.signals.items()
        if name in look.counts
    }


def _told(found: dict[str, Judgement], look: Look) -> str:
    """Return judgements as people read them: shares on both sides, the bound of the worsening."""
    said = []
    for name, one in found.items():
        new, present = look.counts[name]
        said.append(
            f"{name} {one.verdict}: {new.bad:.0f} of {new.total:.0f} ({new.rate:.2%}) against {present.bad:.0f} of {present.total:.0f} "
            f"({present.rate:.2%}), worse by less than {one.bound:.2%}, likelihood ratio {one.ratio:.3g}"
        )  # fmt: skip
    return "; ".join(said)
