from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from outrider.core.audit import GENESIS, AuditEntry, AuditRecord, ChainHead, link, pruned_entry, verify
from outrider.core.codec import decode, encode
from outrider.core.errors import ExecutionFailedError
from tests.core.profiles import quick, thorough
from tests.core.values import json_values, keys, shuffled

texts = st.text(max_size=8)
entries = st.builds(
    AuditEntry,
    phase=st.sampled_from(["intent", "outcome", "fact"]),
    principal=texts,
    action=texts,
    target=texts,
    details=st.dictionaries(keys, json_values, max_size=2),
)


def grow(head: ChainHead, made: list[AuditEntry], writer: str = "hands") -> list[AuditRecord]:
    records = []
    for entry in made:
        record = link(head, entry, f"2026-07-01T10:00:{head.sequence:02}.000Z", writer)
        head = ChainHead(writer, record.sequence, record.hash)
        records.append(record)
    return records


def head_of(record: AuditRecord) -> ChainHead:
    return ChainHead(record.writer, record.sequence, record.hash)


def simple(count: int) -> list[AuditEntry]:
    return [AuditEntry(phase="fact", principal="user:ana", action=f"a{number}") for number in range(count)]


chains = st.lists(entries, min_size=2, max_size=5).map(lambda made: grow(ChainHead(), made))


def test_chain_begins_at_its_genesis() -> None:
    (first,) = grow(ChainHead(), simple(1))
    assert (first.sequence, first.previous) == (1, GENESIS)
    assert verify([]) == ChainHead()


@given(chains, st.randoms(use_true_random=False))
@quick
def test_whole_chain_is_sound_after_a_round_trip(chain: list[AuditRecord], random: Any) -> None:
    documents = [shuffled(decode(encode(record), dict[str, Any]), random) for record in chain]
    read = [decode(encode(document), AuditRecord) for document in documents]
    assert verify(read) == verify(read, head_of(chain[0])) == head_of(chain[-1])


def found(records: list[AuditRecord], anchor: ChainHead | None = None) -> str:
    """Return what verification says of a chain that is not sound."""
    with pytest.raises(ExecutionFailedError) as caught:
        verify(records, anchor)
    assert caught.value.hint
    return caught.value.message


@st.composite
def changes(draw: st.DrawFn, record: AuditRecord) -> AuditRecord:
    """Return a record that differs in one field."""
    field = draw(st.sampled_from(["sequence", "time", "writer", "previous", "hash", "entry"]))
    if field == "sequence":
        return replace(record, sequence=draw(st.integers(-5, 50).filter(lambda number: number != record.sequence)))
    if field != "entry":
        return replace(record, **{field: draw(texts.filter(lambda text: text != getattr(record, field)))})
    other = draw(entries.filter(lambda entry: encode(entry) != encode(record.entry)))
    return replace(record, entry=other)


@given(chains, st.data())
@thorough
def test_any_change_of_one_record_is_found(chain: list[AuditRecord], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(chain) - 1))
    changed = data.draw(changes(chain[index]))
    message = found([*chain[:index], changed, *chain[index + 1 :]])
    # A first record with another number looks like the first one after a pruning, and is found out by its hash.
    assert f"does not follow from record {index}" in message or (index == 0 and changed.sequence > 1)


@given(chains, st.data())
@quick
def test_any_removal_before_the_end_is_found(chain: list[AuditRecord], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(chain) - 2))
    message = found(chain[:index] + chain[index + 1 :])
    assert f"record {index + 2} does not follow from record {index}" in message


@given(chains, st.data())
@quick
def test_any_swap_is_found(chain: list[AuditRecord], data: st.DataObject) -> None:
    one, two = sorted(data.draw(st.sets(st.integers(0, len(chain) - 1), min_size=2, max_size=2)))
    swapped = list(chain)
    swapped[one], swapped[two] = swapped[two], swapped[one]
    assert f"does not follow from record {one or two + 1}" in found(swapped)


@given(chains, st.data())
@quick
def test_cut_behind_an_anchor_is_found(chain: list[AuditRecord], data: st.DataObject) -> None:
    anchored = data.draw(st.integers(0, len(chain) - 1))
    left = data.draw(st.integers(0, anchored))
    assert "does not contain the head that was anchored" in found(chain[:left], head_of(chain[anchored]))


