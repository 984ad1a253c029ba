"""The names in certificates, compared with those that are listed."""

from collections.abc import Collection


def is_listed(names: Collection[str], listed: Collection[str]) -> bool:
    """Whether one of `names` is listed: letter by letter, or by "*.domain", which stands for one label (RFC 9525)."""
    return any(name in listed or f"*.{name.partition('.')[2]}" in listed for name in names)
