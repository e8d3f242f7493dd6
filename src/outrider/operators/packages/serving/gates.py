"""The policy that stands before what is served, for each ecosystem anew whenever documents are made."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from outrider.core.errors import DeniedError
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.timestamps import timestamp
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.policies.opening import opened_policies
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.resolving.policies import Policy
from outrider.ports.clock import Clock

# What was made under the same policies in another form is made anew.
_FORM = "2"


class Gate:
    """Opens the policies that count.

    Args:
        said: The policies, by what they are called in reasons.
        clock: For ages.

    Attributes:
        rules: Another text where the policies or the advisories are other ones, or a waiver has ended; brought up to date by `look`.
        judges: Whether there is any policy.
        asks_for_licences: Whether a policy must know licences.
    """

    def __init__(self, said: Mapping[str, PackagePolicySpec], clock: Clock) -> None:
        self._said, self._clock = said, clock
        self._advisories = any(one.advisories is not None for one in said.values())
        self._policies = hashlib.sha256(msgspec.json.encode(dict(said), enc_hook=str, order="sorted")).hexdigest()[:16]
        self.judges = bool(said)
        self.asks_for_licences = any(one.licences is not None for one in said.values())
        self.rules = self.look()

    def look(self) -> str:
        """Look whether other advisories were imported, and whether waivers have ended, and return the rules."""
        today = timestamp(self._clock.now())[: len("2027-01-31")]
        ended = sum(waiver.until < today for one in self._said.values() for waiver in one.waivers)
        self.rules = f"{_FORM} {self._policies} {ended}{f' {state_of_advisories()}' if self._advisories else ''}"
        return self.rules

    @contextmanager
    def opened(self, ecosystem: str) -> Iterator[Policy]:
        """Have the policy of an ecosystem, in whichever thread.

        Raises:
            MissingRequirementError: It needs advisories, and none are imported.
            PreconditionFailedError: They are too old, or there are none of the ecosystem.
        """
        with opened_policies(ecosystem, self._said, self._clock.now()) as policy:
            yield policy


def denied(ecosystem: str, name: str, version: str, why: str) -> DeniedError:
    """Return the error for a version that is refused, for a reason as `Refusal` has it."""
    return DeniedError(
        f"{ecosystem} {name} {version} {of_one(why)}", found=version, expected="a version that policy admits",
        suggestions=["take another version, or have the policy waived for it"],
    )  # fmt: skip


def state_of_advisories() -> str:
    """Return another text where other advisories were imported."""
    try:
        found = store_path().stat()
    except OSError:
        return "none"
    return f"{found.st_mtime_ns} {found.st_size}"
