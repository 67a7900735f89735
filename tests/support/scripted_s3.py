"""An HTTP server that answers S3 requests from a script: for what a healthy server never says."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer; `num_bytes_kept` cuts the body off and closes the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    num_bytes_kept: int | None = None


@dataclass(kw_only=True)
class ScriptedServer:
    """Where it answers, and what it was asked."""

    endpoint_url: str
    requests: list[str] = field(default_factory=list)


def refusal(status: int, code: str, text: str = "") -> Answer:
    """An S3 error answer."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Answer(status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


@contextmanager
def scripted_s3(answers: Sequence[Answer]) -> Iterator[ScriptedServer]:
    """Answer request by request from ``answers``; the last answer goes on for ever."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                answer = answers[min(len(script.requests), len(answers) - 1)]
                script.requests.append(f"{self.command} {self.path}")
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.num_bytes_kept])
            self.close_connection = answer.num_bytes_kept is not None

        do_GET = do_PUT = do_DELETE = do_HEAD = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script = ScriptedServer(endpoint_url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
