"""TLS as ANSSI and Mozilla ask, from certificates that may be renewed while calls are served (art. 7-1)."""

import ssl
from pathlib import Path

from gateway.edge.config import ServerTlsSettings
from gateway.edge.values import Json, typed
from services.kit.config import ConfigError

_SECRET = "certificate"

_PARAMETERS = {
    "tls_minimum_protocol_version": "TLSv1_2",
    "tls_maximum_protocol_version": "TLSv1_3",
    # Of TLS 1.2 only what keeps past traffic secret and is authenticated; TLS 1.3 has nothing else.
    "cipher_suites": [
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ],
    "ecdh_curves": ["X25519MLKEM768", "X25519", "P-256", "P-384"],
}


def require_pair(files: ServerTlsSettings) -> None:
    """Stops the start where Envoy would open the port and serve nobody.

    Raises:
        ConfigError: the files of `tls` cannot be read, or are not a certificate and its key.
    """
    for key, path in (
        ("certificate_file", files.certificate_file),
        ("private_key_file", files.private_key_file),
    ):
        if not path.is_file():
            raise ConfigError(f"tls.{key}: there is no such file: {path}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            files.certificate_file, files.private_key_file
        )
    except OSError:
        raise ConfigError(
            "tls.certificate_file and tls.private_key_file: they are not a certificate in PEM and its own key"
        ) from None


def secret(files: ServerTlsSettings) -> Json:
    """The file by which Envoy learns where the pair lies, and so reads it again when something moves beside it.

    It watches both folders: for a file that is moved there, and for the link `..data` of a Kubernetes volume.
    """
    return {
        "resources": [
            typed(
                "transport_sockets.tls.v3.Secret",
                name=_SECRET,
                tls_certificate={
                    "certificate_chain": {"filename": str(files.certificate_file.absolute())},
                    "private_key": {"filename": str(files.private_key_file.absolute())},
                },
            )
        ]
    }


def transport_socket(files: ServerTlsSettings, secret_file: Path, *, ask_for_certificate: bool) -> Json:
    """TLS of the port. Whether a caller's certificate is the one that its partner named is identity's to say."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "transport_sockets.tls.v3.DownstreamTlsContext",
            common_tls_context={
                "tls_params": _PARAMETERS,
                "tls_certificate_sds_secret_configs": [_watched(files, secret_file)],
                "alpn_protocols": ["h2", "http/1.1"],
                **(_ANY_CLIENT_CERTIFICATE if ask_for_certificate else {}),
            },
            require_client_certificate=False,
            # Every connection proves its keys anew: no ticket key to steal or to share between edges.
            disable_stateless_session_resumption=True,
            disable_stateful_session_resumption=True,
        ),
    }


# Asked for and not required; possession of its key is proved, who issued it does not matter.
_ANY_CLIENT_CERTIFICATE: Json = {
    "validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
}


def _watched(files: ServerTlsSettings, secret_file: Path) -> Json:
    return {
        "name": _SECRET,
        "sds_config": {
            "resource_api_version": "V3",
            "path_config_source": {
                "path": str(secret_file),
                # The file itself never changes, and its own folder cannot be watched.
                "watched_directory": {"path": str(files.certificate_file.absolute().parent)},
            },
        },
    }
