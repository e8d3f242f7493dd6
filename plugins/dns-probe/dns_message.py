"""DNS messages (RFC 1035): a question as bytes, and what an answer says."""

from __future__ import annotations

import re
import socket
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
          "NOTAUTH", "NOTZONE")  # fmt: skip
INTERNET = 1
MAX_NAME = 255
MAX_POINTERS = 127  # as many as the longest name has labels
_RESPONSE, _TRUNCATED, _OPCODE, _RECURSION_DESIRED = 0x8000, 0x0200, 0x7800, 0x0100
_HEADER = struct.Struct(">6H")
_RECORD = struct.Struct(">HHIH")
_MX = re.compile(r"(\d{1,5})\s+(\S+)")


class MalformedError(ValueError):
    """Bytes that are no DNS message."""


class Record:
    """A record of the answer section; `text` is empty for a type that is not read here."""

    def __init__(self, owner: str, kind: int, text: str) -> None:
        self.owner = owner
        self.kind = kind
        self.text = text


class Answer:
    """An answer. One that is truncated has no records; `question` is None where the server left it out."""

    def __init__(self, flags: int, question: tuple[str, int] | None, records: list[Record]) -> None:
        self.truncated = bool(flags & _TRUNCATED)
        self.question = question
        self.records = records
        code = flags & 0xF
        self.rcode = RCODES[code] if code < len(RCODES) else f"RCODE{code}"

    def answers(self, name: str, kind: int) -> bool:
        """Tell whether it answers this question. An error may come without one."""
        return self.question == (name, kind) or (self.question is None and self.rcode != "NOERROR")

    def texts(self, name: str, kind: int) -> list[str]:
        """Return the records of a type that belong to a name, or to what its aliases lead to."""
        aliases = {record.owner: record.text for record in self.records if record.kind == TYPES["CNAME"]}
        owners = {name}
        while kind != TYPES["CNAME"] and name in aliases and aliases[name] not in owners:
            name = aliases[name]
            owners.add(name)
        return sorted({record.text for record in self.records if record.kind == kind and record.owner in owners})


def query(number: int, name: str, kind: int) -> bytes:
    """Return a question; `name` is one that `canonical_name` returned."""
    labels = [] if name == "." else name.encode("ascii").split(b".")
    wire = b"".join(bytes([len(label)]) + label for label in labels)
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + wire + struct.pack(">BHH", 0, kind, INTERNET)


def canonical_name(text: str) -> str:
    """Return a name as answers are compared: lower case, without the last dot."""
    return text.lower().removesuffix(".") or "."


def canonical_text(kind: int, text: str) -> str:
    """Return an expected answer in the form in which answers are read.

    Raises:
        ValueError: A record of this type cannot say that.
    """
    if kind in (TYPES["A"], TYPES["AAAA"]):
        family = socket.AF_INET if kind == TYPES["A"] else socket.AF_INET6
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except OSError as error:
            raise ValueError("no address of this type") from error
    if kind == TYPES["MX"]:
        found = _MX.fullmatch(text)
        if found is None:
            raise ValueError("no preference with a name, such as `10 mail.example.org`")
        return f"{int(found[1])} {canonical_name(found[2])}"
    return text if kind == TYPES["TXT"] else canonical_name(text)


def parse(message: bytes) -> Answer:
    """Read an answer up to the end of its answer section.

    Raises:
        MalformedError: It is none.
    """
    reader = _Reader(message)
    _, flags, questions, answers, _, _ = _HEADER.unpack(reader.take(_HEADER.size))
    if not flags & _RESPONSE or flags & _OPCODE or questions > 1:
        raise MalformedError("the message answers no question")
    question = None
    if questions:
        name = reader.name()
        kind, category = struct.unpack(">HH", reader.take(4))
        if category != INTERNET:
            raise MalformedError(f"the question has the class {category}")
        question = (name, kind)
    # A truncated message may end in the middle of a record.
    records = [] if flags & _TRUNCATED else [reader.record() for _ in range(answers)]
    return Answer(flags, question, records)


class _Reader:
    """A place in a message."""

    def __init__(self, message: bytes, place: int = 0) -> None:
        self._message = message
        self.place = place

    def take(self, count: int) -> bytes:
        data = self._message[self.place : self.place + count]
        if len(data) < count:
            raise MalformedError("the message is cut off")
        self.place += count
        return data

    def name(self) -> str:
        """Read a name. A pointer leads to before the place where its piece began, so that pointers have an end."""
        labels: list[str] = []
        size, pointers, begin, end = 1, 0, self.place, 0
        while length := self.take(1)[0]:
            if length >= 0xC0:
                target = (length & 0x3F) << 8 | self.take(1)[0]
                pointers += 1
                if target >= begin or pointers > MAX_POINTERS:
                    raise MalformedError("a name has a pointer that does not lead back")
                end = end or self.place
                self.place = begin = target
                continue
            size += length + 1
            if length >= 0x40 or size > MAX_NAME:
                raise MalformedError("a name is too long")
            labels.append(_label(self.take(length)))
        self.place = end or self.place
        return ".".join(labels) or "."

    def record(self) -> Record:
        owner = self.name()
        kind, category, _, length = _RECORD.unpack(self.take(_RECORD.size))
        end = self.place + length
        data = _Reader(self._message[:end], self.place)
        self.take(length)
        text = data.text(kind, length) if category == INTERNET else None
        if text is not None and data.place != end:
            raise MalformedError("a record has another length than it says")
        return Record(owner, kind if category == INTERNET else 0, text or "")

    def text(self, kind: int, length: int) -> str | None:
        """Read a record's data; None for a type that is of no interest."""
        if kind == TYPES["A"]:
            return socket.inet_ntop(socket.AF_INET, self.take(4))
        if kind == TYPES["AAAA"]:
            return socket.inet_ntop(socket.AF_INET6, self.take(16))
        if kind == TYPES["MX"]:
            return f"{int.from_bytes(self.take(2))} {self.name()}"
        if kind == TYPES["TXT"]:
            return self._strings(self.place + length)
        return self.name() if kind in (TYPES["CNAME"], TYPES["NS"]) else None

    def _strings(self, end: int) -> str:
        strings = b""
        while self.place < end:
            strings += self.take(self.take(1)[0])
        return strings.decode("utf-8", "backslashreplace")


def _label(data: bytes) -> str:
    """Return a label as master files write it (RFC 1035, 5.1): a dot within a label is not one between labels."""
    return "".join(
        chr(byte) if byte > 0x20 and byte < 0x7F and byte not in b".\\" else f"\\{byte:03}" for byte in data.lower()
    )
