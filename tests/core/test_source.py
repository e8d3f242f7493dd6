import pytest

from outrider.core.source import NO_SOURCE, Path, Position, SourceMap, format_path

PLACES = SourceMap(
    values={(): Position("a.yaml", 1, 1), ("spec",): Position("a.yaml", 3, 3)},
    keys={("spec", "replicas"): Position("a.yaml", 4, 5)},
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "triggers", 0, "config"), "spec.triggers[0].config"),
        ((0, 1, "x"), "[0][1].x"),
    ],
)
def test_written_paths(path: Path, text: str) -> None:
    assert format_path(path) == text


def test_places_of_keys_and_values() -> None:
    assert PLACES.key(("spec", "replicas")) == "a.yaml:4:5"
    assert PLACES.value(("spec", "replicas")) == "a.yaml:3:3"


def test_nearest_enclosing_value_stands_in() -> None:
    assert PLACES.value(("spec", "list", 7, "x")) == "a.yaml:3:3"
    assert PLACES.key(("other",)) == "a.yaml:1:1"


def test_without_places_there_is_none() -> None:
    assert NO_SOURCE.value(("spec",)) == NO_SOURCE.key(("spec",)) == ""
