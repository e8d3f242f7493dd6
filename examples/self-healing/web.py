"""A small web service: /health answers 200, /crash ends the process, everything else is greeted."""

import argparse
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers requests and logs what goes wrong."""

    def do_GET(self) -> None:
        if self.path == "/crash":
            print("FATAL asked to crash", flush=True)
            os._exit(1)
        body = b"ok\n" if self.path == "/health" else b"hello from the web service\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Stay quiet about requests that went well."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8085)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print("INFO listening", flush=True)
    server.serve_forever()


main()
