"""A server of raw sockets on loopback: it answers what no honest server would."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class RawServer:
    """Calls `act(connection, request bytes)` for each request; the bytes it read are in `seen`, one per request."""

    def __init__(self, act: Callable[[socket.socket, bytes], None], tls: ssl.SSLContext | None = None) -> None:
        self.act, self.tls = act, tls
        self.seen: list[bytes] = []
        self.connections = 0
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := _read_request(connection):
                self.seen.append(request)
                self.act(connection, request)
        with contextlib.suppress(OSError):
            connection.close()

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def raw_server(
    act: Callable[[socket.socket, bytes], None] | bytes, tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """`act` may be the bytes to answer with before the connection is closed."""
    server = RawServer(closing_with(act) if isinstance(act, bytes) else act, tls)
    try:
        yield server
    finally:
        server.close()


def closing_with(answer: bytes) -> Callable[[socket.socket, bytes], None]:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return act


def reset(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang(connection: socket.socket, request: bytes) -> None:
    """Longer than any test may take: who waits for it fails by the time limit of tests."""
    time.sleep(1000)


def drip(text: bytes) -> Callable[[socket.socket, bytes], None]:
    """One byte every 50 ms."""

    def act(connection: socket.socket, request: bytes) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return act


def flood(head: bytes, piece: bytes) -> Callable[[socket.socket, bytes], None]:
    """The piece for ever."""

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return act


def make_cert(folder: Path, *, host: str = "127.0.0.1", valid: tuple[int, int] = (-1, 1)) -> tuple[str, ssl.SSLContext]:
    """A certificate that vouches for itself, `valid` in days from now: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    address = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid[0]))
        .not_valid_after(now + timedelta(days=valid[1]))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(cert.public_bytes(pem) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return str(file), context
