import pytest

from outrider.core.errors import InvalidConfigError, UnknownOperatorError
from outrider.core.manifest import KindDeclaration, Manifest, ServiceDeclaration
from outrider.core.registry import NOUNS, RESERVED_NAMES, BrokenPackage, Package, Registry
from tests.core.shop import SHOP, manifest, registry

KIND = Manifest(kind=KindDeclaration(name="Rule", plural="rules", summary="", model="m:Rule"))
SERVICE = ServiceDeclaration(name="hub", entry="m:main", summary="")


def named(name: str, alias: str = "") -> Manifest:
    """Return the manifest of the shop under other names."""
    text = SHOP.replace('name = "shop"', f'name = "{name}"')
    head, _, tail = text.partition("aliases = [{ name")
    aliases = f'aliases = [{{ name = "{alias}" }}]' if alias else ""
    return manifest(head + aliases + "\n" + tail.partition("\n")[2])


def test_families_are_found_by_name_and_alias() -> None:
    families = registry()
    assert families.family("@shop")[0] is families.family("books")[0]
    assert (families.family("shop")[1], families.family("@music")[1]) == ({}, {"shelf": "music"})
    assert families.broken == []


@pytest.mark.parametrize(
    "second", [named("shop"), named("other", "shop"), named("books"), named("other", "music")], ids=str
)
def test_name_claimed_twice_names_both_packages(second: Manifest) -> None:
    families = Registry([Package("outrider.operators.shop", manifest()), Package("acme.shop", second)])
    (broken,) = families.broken
    assert broken.module == "acme.shop"
    assert "outrider.operators.shop" in broken.error.message
    assert "acme.shop" in broken.error.message
    assert broken.error.hint
    assert families.family("shop")[0].module == "outrider.operators.shop"


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES - {"if"}))
def test_built_in_functions_are_not_shadowed(name: str) -> None:
    families = Registry([Package("acme.x", named(name)), Package("acme.y", named("fine", name))])
    assert [broken.module for broken in families.broken] == ["acme.x", "acme.y"]
    assert families.families == {}


def test_package_that_clashes_adds_nothing() -> None:
    whole = manifest()
    clashing = Manifest(family=whole.family, kind=KIND.kind, services=[SERVICE])
    families = Registry([Package("a", Manifest(services=[SERVICE])), Package("b", clashing)])
    assert (families.families, families.kinds, list(families.services)) == ({}, {}, ["hub"])
    with pytest.raises(UnknownOperatorError):
        families.family("shop")


@pytest.mark.parametrize(
    "manifests", [[KIND, KIND], [Manifest(services=[SERVICE]), Manifest(services=[SERVICE])]], ids=["kind", "service"]
)
def test_kinds_and_services_have_one_owner(manifests: list[Manifest]) -> None:
    families = Registry([Package(module, item) for module, item in zip("ab", manifests, strict=True)])
    (broken,) = families.broken
    assert (broken.module, "is taken already" in broken.error.message) == ("b", True)


def test_service_declared_twice_in_one_manifest() -> None:
    assert Registry([Package("a", Manifest(services=[SERVICE, SERVICE]))]).broken[0].module == "a"


def test_broken_family_answers_with_its_error_and_the_others_work() -> None:
    fault = InvalidConfigError("the file is no TOML", suggestions=["check quotes"])
    families = Registry(
        [Package("outrider.operators.shop", manifest())], [BrokenPackage("outrider.operators.bank", fault)]
    )
    with pytest.raises(UnknownOperatorError, match="@bank cannot be used: the file is no TOML") as caught:
        families.family("@bank")
    assert (caught.value.causes, caught.value.hint) == ([fault], "check quotes")
    assert families.family("shop")[0].name == "shop"


def test_unknown_family_suggests_near_names() -> None:
    with pytest.raises(UnknownOperatorError) as caught:
        registry().family("@shpo")
    assert (caught.value.hint, caught.value.expected) == ("did you mean 'shop'?", "books, music, shop")


def test_every_command_is_a_reserved_name() -> None:
    from outrider.surfaces.cli.app import COMMANDS

    assert set(COMMANDS) <= NOUNS | {"secret"}