def test_cut_after_the_anchor_is_not_seen() -> None:
    chain = grow(ChainHead(), simple(3))
    assert verify(chain[:2], head_of(chain[1])).sequence == 2


def test_chain_written_anew_is_found_by_the_anchor() -> None:
    anchor = head_of(grow(ChainHead(), simple(3))[1])
    forged = grow(ChainHead(), [AuditEntry(phase="fact", principal="user:eve", action="x")] * 5)
    assert verify(forged).sequence == 5
    assert "does not contain" in found(forged, anchor)


def test_record_put_in_between_is_found() -> None:
    chain = grow(ChainHead(), simple(3))
    (foreign,) = grow(head_of(chain[0]), simple(1), writer="eve")
    assert "record 2 does not follow from record 2" in found([chain[0], foreign, *chain[1:]])


def test_two_writers_of_one_file_are_found() -> None:
    first = grow(ChainHead(), simple(2))
    second = grow(head_of(first[0]), simple(1), writer="second process")
    assert "record 2 does not follow from record 2" in found([*first, *second])


@pytest.mark.parametrize(("sequence", "previous"), [(7, None), (2, "f" * 64)])
def test_record_that_is_sound_in_itself_must_follow(sequence: int, previous: str | None) -> None:
    chain = grow(ChainHead(), simple(2))
    head = ChainHead("hands", sequence, previous or chain[1].hash)
    (stray,) = grow(head, simple(1))
    assert f"record {sequence + 1} does not follow from record 2" in found([*chain, stray])


def test_every_head_depends_on_all_records_before() -> None:
    changed = [AuditEntry(phase="fact", principal="user:eve", action="a0"), *simple(3)[1:]]
    assert grow(ChainHead(), changed)[-1].hash != grow(ChainHead(), simple(3))[-1].hash


def test_record_written_twice_is_found() -> None:
    chain = grow(ChainHead(), simple(2))
    assert "record 2 does not follow from record 2" in found([*chain, chain[1]])


def test_error_names_the_writer_and_the_hashes() -> None:
    chain = grow(ChainHead(), simple(3))
    with pytest.raises(ExecutionFailedError, match="audit chain of hands") as caught:
        verify([chain[0], chain[2]])
    assert caught.value.found == f"hash {chain[2].hash[:12]}, previous {chain[2].previous[:12]}"
    assert caught.value.expected == f"record 2 with previous {chain[0].hash[:12]}"


def test_anchor_of_an_empty_chain_demands_nothing() -> None:
    assert verify(grow(ChainHead(), simple(2)), ChainHead("hands")).sequence == 2


def pruned(records: list[AuditRecord], count: int) -> list[AuditRecord]:
    """Return a chain without its first records, with the record that says so at its end."""
    (said,) = grow(head_of(records[-1]), [pruned_entry(head_of(records[count - 1]))])
    return [*records[count:], said]


@given(chains, st.data())
@quick
def test_a_pruned_chain_is_whole_from_the_record_that_says_so(chain: list[AuditRecord], data: st.DataObject) -> None:
    left = pruned(chain, data.draw(st.integers(1, len(chain))))
    assert verify(left) == head_of(left[-1])
    for anchor in [*chain, *left]:
        assert verify(left, head_of(anchor)) == head_of(left[-1])
    grown = [*left, *grow(head_of(left[-1]), simple(2))]
    twice = pruned(grown, data.draw(st.integers(1, len(grown))))
    assert verify(twice) == head_of(twice[-1])


def test_a_beginning_that_was_cut_is_seen() -> None:
    chain = grow(ChainHead(), simple(5))
    assert "record 3 does not follow from record 0" in found(chain[2:])
    left = pruned(chain, 2)
    assert "record 4 does not follow from record 0" in found(left[1:]), "more is gone than was pruned"
    assert "does not follow" in found([left[0], *left[2:]])
    forged = grow(head_of(chain[4]), [pruned_entry(replace(head_of(chain[1]), hash="0" * 64))])
    assert "record 3 does not follow from record 0" in found([*chain[2:], *forged])


def test_an_anchor_at_the_cut_must_have_its_hash() -> None:
    chain = grow(ChainHead(), simple(5))
    left = pruned(chain, 2)
    assert "does not contain the head" in found(left, replace(head_of(chain[1]), hash="f" * 64))
