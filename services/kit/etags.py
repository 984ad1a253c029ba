"""Etags of records (AIP-154): two who edit one record at once do not overwrite each other unseen."""

from services.kit.errors import RecordChanged


def etag_of(version: int) -> str:
    """The etag of a record's version."""
    return str(version)


def require_unchanged(etag: str, version: int) -> None:
    """An etag that was sent is the present one. Raises RecordChanged; an empty one is any."""
    if etag and etag != etag_of(version):
        raise RecordChanged
