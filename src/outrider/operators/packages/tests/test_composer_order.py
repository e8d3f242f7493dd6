"""Sorting as PHP does, where comparisons contradict one another."""

import shutil
import subprocess
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from outrider.operators.packages.composer.php_order import php_sorted

_SCRIPT = """
foreach (json_decode(stream_get_contents(STDIN)) as $table) {
    $things = range(0, count($table) - 1);
    usort($things, fn($one, $two) => $table[$one][$two]);
    echo json_encode($things), "\\n";
}
"""
Table = list[list[int]]


def tables(counts: range) -> list[Table]:
    """Return tables of comparisons that chance has made."""
    random, found = Random(3), []
    for count in [*counts] * 40:
        table = [[0] * count for _ in range(count)]
        for one in range(count):
            for two in range(one):
                table[one][two] = random.choice((-1, 1))
                table[two][one] = -table[one][two]
        found.append(table)
    return found


@pytest.mark.real
@pytest.mark.skipif(shutil.which("php") is None, reason="php-cli is not installed")
def test_it_is_how_php_sorts() -> None:
    asked = tables(range(1, 17))
    said = subprocess.run(
        ["php", "-r", _SCRIPT], input=msgspec.json.encode(asked), capture_output=True, check=True
    ).stdout

    def compared(table: Table) -> Callable[[int, int], int]:
        return lambda one, two: table[one][two]

    for table, line in zip(asked, said.splitlines(), strict=True):
        assert php_sorted(range(len(table)), compared(table)) == msgspec.json.decode(line)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 12, 16, 17, 60])
def test_where_comparisons_agree_it_is_as_usual(count: int) -> None:
    for seed in range(20):
        things = Random(seed).sample(range(1000), count)
        assert php_sorted(things, lambda one, two: one - two) == sorted(things)
