"""What is looked up and must be there."""

from typing import TypeVar

from services.kit.errors import RecordNotFound

Record = TypeVar("Record")


def found(record: Record | None) -> Record:
    """`record`, which is there. Raises RecordNotFound."""
    if record is None:
        raise RecordNotFound
    return record
