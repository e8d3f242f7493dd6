"""A certificate with its key; who only shows one needs no library that makes them."""

import msgspec


class KeyPair(msgspec.Struct, frozen=True):
    """A certificate and its key, in PEM."""

    certificate: str
    key: str
