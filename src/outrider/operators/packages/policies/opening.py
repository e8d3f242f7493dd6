"""The policies that count for a call: those of this user, of the project, and one that was named."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from outrider.core.errors import InvalidConfigError, PreconditionFailedError
from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration
from outrider.core.source import SourceMap
from outrider.core.timestamps import parse_timestamp
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.policies.policy import AllPolicies, ObjectPolicy
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.operators.packages.whole_files import refuse_named_pipe
from outrider.runtime.discovery import registry
from outrider.runtime.documents import read_file
from outrider.runtime.objects import parse_object

_KIND = "PackagePolicy"
_PART = re.compile(r"[^.\[\]]+")


def read_policies(path: Path) -> dict[str, PackagePolicySpec]:
    """Return the policies of a file by what they are called in reasons.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It cannot be read, or has no policy, something else than policies, or two of one name.
    """
    found: dict[str, PackagePolicySpec] = {}
    refuse_named_pipe(path)
    for document in read_file(path):
        item = parse_object(document.data, registry(), document.source, str(document.position))
        if item.kind != _KIND:
            raise InvalidConfigError(
                f"{path}: {item.kind}/{item.name} is no policy for packages", path="kind", found=item.kind, expected=_KIND,
                source=item.source, suggestions=[f"write kind: {_KIND}, or name another file"],
            )  # fmt: skip
        check_policy(item.spec, document.source)
        name = f"{path.name}, {item.name}"
        if name in found:
            raise InvalidConfigError(
                f"{path}: {item.kind}/{item.name} is declared twice", path="metadata.name", found=item.name, expected="another name",
                source=item.source, suggestions=["rename or remove one of them"],
            )  # fmt: skip
        found[name] = item.spec
    if not found:
        # An empty file is more likely cut off than meant, and would admit everything.
        raise InvalidConfigError(
            f"{path}: there is no policy in it", path="file", found="nothing", expected=f"an object of kind: {_KIND}",
            suggestions=["write a policy into it, or remove the file"],
        )  # fmt: skip
    return found


def read_all_policies(paths: Iterable[Path]) -> dict[str, PackagePolicySpec]:
    """Return the policies of several files; otherwise as `read_policies`."""
    found: dict[str, PackagePolicySpec] = {}
    for path in paths:
        for name, spec in read_policies(path).items():
            # That of a user and that of a project may have the same name, and both count.
            found[name if name not in found else f"{path.parent}/{name}"] = spec
    return found


def check_policy(said: PackagePolicySpec, source: SourceMap, path: str = "spec") -> None:
    """Check what the types of a policy do not say.

    Args:
        said: As it was read.
        source: The places of the document that it stands in.
        path: Of the field in it.

    Raises:
        InvalidConfigError: A package or a licence is not named as it should be; each fault names its field and its place.
    """
    try:
        # What is about other ecosystems is looked at too, so any will do.
        ObjectPolicy("", "", said, None, 0.0, path=path)
    except InvalidConfigError as error:
        for fault in (error, *error.causes):
            parts = (int(part) if part.isdecimal() else part for part in _PART.findall(fault.path))
            fault.source = source.value(tuple(parts))
        raise


def opened_policy(ecosystem: str, paths: list[Path], now: float) -> AbstractContextManager[Policy]:
    """Have the policy that some files come to; otherwise as `opened_policies`.

    Raises:
        NotFoundError: A file is not there.
        InvalidConfigError: One says what no policy says.
    """
    return opened_policies(ecosystem, read_all_policies(paths), now)


@contextmanager
def opened_policies(ecosystem: str, said: Mapping[str, PackagePolicySpec], now: float) -> Iterator[Policy]:
    """Have the policy of an ecosystem; it may be asked until the end of the block, in the same thread.

    Args:
        ecosystem: Of the packages.
        said: All policies that count, by what they are called in reasons.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: One names a package in a way that cannot be read.
        MissingRequirementError: One asks for advisories, and none are imported.
        PreconditionFailedError: They are too old, or there are none of the ecosystem.
    """
    if not said:
        yield ADMIT_ALL
        return
    rules = [(name, spec.advisories.max_age) for name, spec in said.items() if spec.advisories is not None]
    if not rules:
        yield AllPolicies([ObjectPolicy(ecosystem, name, spec, None, now) for name, spec in said.items()])
        return
    with closing(AdvisoryStore(store_path())) as store:
        for name, max_age in rules:
            _refuse_stale(store, ecosystem, name, max_age, now)
        matcher = Matcher(store)
        yield AllPolicies([ObjectPolicy(ecosystem, name, spec, matcher, now) for name, spec in said.items()])


def _refuse_stale(store: AdvisoryStore, ecosystem: str, name: str, max_age: Duration, now: float) -> None:
    source = store.sources().get(ecosystem)
    is_known = source is not None and source.records > 0
    if source is None or not is_known or now - parse_timestamp(source.imported) > max_age:
        what = (
            f"the advisories of {ecosystem} are too old for {name}"
            if is_known
            else f"{name}: no advisories of {ecosystem} are imported"
        )
        raise PreconditionFailedError(
            what, found="none" if source is None or not is_known else f"imported {source.imported}", expected=f"an import of the last {max_age}", suggestions=["outrider packages import_advisories SOURCE"],
        )  # fmt: skip
