"""A way to a real server on which connections are refused, cut, held up or answered by somebody else.

It sits in front of Postgres or S3 on loopback and passes bytes on unchanged, so that signatures stay valid. What goes
wrong, and how often, is said by rules: each waits for a pattern in what a client sends, an SQL statement or the first
line of an HTTP request.
"""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

CHUNK_BYTES = 1 << 14
CONNECT_S = 10.0
DRAIN_S = 1.0
NOTHING_LEFT = struct.pack("ii", 1, 0)  # closing sends a reset, and nothing more

Way: TypeAlias = Literal["up", "down"]
Deed: TypeAlias = Literal["reset", "close", "stall", "answer"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What happens to a connection on which a pattern was sent.

    Parameters
    ----------
    deed : ``reset`` or ``close`` the connection, ``stall`` it, or ``answer`` in the server's place and close.
    pattern : searched for in each piece that the client sends; empty for any.
    way : after how many bytes, counted from that piece on its way ``up`` to the server, or ``down`` from it.
    seconds : of a stall.
    answer : what is sent instead of the server's answer.
    """

    deed: Deed
    pattern: bytes = b""
    way: Way = "up"
    after: int = 0
    seconds: float = 3600.0
    answer: bytes = b""


@dataclass(kw_only=True)
class FaultProxy:
    """Where it listens, what goes wrong, and what has.

    Parameters
    ----------
    is_refusing : whether new connections are reset at once.
    num_struck : how often a rule was applied, or a connection refused.
    """

    port: int
    is_refusing: bool = False
    num_struck: int = 0
    _rules: list[tuple[Rule, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_healed: threading.Event = field(default_factory=threading.Event)

    def strike(self, rule: Rule, *, times: int = 1_000_000) -> None:
        """Apply a rule so many times, from now on."""
        self._is_healed.clear()
        with self._lock:
            self._rules.append((rule, times))

    def heal(self) -> None:
        """Let everything through again, what is held up included."""
        with self._lock:
            self._rules.clear()
            self.is_refusing, self.num_struck = False, 0
        self._is_healed.set()

    def rule_for(self, piece: bytes) -> Rule | None:
        """The rule that this piece calls for, counted as applied."""
        with self._lock:
            for number, (rule, times) in enumerate(self._rules):
                if re.search(rule.pattern, piece, re.DOTALL) is not None:
                    self._rules[number : number + 1] = [(rule, times - 1)] if times > 1 else []
                    self.num_struck += 1
                    return rule
        return None

    def refuses(self) -> bool:
        """Whether a new connection is reset."""
        with self._lock:
            self.num_struck += self.is_refusing
            return self.is_refusing

    def hold_up(self, seconds: float) -> None:
        """Wait, or until everything is healed."""
        self._is_healed.wait(seconds)


@contextmanager
def fault_proxy(connect: Callable[[], socket.socket]) -> Iterator[FaultProxy]:
    """Listen on loopback until the block ends; ``connect`` opens a connection to the server behind."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = FaultProxy(port=server.getsockname()[1])
        threading.Thread(target=_accept, args=(server, connect, proxy), daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.heal()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # closing alone would leave the other thread in its accept


def to_port(port: int) -> Callable[[], socket.socket]:
    """Opens connections to a port on loopback."""
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)


def to_path(path: str) -> Callable[[], socket.socket]:
    """Opens connections to a socket in the file system, as the embedded Postgres has one."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        return connection

    return connect


def s3_answer(status: int, code: str) -> bytes:
    """A whole HTTP answer of a store that refuses."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>-</Message></Error>'
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()


class _Link:
    """One connection of a client and its way onward; whoever ends it, ends both."""

    def __init__(self, client: socket.socket, onward: socket.socket, proxy: FaultProxy) -> None:
        self._client, self._onward, self._proxy = client, onward, proxy
        self._down: Rule | None = None
        self._num_down = 0

    def pump_up(self) -> None:
        rule, passed = None, 0
        with suppress(OSError):
            while piece := self._client.recv(CHUNK_BYTES):
                if rule is None and self._down is None:
                    found, passed = self._proxy.rule_for(piece), 0
                    if found is not None and found.way == "down" and found.deed != "answer":
                        self._num_down, self._down = 0, found
                    else:
                        rule = found
                if rule is not None and passed + len(piece) >= rule.after:
                    left = rule.after - passed
                    self._onward.sendall(piece[:left])
                    if self._do(rule):
                        return
                    piece, rule = piece[left:], None
                passed += len(piece)
                self._onward.sendall(piece)
        self._end()

    def pump_down(self) -> None:
        with suppress(OSError):
            while piece := self._onward.recv(CHUNK_BYTES):
                rule = self._down
                if rule is not None and self._num_down + len(piece) >= rule.after:
                    left = rule.after - self._num_down
                    self._client.sendall(piece[:left])
                    if self._do(rule):
                        return
                    piece, self._down = piece[left:], None
                self._num_down += len(piece)
                self._client.sendall(piece)
        self._end()

    def _do(self, rule: Rule) -> bool:
        """Apply a rule; whether that was the end of the connection."""
        if rule.deed == "stall":
            self._proxy.hold_up(rule.seconds)
            return False
        if rule.deed == "answer":
            self._client.sendall(rule.answer)
            self._client.shutdown(socket.SHUT_WR)
            self._client.settimeout(DRAIN_S)  # what is left unread would turn the end into a reset
            with suppress(OSError):
                while self._client.recv(CHUNK_BYTES):
                    pass
        if rule.deed == "reset":
            for each in (self._client, self._onward):
                with suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOTHING_LEFT)
        self._end(is_reset=rule.deed == "reset")
        return True

    def _end(self, *, is_reset: bool = False) -> None:
        for each in (self._client, self._onward):
            with suppress(OSError):
                if not is_reset:
                    each.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                each.shutdown(socket.SHUT_RD)  # wakes the other thread out of its read
            each.close()


def _accept(server: socket.socket, connect: Callable[[], socket.socket], proxy: FaultProxy) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        try:
            if proxy.refuses():
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOTHING_LEFT)
                client.close()
                continue
            onward = connect()
        except OSError:  # the server behind is away: so is this way to it
            client.close()
            time.sleep(0.01)
            continue
        onward.settimeout(None)
        link = _Link(client, onward, proxy)
        for pump in (link.pump_up, link.pump_down):
            threading.Thread(target=pump, daemon=True).start()
