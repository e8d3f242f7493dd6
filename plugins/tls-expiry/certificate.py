"""When a certificate ends, read from its DER bytes (X.690) as RFC 5280, section 4.1, lays them out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

INTEGER, SEQUENCE, UTC_TIME, GENERALIZED_TIME, VERSION = 0x02, 0x30, 0x17, 0x18, 0xA0
MAX_LENGTH_BYTES = 4
_TIME = re.compile(rb"(\d{2,4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")
_DIGITS = {UTC_TIME: 12, GENERALIZED_TIME: 14}


class MalformedError(ValueError):
    """Bytes that are no certificate."""


def not_after(certificate: bytes) -> datetime:
    """Return the last moment at which a certificate is valid.

    Raises:
        MalformedError: It is none.
    """
    signed = _Contents(certificate, 0, len(certificate)).inside(SEQUENCE).inside(SEQUENCE)
    if signed.next_tag() == VERSION:
        signed.element()
    for tag in (INTEGER, SEQUENCE, SEQUENCE):  # serial number, algorithm and issuer
        signed.inside(tag)
    validity = signed.inside(SEQUENCE)
    validity.element()
    return validity.time()


class _Contents:
    """The elements between two places."""

    def __init__(self, data: bytes, place: int, end: int) -> None:
        self._data = data
        self._place = place
        self._end = end

    def next_tag(self) -> int:
        if self._place >= self._end:
            raise MalformedError("the certificate is cut off")
        return self._data[self._place]

    def element(self) -> tuple[int, int, int]:
        """Go past an element and return its tag and where its contents begin and end."""
        tag = self.next_tag()
        begin = self._place + 2
        length = int.from_bytes(self._data[self._place + 1 : begin])
        if length >= 0x80:
            count = length - 0x80
            if not 1 <= count <= MAX_LENGTH_BYTES:
                raise MalformedError("an element of the certificate has no usable length")
            length = int.from_bytes(self._data[begin : begin + count])
            begin += count
        if length > self._end - begin:
            raise MalformedError("the certificate is cut off")
        self._place = begin + length
        return tag, begin, self._place

    def inside(self, expected: int) -> _Contents:
        """Go past an element with this tag and return its contents."""
        tag, begin, end = self.element()
        if tag != expected:
            raise MalformedError(f"the certificate has the tag {tag:#04x}, expected {expected:#04x}")
        return _Contents(self._data, begin, end)

    def time(self) -> datetime:
        """Read a time. RFC 5280 has it in UTC with seconds, with two digits of the year up to 2049."""
        tag, begin, end = self.element()
        found = _TIME.fullmatch(self._data[begin:end])
        if found is None or end - begin - 1 != _DIGITS.get(tag):
            raise MalformedError("the certificate's end is no time")
        year, month, day, hour, minute, second = map(int, found.groups())
        if tag == UTC_TIME:
            year += 1900 if year >= 50 else 2000
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise MalformedError(f"the certificate's end is no time: {error}") from error
