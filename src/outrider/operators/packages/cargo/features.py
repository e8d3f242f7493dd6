"""Features that are asked of crates and that none of their versions has: that is told before anything is searched for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from outrider.core.errors import near_names
from outrider.operators.packages.cargo.crates import Crate, Want, is_implicit
from outrider.operators.packages.cargo.details import LocalPackage
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.searching import bits

_USUAL = "default"
_MOST_SHOWN = 20


def without_feature(
    crates: Mapping[str, Crate], asked: Sequence[Want], local: Sequence[LocalPackage]
) -> Impossible | None:
    """Return which features that are asked for no version has; None where there are none such.

    Args:
        crates: All that is asked for, by name.
        asked: What is asked for.
        local: Packages that lie here and ask for it, with features of their own.
    """
    wants = [*asked, *_of_members(asked, local)]
    reasons: dict[str, str] = {}
    for want in wants:
        crate = crates[want.name]
        mask = crate.mask(want.range)
        for feature in want.features if mask else ():
            if all(crate.needed(bit, feature) is None for bit in reversed([*bits(mask)])):
                newest = mask.bit_length() - 1
                fitting = "" if want.range == "*" else want.range
                text = f"{f'{crate.called} {fitting}'.strip()} has no feature {feature}: {_told(crate, newest)}."
                reasons[text] = _remedy(crate, feature, _names(crate, newest))
    if not reasons:
        return None
    return Impossible(
        asked=[str(one) for one in asked], reasons=[*reasons], remedies=[*dict.fromkeys(reasons.values())]
    )


def _of_members(asked: Sequence[Want], local: Sequence[LocalPackage]) -> Iterator[Want]:
    """Yield what members ask for with features of their own; what else lies here may never be needed."""
    for one in local if asked else ():
        for need in one.needs if one.is_member else ():
            if need.asked >= 0:
                yield asked[need.asked]._replace(features=need.features)


def _names(crate: Crate, bit: int) -> list[str]:
    release = crate.release(bit)
    implicit = (need.key for need in release.needs if is_implicit(release, need.key))
    return sorted({*release.features, *implicit} - {_USUAL})


def _told(crate: Crate, bit: int) -> str:
    names = _names(crate, bit)
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return f"{crate.table.versions[bit]} has {', '.join(names[:_MOST_SHOWN]) or 'none'}{more}"


def _remedy(crate: Crate, feature: str, names: Iterable[str]) -> str:
    near = near_names(feature, names)
    return f"ask for {crate.called}[{near[0]}]" if near else f"ask for {crate.called} without {feature}"
