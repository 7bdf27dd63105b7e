"""Inventories and states of fleets, damaged or of somebody else's making: the documented error, or what they say."""

from pathlib import Path

from sis_edge.board import inventory, inventory_edit
from sis_edge.errors import RecordError, UsageError
from sis_edge.fleet import state
from sis_edge.fleet.report import write
from sis_edge.fleet.state import BoardState, FleetState

from .fuzz import fuzzed, obeyed, odd_bytes, odd_json, odd_lines

BOARDS = """\
# The lab.
[boards.kitchen]
host = "pi@pi5.local:22"
user = "pi"
port = 2222
identity = "~/.ssh/lab"
profile = "raspberry-pi-5"
groups = ["pi", "rack-1"]
notes = \"\"\"
two
lines\"\"\"

[boards."pi.2"]
host = "[fe80::1]:22"
known_hosts = "known"
"""

STATE = FleetState(
    name="fleet",
    request={"networks": None, "seed": 0, "length": "profile"},
    bundles={"a": "0" * 16, "b": "0" * 16},
    boards={
        "a": BoardState(progress="done", runs=("runs/a.json",), verdicts=("VALID",), job_id="j", duration_s=1.5),
        "b": BoardState(progress="failed", problem="lost", exit_code=6, job="it may go on"),
    },
).model_dump(mode="json")


def is_sentence(error: Exception) -> None:
    assert not obeyed(str(error))


def check_inventory(place: Path, data: bytes) -> None:
    path = place / "boards.toml"
    path.write_bytes(data)
    try:
        found = inventory.load(path)
        for sentence in inventory.problems(found):
            assert not obeyed(sentence)
        found.select(groups=list(found.groups), limit=list(found.boards) if found.groups and not found.boards else [])
        before = path.read_text(encoding="utf-8")
        inventory_edit.add(path, "new", {"host": "a", "notes": "a\n'\"\\"})
        assert {**inventory.load(path).boards, "new": None} == {**found.boards, "new": None}
        inventory_edit.remove(path, "new")
        assert path.read_text(encoding="utf-8").split() == before.split()
        for name in found.boards:
            inventory_edit.remove(path, name)
    except UsageError as error:
        is_sentence(error)


def check_state(place: Path, text: str) -> None:
    path = place / "fleet.json"
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        found = state.load(path)
        state.FleetFile(path, found).save()
        assert state.load(path) == found
        write("fleet", found.boards, place / "report")
    except (RecordError, UsageError) as error:
        is_sentence(error)


@fuzzed(one_in=20, data=odd_bytes(BOARDS.encode()))
def test_an_inventory_of_any_bytes(place: Path, data: bytes) -> None:
    check_inventory(place, data)


@fuzzed(one_in=20, data=odd_lines(BOARDS))
def test_an_inventory_of_odd_lines(place: Path, data: bytes) -> None:
    check_inventory(place, data)


@fuzzed(one_in=100, text=odd_json(STATE))
def test_the_state_of_a_fleet(place: Path, text: str) -> None:
    check_state(place, text)
