"""A way to an S3 server on which something can happen in the very moment in which an object is about to be written."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

CHUNK_BYTES = 1 << 16
CONNECT_S = 10.0
_PUT = re.compile(rb"^PUT (\S+) HTTP/1\.1\r\n")


@dataclass(kw_only=True)
class S3Gate:
    """Where the gate listens; each of ``traps`` is called once, instead of a write of a key with its ending."""

    endpoint_url: str
    traps: dict[str, Callable[[], None]] = field(default_factory=dict)

    def lets_through(self, key: str) -> bool:
        """Whether no trap was set for this key; springs the one that was."""
        ending = next((each for each in self.traps if key.endswith(each)), None)
        if ending is not None:
            self.traps.pop(ending)()
        return ending is None


@contextmanager
def s3_gate(upstream_url: str) -> Iterator[S3Gate]:
    """Pass connections on to ``upstream_url`` until the block ends; signatures stay valid, since no byte is changed."""
    upstream = urlsplit(upstream_url)
    assert upstream.hostname is not None and upstream.port is not None
    target = (upstream.hostname, upstream.port)
    with socket.create_server(("127.0.0.1", 0)) as server:
        gate = S3Gate(endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        threading.Thread(target=_accept, args=(server, target, gate), daemon=True).start()
        yield gate
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # closing alone would leave the other thread in its accept


def _accept(server: socket.socket, target: tuple[str, int], gate: S3Gate) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        try:
            onward = socket.create_connection(target, timeout=CONNECT_S)
        except OSError:  # the client will try again
            client.close()
            continue
        onward.settimeout(None)
        threading.Thread(target=_pump, args=(client, onward, gate), daemon=True).start()
        threading.Thread(target=_pump, args=(onward, client, None), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, gate: S3Gate | None) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            found = _PUT.match(chunk)
            if gate is not None and found is not None and not gate.lets_through(unquote(found[1].decode())):
                break
            sink.sendall(chunk)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
