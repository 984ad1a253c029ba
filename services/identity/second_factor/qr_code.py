"""QR codes, as authenticator apps scan them."""

import io

import segno

from services.kit.redaction import TotpSecret


def qr_code_svg(uri: TotpSecret) -> TotpSecret:
    """The QR code of `uri`: an SVG document that refers to nothing outside and scales to the space it is given.

    Dark on light whatever is behind it, with the quiet zone that scanners need.
    """
    document = io.BytesIO()
    segno.make_qr(uri.reveal(), error="m").save(
        document,
        kind="svg",
        xmldecl=False,
        omitsize=True,
        light="#fff",
        svgclass=None,
        lineclass=None,
        nl=False,
    )
    return TotpSecret(document.getvalue().decode())
