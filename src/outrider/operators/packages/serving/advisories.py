"""The advisories that a registry answers the questions of its clients from."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from outrider.core.errors import UnavailableError
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore


@contextmanager
def opened_matcher(ecosystem: str) -> Iterator[Matcher]:
    """Have what knows the advisories of an ecosystem.

    Raises:
        MissingRequirementError: No advisories are imported: nothing would read as safe.
        UnavailableError: There are none of the ecosystem.
    """
    with closing(AdvisoryStore(store_path())) as store:
        if ecosystem not in store.sources():
            raise UnavailableError(
                f"no advisories of {ecosystem} are imported here, so nothing can be said", found="none"
            )
        yield Matcher(store)
