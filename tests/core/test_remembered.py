from outrider.core.remembered import Remembered


def test_what_was_set_longest_ago_is_forgotten() -> None:
    known = Remembered[str, int](2)
    known["a"], known["b"] = 1, 2
    known["a"] = 3
    known["c"] = 4
    assert known == {"a": 3, "c": 4}
    known.move_to_end("a")
    known["d"] = 5
    assert list(known.items()) == [("a", 3), ("d", 5)]
