"""How times are written."""

from datetime import UTC, datetime

from services.kit.clock import PARIS

_NANO = 10**9


def duration_text(duration_nano: int) -> str:
    """A duration with three significant digits: `850 ns`, `12.3 ms`, `1.25 s`."""
    for unit_nano, unit in ((_NANO, "s"), (10**6, "ms"), (10**3, "µs")):
        if duration_nano >= unit_nano:
            return f"{_three_digits(duration_nano / unit_nano)} {unit}"
    return f"{duration_nano} ns"


def round_duration_text(duration_nano: int) -> str:
    """A round duration, without the digits that say nothing: `5 ms`, `1.5 s`."""
    number, unit = duration_text(duration_nano).split(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def paris_text(time_unix_nano: int) -> str:
    """An instant in Europe/Paris, to the millisecond: `2026-11-23 20:32:01.123`."""
    return utc(time_unix_nano).astimezone(PARIS).isoformat(sep=" ", timespec="milliseconds")[:23]


def utc(time_unix_nano: int) -> datetime:
    """The instant, to the microsecond."""
    seconds, nanoseconds = divmod(time_unix_nano, _NANO)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


def _three_digits(number: float) -> str:
    decimals = 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:,.{decimals}f}"
