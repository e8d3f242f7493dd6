"""The HTTP/1.1 fast path of the sidecar: no task, future or await for a request on its way.

A client's connection (`Downstream`) hands each request to a `Gate`, which answers it or forwards it over a kept connection
(`Upstream`). What comes back goes out in the same turn of the event loop in which it came. httptools (llhttp, strict) parses
both directions; everything else about HTTP is decided here. Needs the extra `sidecar`.
"""
