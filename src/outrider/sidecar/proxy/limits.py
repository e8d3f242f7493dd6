import msgspec


class ProxyLimits(msgspec.Struct, kw_only=True, frozen=True):
    """Bounds of the proxy: sizes in bytes, times in seconds.

    Attributes:
        target: Longest request target (414).
        head: Longest head of a request or an answer (431, 502).
        body: Longest body of a request (413).
        pipeline: Requests of one connection that may wait behind the one in flight; more are not read.
        waiting: Bytes of their bodies, those of one that has not come in whole among them; more are not read.
        connections: Clients at a time (503).
        head_time: From the first byte of a request to the end of its head (408).
        body_time: From there to the end of its body (408).
        idle_time: Of a client's connection between requests.
        connect_time: Until an upstream connection stands, with TLS.
        first_byte_time: From the request to the first byte of the answer (504).
        silence_time: Between two pieces of an answer.
        total_time: For a whole answer.
        pooled: Idle connections kept for each target.
        pooled_time: How long one is kept; below what providers use, so that they seldom close first.
    """

    target: int = 8 * 1024
    head: int = 64 * 1024
    body: int = 32 * 1024 * 1024
    pipeline: int = 16
    waiting: int = 1024 * 1024
    connections: int = 10_000
    head_time: float = 10.0
    body_time: float = 60.0
    idle_time: float = 75.0
    connect_time: float = 5.0
    first_byte_time: float = 120.0
    silence_time: float = 60.0
    total_time: float = 900.0
    pooled: int = 64
    pooled_time: float = 30.0
