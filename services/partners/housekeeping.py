"""What the register does by itself, again and again."""

from services.kit.periodic import Work, attempt


class Housekeeping:
    """What fails does not keep the rest from being done."""

    def __init__(self, **parts: Work) -> None:
        self._parts = parts

    async def run(self) -> None:
        """Does all of it once, each part in a span of its own."""
        for name, part in self._parts.items():
            await attempt(part, name)
