"""What the clients of a run did and saw, and what the journal tells of it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What a client did."""

    RECORD = "record"
    WITHDRAW = "withdraw"
    CONSULT = "consult"


class Answer(StrEnum):
    """How a call ended. One that was cut may have taken effect, or may still, or never will."""

    OK = "ok"
    REFUSED = "refused"
    CUT = "cut"


class Shown(StrEnum):
    """What an answer showed of a dossier."""

    NOTHING = "nothing"
    OWN = "the family's own"
    FOREIGN = "another family's"


AVAILABLE, OPPOSED = "AVAILABLE", "OPPOSED"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. People and partners are numbers; `start` and `end` are seconds of one monotonic clock.

    Args:
        number: its own; a consultation's case reference is made of it.
        person: whose opposition, or by whose NIR.
        partner: the scope of an opposition (None: the whole caisse), or who consults.
        reason: why it was refused or cut.
        outcome: of a consultation that was answered, as are the next three.
        line_seen: whether a reading of the journal that began after the answer found its line; None: nobody looked.
    """

    number: int
    client: int
    kind: Kind
    person: int
    partner: int | None
    start: float
    end: float
    answer: Answer
    reason: str = ""
    outcome: str = ""
    shown: Shown = Shown.NOTHING
    consultation_id: str = ""
    line_seen: bool | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the journal.

    Args:
        operation: the number in its case reference; None where there is none.
        partner: None where it is none of this run.
        readings: which readings of the whole journal found it, by their positions in the history.
    """

    consultation_id: str
    operation: int | None
    person: int
    partner: int | None
    outcome: str
    readings: Sequence[int]


@dataclass(frozen=True)
class History:
    """A run.

    Args:
        families: the people who share a dossier; the opposition of one holds for all of them (annexe 1).
        settle_seconds: so long after its end a call that was cut may still take effect.
        readings: when each reading of the whole journal began; the last one after all operations.
    """

    families: Sequence[Sequence[int]]
    settle_seconds: float
    operations: Sequence[Operation]
    lines: Sequence[Line] = ()
    readings: Sequence[float] = ()

    def write(self, path: Path) -> None:
        """Writes all of it, a line of JSON for each part."""
        with path.open("w", encoding="utf-8") as file:
            for name, value in self._rows():
                file.write(json.dumps([name, value], ensure_ascii=False) + "\n")

    def _rows(self) -> Iterator[tuple[str, Any]]:
        yield "run", [self.families, self.settle_seconds, self.readings]
        for operation in self.operations:
            yield "operation", [getattr(operation, name) for name in _OPERATION]
        for line in self.lines:
            yield "line", [getattr(line, name) for name in _LINE]

    @classmethod
    def read(cls, path: Path) -> "History":
        """What `write` wrote. Raises OSError, or ValueError where it is something else."""
        rows: dict[str, list[Any]] = {"run": [], "operation": [], "line": []}
        with path.open(encoding="utf-8") as file:
            for name, value in map(json.loads, file):
                rows.setdefault(name, []).append(value)
        if len(rows) > 3 or len(rows["run"]) != 1:
            raise ValueError(f"{path} holds no history of a run")
        families, settle_seconds, readings = rows["run"][0]
        operations = [_operation(values) for values in rows["operation"]]
        return cls(families, settle_seconds, operations, [Line(*values) for values in rows["line"]], readings)


_OPERATION = [field.name for field in fields(Operation)]
_LINE = [field.name for field in fields(Line)]


def _operation(values: Sequence[Any]) -> Operation:
    row = dict(zip(_OPERATION, values, strict=True))
    row |= {"kind": Kind(row["kind"]), "answer": Answer(row["answer"]), "shown": Shown(row["shown"])}
    return Operation(**row)
