import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.kinds import kind_name, kind_of_object, served_kind, target_name
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.catalogue import read_catalogue

FORMS = {
    "pod": ["pods", "po", "Pod", "PODS", "pod"],
    "deployment": ["deploy", "deployments", "Deployment", "deployment.apps", "deploy.apps"],
    "ingress": ["ing", "ingresses", "Ingress.networking.k8s.io"],
    "event": ["ev", "events"],
    "widget.example.org": ["Widget.example.org", "widget.example.org"],
    "service.serving.knative.dev": ["Service.serving.knative.dev"],
    "event.events.k8s.io": ["Event.events.k8s.io"],
}


@pytest.mark.parametrize(("name", "word"), [(name, word) for name, words in FORMS.items() for word in words])
def test_a_kind_has_one_form(name: str, word: str) -> None:
    assert kind_name(word) == name
    assert kind_name(name) == name


def test_a_kind_that_is_not_built_in_needs_its_group() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        kind_name("widgets")
    assert "KIND.GROUP" in caught.value.expected
    with pytest.raises(InvalidConfigError) as caught:
        target_name("deploymnet/web")
    assert caught.value.suggestions[0] == "did you mean 'deployment'?"


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9.-]{0,30}", fullmatch=True))
def test_the_one_form_stays_as_it_is(word: str) -> None:
    try:
        name = kind_name(word)
    except InvalidConfigError:
        return
    assert kind_name(name) == name


@pytest.mark.real
async def test_every_built_in_kind_of_the_server_has_the_form_of_its_objects(shop: Shop) -> None:
    catalogue = await read_catalogue(shop.client)
    for served in catalogue.kinds:
        resource = served.resource
        name = kind_of_object(resource.api_version, resource.kind)
        words = (resource.plural, resource.kind, *served.short_names)
        if catalogue.find(resource.plural) is served and "list" in served.verbs:
            for word in words:
                assert kind_name(word if "." not in name else name) == name, word
            assert served_kind(catalogue, name).resource == resource


@pytest.mark.real
async def test_what_the_cluster_does_not_serve_is_not_found(shop: Shop) -> None:
    error = await shop.refused("get", kind="widget.example.org")
    assert isinstance(error, NotFoundError)
    assert any("CustomResourceDefinition" in one for one in error.suggestions)
