"""The order in which bun 1.4 writes the names of trusted packages: `WrittenOrderContext` in `bun.lock.rs`.

It is that of a table of slots with room for all that are listed. Where a name stands follows from two hashes, both of the family wyhash
(https://github.com/wangyi-fudan/wyhash): an early one, with 32 bytes a round, of the name, and version final 4 of that.
"""

from collections.abc import Iterable

_SECRET = (0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3, 0x1D8E4E27C47D124F)
_ROUND, _WORD = 32, 8
_BITS = 64
_LEAST_ROOM = 8
# In percent.
_FULLEST = 80


def in_order_of_slots(names: Iterable[str], listed: int) -> list[str]:
    """Return names in the order in which bun writes them, each once.

    Args:
        names: In the order in which it comes upon them, as often as it does: where two would have one slot, the first has it, and a table that
            is full grows for any further one, even one that it has.
        listed: How many there are for which it makes room.
    """
    room, found = _room(listed), list[str]()
    for name in names:
        if len(found) == room * _FULLEST // 100:
            found = _placed(found, room)
            room = _room(len(found) + 1)
        if name not in found:
            found.append(name)
    return _placed(found, room)


def _room(count: int) -> int:
    return max(_LEAST_ROOM, 1 << (count * 100 // _FULLEST).bit_length())


def _placed(names: Iterable[str], room: int) -> list[str]:
    slots: dict[int, str] = {}
    for name in names:
        at = _hash_of_number(_hash_of_text(name.encode())) % room
        while at in slots:
            at = (at + 1) % room
        slots[at] = name
    return [slots[at] for at in sorted(slots)]


def _hash_of_text(data: bytes) -> int:
    seed, whole = 0, len(data) - len(data) % _ROUND
    for start in range(0, whole, _ROUND):
        one, two, three, four = (
            int.from_bytes(data[at : at + _WORD], "little") for at in range(start, start + _ROUND, _WORD)
        )
        seed = _mixed(one, two, seed) ^ _mixed(three, four, seed, *_SECRET[2:4])
    words = [_word(data[at : at + _WORD]) for at in range(whole, len(data), _WORD)]
    if words:
        one, two, *more = [*words, _SECRET[4]]
        last = _mixed(one, two, seed)
        seed = last ^ _mixed(more[0], more[1], seed, *_SECRET[2:4]) if len(more) > 1 else last
    return _folded(seed ^ len(data), _SECRET[4])


def _hash_of_number(number: int) -> int:
    low, high = number & 0xFFFFFFFF, number >> 32
    product = (low << 32 | high) ^ _SECRET[1]
    product *= (high << 32 | low) ^ _folded(_SECRET[0], _SECRET[1])
    return _folded((product % (1 << _BITS)) ^ _SECRET[0] ^ _WORD, (product >> _BITS) ^ _SECRET[1])


def _word(data: bytes) -> int:
    """Return up to eight bytes as a number, by four, two and one of them."""
    found = 0
    while data:
        size = next(one for one in (4, 2, 1) if one <= len(data))
        found, data = found << size * 8 | int.from_bytes(data[:size], "little"), data[size:]
    return found


def _mixed(one: int, two: int, seed: int, first: int = _SECRET[0], second: int = _SECRET[1]) -> int:
    return _folded(one ^ seed ^ first, two ^ seed ^ second)


def _folded(one: int, two: int) -> int:
    product = one * two
    return (product >> _BITS) ^ (product % (1 << _BITS))
