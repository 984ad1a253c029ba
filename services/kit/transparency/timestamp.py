"""Time-stamps of checkpoints by an authority (RFC 3161): who did not sign the journal tells when a note was there.

A token is kept as DER. In a file it stands as the authority's response would, so that `openssl ts` reads it too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

QUERY_TYPE = "application/timestamp-query"

_SEQUENCE = b"\x30"
_LONG_FORM = 0x80
# PKIStatusInfo with the status granted (RFC 3161, section 2.4.2).
_GRANTED = b"\x30\x03\x02\x01\x00"


class TimestampRefused(Exception):
    """A time-stamp is malformed, of something else, or not by whom it should be; the text tells why."""


@dataclass(frozen=True)
class TimestampQuery:
    """What an authority is asked, and the nonce that its answer must repeat."""

    message: bytes
    nonce: int | None
    imprint: bytes


def timestamp_query(note: str) -> TimestampQuery:
    """The query for `note` (RFC 3161, section 2.4.1), with the authority's certificate in the answer."""
    request = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    return TimestampQuery(request.as_bytes(), request.nonce, request.message_imprint.message)


def granted_token(response: bytes, query: TimestampQuery) -> bytes:
    """The token in an authority's answer to `query`; who signed it is not judged here. Raises TimestampRefused."""
    with _well_formed():
        decoded = decode_timestamp_response(response)
        if decoded.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            raise TimestampRefused("the authority granted no time-stamp")
        told = decoded.tst_info
        if (told.nonce, told.message_imprint.message) != (query.nonce, query.imprint):
            raise TimestampRefused("the authority answered another query")
        return decoded.time_stamp_token()


def to_response(token: bytes) -> bytes:
    """The token as an authority's answer holds it (RFC 3161, section 2.4.2)."""
    return _SEQUENCE + _der_length(len(_GRANTED) + len(token)) + _GRANTED + token


def timestamp_of(token: bytes) -> datetime:
    """When the token says it was made; who made it is not judged here. Raises TimestampRefused."""
    with _well_formed():
        return _time_in(decode_timestamp_response(to_response(token)))


def verify_timestamp(response: bytes, note: str, authority_certificates: bytes) -> datetime:
    """When `note` was time-stamped, by an authority that one of the certificates (PEM) vouches for.

    Raises TimestampRefused.
    """
    try:
        roots = x509.load_pem_x509_certificates(authority_certificates)
    except ValueError:
        raise TimestampRefused("the authority's certificates are not PEM") from None
    with _well_formed():
        decoded = decode_timestamp_response(response)
        try:
            VerifierBuilder(roots=roots).build().verify_message(decoded, note.encode())
        except VerificationError:
            raise TimestampRefused("the time-stamp is not of this note, or not by that authority") from None
        return _time_in(decoded)


def _time_in(response: TimeStampResponse) -> datetime:
    return response.tst_info.gen_time.replace(tzinfo=UTC)


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except ValueError:
        raise TimestampRefused("not a time-stamp as in RFC 3161") from None


def _der_length(length: int) -> bytes:
    if length < _LONG_FORM:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_LONG_FORM | len(digits)]) + digits
