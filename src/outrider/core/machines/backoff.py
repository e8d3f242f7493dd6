"""Growing delays between attempts, and the judgement that something crashes in a loop. Time and chance are passed in."""

import msgspec


def delay(attempt: int, *, base: float, cap: float, chance: float) -> float:
    """Return seconds to wait before repeating after `attempt` failures.

    Doubles from `base` up to `cap`; the lower half is fixed and the upper half is spread by `chance` (0 to 1), so that
    many clients that failed together do not come back together.
    """
    full: float = min(cap, base * 2.0 ** min(attempt - 1, 32))
    return full * (0.5 + 0.5 * chance)


class RestartPolicy(msgspec.Struct, frozen=True):
    """How a supervised process is restarted; all times in seconds.

    A run of at least `stable` clears the count of failures; more than `loop_after` failures in a row are a crash loop,
    which is named in the status and goes on with delays that grow up to `cap`.
    """

    base: float = 0.2
    cap: float = 30.0
    stable: float = 30.0
    loop_after: int = 4


class RestartState(msgspec.Struct, frozen=True):
    """Failures in a row, and the delay that is due now."""

    failures: int = 0
    delay: float = 0.0
    looping: bool = False


def after_exit(state: RestartState, policy: RestartPolicy, *, ran_for: float, chance: float) -> RestartState:
    """Return the state after a process ended that should not have ended."""
    failures = 1 if ran_for >= policy.stable else state.failures + 1
    return RestartState(
        failures,
        delay(failures, base=policy.base, cap=policy.cap, chance=chance),
        failures > policy.loop_after,
    )
