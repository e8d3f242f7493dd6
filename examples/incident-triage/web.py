"""A web service with a fault: it keeps every report that it has rendered. When its memory is used up, it answers 503."""

import argparse
import contextlib
import resource
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MEMORY = 64 * 1024 * 1024  # as much as a small container has
LINES = 150_000

reports: dict[str, bytes] = {}


def render(name: str, lines: int = LINES) -> bytes:
    """Return a report of a few MB."""
    return "".join(f"{name}: line {number}\n" for number in range(lines)).encode()


class Handler(BaseHTTPRequestHandler):
    """`/health` renders a report, as users would want one; everything else is the name of one, and is kept for the next time."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        try:
            if name == "health":
                render(name, LINES * 5 // 4)  # well is who has room for more than the next report
            elif name not in reports:
                reports[name] = render(name)
        except MemoryError:
            size = sum(map(len, reports.values())) // 1024**2
            print(f"ERROR MemoryError at /{name}: {len(reports)} reports are kept, {size} MiB", flush=True)
            self.answer(503, b"no memory left\n")
        else:
            self.answer(200, b"ok\n")

    def answer(self, status: int, body: bytes) -> None:
        """Send an answer."""
        with contextlib.suppress(ConnectionError):  # who asked may have left
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Stay quiet about requests that went well."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8086)
    port = parser.parse_args().port
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    Path("/proc/self/comm").write_text("web")  # its name in the list of processes
    server = HTTPServer(("127.0.0.1", port), Handler)
    print(f"INFO listening on port {port}", flush=True)
    server.serve_forever()


main()
