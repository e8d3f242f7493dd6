import msgspec

KIB = 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one message is accepted. Sizes are in bytes.

    Attributes:
        request_line: Request line or status line, without its line end.
        header_bytes: All field lines together; the same holds for the trailers of a chunked body.
        header_count: Field lines.
        body: Body after removal of the chunked framing.
        chunk_line: One chunk size with its extensions.
        chunk_extensions: The extensions of all chunks of a body together.
        interim: Answers with a 1xx status before the final one.
    """

    request_line: int = 8 * KIB
    header_bytes: int = 32 * KIB
    header_count: int = 100
    body: int = KIB * KIB
    chunk_line: int = 256
    chunk_extensions: int = 4 * KIB
    interim: int = 8


DEFAULT_LIMITS = Limits()
