"""ICMP echo messages (RFC 792, RFC 4443 section 4)."""

import socket
import struct

_HEADER = struct.Struct(">BBHHH")
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}


def echo_request(family: int, sequence: int, cookie: bytes) -> bytes:
    """Return a request; the kernel computes the checksum of ICMPv6, and the identifier of a datagram socket."""
    kind = _REQUEST[socket.AddressFamily(family)]
    unsigned = _HEADER.pack(kind, 0, 0, 0, sequence & 0xFFFF) + cookie
    return _HEADER.pack(kind, 0, checksum(unsigned), 0, sequence & 0xFFFF) + cookie


def is_reply(message: bytes, family: int, cookie: bytes, *, with_ip_header: bool) -> bool:
    """Tell whether a message answers the request with this cookie.

    Args:
        message: As it came; a raw socket gets all ICMP of the machine.
        family: AF_INET or AF_INET6.
        cookie: The data of the request, which comes back.
        with_ip_header: Whether the IPv4 header stands before it.
    """
    begin = (message[0] & 0x0F) * 4 if with_ip_header and message else 0
    body = message[begin:]
    return (
        len(body) >= _HEADER.size and body[0] == _REPLY[socket.AddressFamily(family)] and body[_HEADER.size :] == cookie
    )


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
