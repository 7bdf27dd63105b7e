"""A fault of one line, written down as data: which file, what stands there, what the fault puts there instead."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTS = Path(__file__).parent / "lists"


class StaleMutantError(Exception):
    """A mutant's old text does not stand exactly once in its file."""


@dataclass(frozen=True)
class Mutant:
    """`tests`, files or pytest's node ids, of which at least one fails once `new` replaces `old` in `file`."""

    fault: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def source(self, tree: Path) -> str:
        """The text of the file with the fault in it; raises StaleMutantError."""
        text = (tree / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise StaleMutantError(f"{self.file} has {self.old!r} {count} times; write the mutant '{self.fault}' again")
        return text.replace(self.old, self.new)


def read(path: Path) -> list[Mutant]:
    """The mutants of one list."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**row | {"tests": tuple(row["tests"])}) for row in rows]


def read_all(folder: Path = LISTS) -> list[Mutant]:
    """The mutants of every list, in the order of their names."""
    return [mutant for path in sorted(folder.glob("*.toml")) for mutant in read(path)]
