"""Sets a letter with typst, in this process: its data travel as JSON and are never read as markup.

Only the fonts that come with typst are used, so that a letter looks the same on every machine.
"""

import dataclasses
import json
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import typst

from cli.letters.french import in_words, of
from cli.letters.records import Letter, PartnerIdentity
from services.kit.redaction import Password

_TEMPLATES = Path(__file__).parent / "templates"
_NO_GLYPH = "could not be displayed with"


class UnprintableSign(Exception):
    """The letter holds a sign that none of the fonts has."""


def render(letter: Letter) -> bytes:
    """The letter as PDF, to be kept (PDF/A-2a) and read by everybody (PDF/UA-1). Raises UnprintableSign.

    The same letter is the same bytes.
    """
    midnight = datetime.combine(letter.written_date, time(), UTC)
    try:
        pdf = _compiler(letter).compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=midnight)
    except typst.TypstError as error:
        # Its text quotes the sign, which may be a name's (N5).
        if _NO_GLYPH in error.message:
            raise UnprintableSign from None
        raise
    return _as_list(pdf)[0]


def render_png(letter: Letter, ppi: float) -> list[bytes]:
    """The pages of the letter as pictures, for looking at."""
    return _as_list(_compiler(letter).compile(format="png", ppi=ppi))


def _compiler(letter: Letter) -> typst.Compiler:
    return typst.Compiler(
        _TEMPLATES / f"{letter.template}.typ",
        root=_TEMPLATES,
        font_paths=_fonts(),
        sys_inputs={"letter": json.dumps(_content(letter))},
    )


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def _content(value: Any) -> Any:
    """What a template reads: days in words, texts as they are, nothing for what is absent."""
    match value:
        case Password():
            return value.reveal()
        case date():
            return in_words(value)
        case tuple():
            return [_content(item) for item in value]
        case PartnerIdentity():
            return {**_fields(value), "attention": _attention(value.representative)}
        case _ if dataclasses.is_dataclass(value):
            return _fields(value)
        case _:
            return value


def _fields(record: Any) -> dict[str, Any]:
    return {field.name: _content(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _attention(representative: str) -> str:
    return f"À l’attention {of(representative)}" if representative else "À l’attention du représentant légal"


def _as_list(compiled: bytes | list[bytes] | None) -> list[bytes]:
    """The pages, or the one document: typst has a list for one case only."""
    return compiled if isinstance(compiled, list) else [compiled or b""]
