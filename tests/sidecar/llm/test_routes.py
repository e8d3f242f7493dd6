import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.core.sidecar_settings import ProviderSettings
from outrider.sidecar.llm.dialects import Endpoint
from outrider.sidecar.llm.hosting.host import Outgoing
from outrider.sidecar.llm.routes import Provider, Route, make_provider
from outrider.sidecar.proxy.messages import Field

EMBEDDINGS = Endpoint("embeddings", "openai")
CHAT = Endpoint("chat", "openai", crosses=True)


def provider(name: str, **more: Any) -> Provider:
    settings = ProviderSettings(
        provider=name, dialect=more.pop("dialect", "openai"), url="http://h/v1", model="m", **more
    )
    return make_provider(settings, lambda *_: None, None)  # type: ignore[arg-type]  # nobody is asked


def key_of(one: Provider) -> list[Field]:
    return one.host.fields_at_send(Outgoing(b"", [], b""), b"", 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.sampled_from(["openai", "anthropic"])), max_size=8),
    st.floats(0, 0.999),
)
def test_each_that_speaks_the_dialect_comes_once_and_lower_numbers_first(
    given: list[tuple[int, int, str]], chance: float
) -> None:
    made = [provider(str(number), priority=one[0], weight=one[1], dialect=one[2]) for number, one in enumerate(given)]
    order = Route("r", made).order(EMBEDDINGS, lambda: chance)
    assert sorted(one.name for one in order) == sorted(one.name for one in made if one.dialect == "openai")
    assert [one.priority for one in order] == sorted(one.priority for one in order)


def test_what_can_be_translated_goes_to_other_dialects_too() -> None:
    made = [provider("a", dialect="anthropic"), provider("o", priority=1), provider("g", dialect="gemini")]
    assert [one.name for one in Route("r", made).order(CHAT)] == ["a", "o"]
    assert [one.name for one in Route("r", made).order(EMBEDDINGS)] == ["o"]


def test_the_share_of_each_is_its_weight() -> None:
    route = Route("r", [provider("a", weight=3), provider("b", weight=1), provider("c", priority=1, weight=100)])
    chance = random.Random(1).random
    first = Counter(route.order(EMBEDDINGS, chance)[0].name for _ in range(2000))
    assert first["c"] == 0
    assert 1400 <= first["a"] <= 1600


def test_the_list_of_one_call_is_not_that_of_another() -> None:
    route = Route("r", [provider("a")])
    route.order(EMBEDDINGS).clear()
    assert len(route.order(EMBEDDINGS)) == 1


@pytest.mark.parametrize(
    "url", ["", "h", "ftp://h", "http://", "http://u:p@h", "http://h?x=1", "http://h:x", "http://h:99999"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InvalidConfigError):
        make_provider(ProviderSettings(provider="p", dialect="openai", url=url), lambda *_: None, None)  # type: ignore[arg-type]  # as above


def test_a_key_is_carried_as_its_dialect_wants_it() -> None:
    for dialect, field in (
        ("openai", (b"authorization", b"Bearer k")),
        ("anthropic", (b"x-api-key", b"k")),
        ("gemini", (b"x-goog-api-key", b"k")),
    ):
        one = provider("p", dialect=dialect)
        one.use_key(SecretValue("k"))
        assert key_of(one) == [field]


@pytest.mark.parametrize("key", ["", " \n", "a\nx-other: b", "a\rb", "k\u00e9y", "a\0"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    made = provider("a")
    made.use_key(SecretValue("good\n"))
    before = key_of(made)
    assert before == [(b"authorization", b"Bearer good")]
    with pytest.raises(InvalidConfigError, match="cannot be sent") as raised:
        made.use_key(SecretValue(key))
    assert key_of(made) == before
    assert "x-other" not in str(raised.value)
