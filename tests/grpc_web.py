"""A gRPC-Web client, as a browser would be one: frames in the body of an HTTP answer, trailers in the last of them.

After the protocol's own description (PROTOCOL-WEB.md of grpc/grpc): binary, or the same in base64.
"""

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

_HEADER = struct.Struct(">BI")
_TRAILERS = 0x80
_BASE64_GROUP = 4


@dataclass(frozen=True)
class GrpcWebReply:
    """The messages, and what a gRPC server says in trailers: `grpc-status` and its companions."""

    messages: Sequence[bytes]
    trailers: Mapping[str, str]
    headers: Mapping[str, str]


class GrpcWeb:
    """Calls over one HTTP client; `text` chooses base64, as old browsers need it."""

    def __init__(self, http: httpx.Client, *, text: bool) -> None:
        self._http = http
        self._text = text

    def call(self, path: str, message: bytes, headers: Mapping[str, str]) -> GrpcWebReply:
        """Sends one message to `path` ("/package.Service/Method"); the reply has any number of them."""
        content_type = "application/grpc-web-text+proto" if self._text else "application/grpc-web+proto"
        body = _HEADER.pack(0, len(message)) + message
        response = self._http.post(
            path,
            content=base64.b64encode(body) if self._text else body,
            headers={"content-type": content_type, "accept": content_type, "x-grpc-web": "1", **headers},
        )
        assert response.status_code == httpx.codes.OK, response.status_code
        content = response.content
        if content:
            assert response.headers["content-type"] == content_type
        frames = list(_frames(_from_base64(content) if self._text else content))
        trailers = [data for flags, data in frames if flags & _TRAILERS]
        # An answer that is an error from the first has no body: its trailers stand in the headers.
        said = _fields(trailers[-1]) if trailers else dict(response.headers)
        messages = [data for flags, data in frames if not flags & _TRAILERS]
        return GrpcWebReply(messages, said, dict(response.headers))


def _from_base64(content: bytes) -> bytes:
    """Each piece that was flushed is padded for itself: the whole is decoded by groups."""
    assert len(content) % _BASE64_GROUP == 0
    groups = (content[start : start + _BASE64_GROUP] for start in range(0, len(content), _BASE64_GROUP))
    return b"".join(map(base64.b64decode, groups))


def _frames(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(content):
        flags, length = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        assert position + length <= len(content), "a frame is cut"
        yield flags, content[position : position + length]
        position += length


def _fields(trailers: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in trailers.decode("ascii").splitlines() if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}
