"""Mutual TLS between processes (art. 7-1): credentials from files, and who the peer is."""

from collections.abc import Mapping
from pathlib import Path

import grpc

from services.kit.config import ConfigError, TlsSettings

_PEER_NAMES_KEY = "x509_subject_alternative_name"


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials:
    """Credentials that demand a client certificate of our CA."""
    return grpc.ssl_server_credentials(
        [(_read(settings.private_key_file), _read(settings.certificate_file))],
        root_certificates=_read(settings.ca_file),
        require_client_auth=True,
    )


def channel_credentials(settings: TlsSettings) -> grpc.ChannelCredentials:
    """Credentials that show our certificate and trust our CA only."""
    return grpc.ssl_channel_credentials(
        root_certificates=_read(settings.ca_file),
        private_key=_read(settings.private_key_file),
        certificate_chain=_read(settings.certificate_file),
    )


def peer_names(auth_context: Mapping[str, object]) -> frozenset[str]:
    """The verified names in the peer's certificate; none where it showed none."""
    names = auth_context.get(_PEER_NAMES_KEY, ())
    return (
        frozenset(name.decode() for name in names if isinstance(name, bytes))
        if isinstance(names, (list, tuple))
        else frozenset()
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the TLS file {path}: {error.strerror}") from None
