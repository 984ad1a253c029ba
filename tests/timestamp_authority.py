"""A time-stamping authority (RFC 3161) of the tests' own: OpenSSL's, which knows nothing of our code."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Invented authority
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = authority
[authority]
serial = serial
crypto_device = builtin
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.2
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_alg = sha256
ess_cert_id_chain = no
"""
_NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf"
_CERTIFICATES = (
    f"req -x509 {_NEW_KEY} -keyout ca.key -out ca.pem -subj /CN=Invented-CA -days 30 -extensions ca",
    f"req {_NEW_KEY} -keyout signer.key -out signer.csr",
    "x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out signer.pem -days 30"
    " -extfile openssl.cnf -extensions signer",
)


class TimestampAuthority:
    """Answers queries; `ca_file` vouches for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        (folder / "openssl.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01")
        for command in _CERTIFICATES:
            self.openssl(command)

    def answer(self, query: bytes) -> bytes:
        """The response to a query, both in DER."""
        (self._folder / "query.tsq").write_bytes(query)
        self.openssl("ts -reply -config openssl.cnf -queryfile query.tsq -out response.tsr")
        return (self._folder / "response.tsr").read_bytes()

    def openssl(self, command: str) -> str:
        """Runs OpenSSL in the folder of the authority; returns what it prints."""
        finished = subprocess.run(
            ["openssl", *command.split()], cwd=self._folder, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answers over HTTP at the URL that it gives, until the block ends."""
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                body = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
                """Says nothing."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsa"
            finally:
                server.shutdown()
                thread.join()
