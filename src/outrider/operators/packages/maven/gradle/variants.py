"""Which variant of a component is meant by what is needed: of Gradle 8.11, GraphVariantSelector."""

from outrider.operators.packages.maven.gradle.attributes import Attributes, best_matches
from outrider.operators.packages.maven.gradle.components import Component, Need, Variant


def fitting(component: Component, need: Need, wanted: Attributes) -> list[Variant]:
    """Return the variants that go best with what is wanted: none, one, or several that nothing tells apart."""
    found = _best(wanted, [one for one in component.variants if _can_be(one, component, need, strictly=False)])
    if len(found) > 1:
        found = _best(wanted, [one for one in found if _can_be(one, component, need, strictly=True)])
    return found


def _best(wanted: Attributes, variants: list[Variant]) -> list[Variant]:
    return [variants[place] for place in best_matches(wanted, [one.attributes for one in variants])]


def _can_be(variant: Variant, component: Component, need: Need, *, strictly: bool) -> bool:
    """Return whether a variant is what is needed, and nothing else besides where that is asked for."""
    itself = (component.project.group, component.project.artifact)
    offered, wanted = variant.capabilities or (itself,), need.capabilities or (itself,)
    return all(one in offered for one in wanted) and (not strictly or all(one in wanted for one in offered))
