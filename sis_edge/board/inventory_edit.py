"""Adding a board to an inventory's file and taking one out: its other lines, comments too, stay as they are."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sis_edge.board.inventory import InventoryFile, load
from sis_edge.errors import UsageError, unknown
from sis_edge.files.atomic import write_text
from sis_edge.files.names import checked
from sis_edge.files.validation import load_toml, sentences

HEAD = "# The boards of `sis-edge --host NAME`: see `sis-edge boards --help`.\n"
_HEADER = re.compile(r"\s*\[")


def add(path: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Write a board to the end of the file, which is made where there is none; settings of None or [] are left out.

    Raises UsageError for a name that the file has already, and for settings that are not valid.
    """
    from pydantic import ValidationError

    checked("board", name)
    text = HEAD
    if path.exists():
        if name in load(path).boards:
            raise UsageError(f"{path} has a board {name} already; `sis-edge boards remove {name}` takes it out")
        text = path.read_text(encoding="utf-8")
    given = {key: value for key, value in settings.items() if value not in (None, [], ())}
    lines = [f"[boards.{_key(name)}]", *(f"{key} = {_value(value)}" for key, value in given.items())]
    text = f"{text.rstrip()}\n\n" if text.strip() else ""
    added = "\n".join(lines) + "\n"
    try:
        InventoryFile.model_validate(tomllib.loads(text + added))
    except ValidationError as error:
        wrong = "; ".join(sentence.partition(", ")[2] for sentence in sentences(text + added, error, InventoryFile))
        raise UsageError(f"{path} cannot take this board: {wrong}") from None
    write_text(path, text + added)


def remove(path: Path, name: str) -> None:
    """Take a board's table out of the file; raises UsageError where it is not a table of its own there."""
    file, text = load_toml(path, "inventory", InventoryFile)
    if name not in file.boards:
        raise UsageError(f"{path}: {unknown('board', name, file.boards, 'sis-edge boards list')}")
    left = _without(text, name)
    wanted = {other: board for other, board in file.boards.items() if other != name}
    try:
        found = InventoryFile.model_validate(tomllib.loads(left)).boards
    except ValueError:
        found = None
    if found != wanted:
        raise UsageError(f"{path} does not have {name} in a table [boards.{_key(name)}] of its own; edit the file")
    write_text(path, left)


def _without(text: str, name: str) -> str:
    """The text without the lines from the board's header to the next one; comments right above that one stay."""
    header = re.compile(rf"\s*\[\s*boards\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*\]\s*(#.*)?$")
    kept: list[str] = []
    held: list[str] = []
    is_out = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            kept += held if is_out else []
            held, is_out = [], header.match(line.rstrip("\n")) is not None
        if not is_out:
            kept.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            held = []
        else:
            held.append(line)
    return "".join(kept + held)


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    """A text, a number or a list of texts as TOML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
