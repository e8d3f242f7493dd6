"""Sorts as PHP does, for where comparisons contradict one another: then the way of sorting decides.

https://github.com/php/php-src/blob/PHP-8.2/Zend/zend_sort.c; up to 16 things, which are inserted one after the other. More of them are
sorted in Python's way, which comes to the same where comparisons agree.
"""

from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import TypeVar

T = TypeVar("T")
Compare = Callable[[T, T], int]
_MOST_INSERTED = 16
# Up to five things are swapped; of more the first six are looked at one by one, and then two at a time.
_MOST_SWAPPED, _SINGLE = 5, 6


def php_sorted(things: Sequence[T], compare: Compare[T]) -> list[T]:
    """Return things in order.

    Args:
        things: No two of which are equal.
        compare: Returns what is positive where the first comes last.
    """
    if len(things) > _MOST_INSERTED:
        return sorted(things, key=cmp_to_key(compare))
    found = list(things)
    if len(found) <= _MOST_SWAPPED:
        _sort_three(found, compare)
        for position in range(3, len(found)):
            _sink(found, position, compare)
        return found
    for position in range(1, len(found)):
        place = _place(found, position, compare)
        found.insert(place, found.pop(position))
    return found


def _sort_three(things: list[T], compare: Compare[T]) -> None:
    """Sort the first three of some things."""
    if len(things) < 3:
        if len(things) == 2:
            _sink(things, 1, compare)
        return
    if compare(things[0], things[1]) <= 0:
        _sink(things, 2, compare)
    elif compare(things[1], things[2]) > 0:
        things[0], things[2] = things[2], things[0]
    else:
        things[0], things[1] = things[1], things[0]
        if compare(things[1], things[2]) > 0:
            things[1], things[2] = things[2], things[1]


def _sink(things: list[T], position: int, compare: Compare[T]) -> None:
    """Swap a thing with those before it as long as these come after it."""
    while position and compare(things[position - 1], things[position]) > 0:
        things[position - 1], things[position] = things[position], things[position - 1]
        position -= 1


def _place(things: Sequence[T], position: int, compare: Compare[T]) -> int:
    """Return where a thing belongs among those before it."""

    def is_after(other: int) -> bool:
        return compare(things[other], things[position]) > 0

    place = position - 1
    if not is_after(place):
        return position
    if position < _SINGLE:
        while place and is_after(place - 1):
            place -= 1
        return place
    while True:
        place -= 2
        if not is_after(place):
            return place + 1 if is_after(place + 1) else place + 2
        if place == 0:
            return 0
        if place == 1:
            return 1 if compare(things[position], things[0]) > 0 else 0
