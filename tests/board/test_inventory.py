"""The user's inventory: what a mistake in it is answered with, which boards are chosen, what an edit leaves alone."""

from pathlib import Path

import pytest

from sis_edge import profiles
from sis_edge.board import inventory, inventory_edit
from sis_edge.errors import UsageError

TWO = """\
# The lab.
[boards.kitchen]
host = "pi5.local"  # by mDNS
user = "pi"
port = 2222
profile = "raspberry-pi-5"
groups = ["pi", "rack-1"]

# Bought in May.
[boards.attic]
host = "10.0.0.7"
groups = ["rack-1"]
identity = "keys/attic"
profile = "attic.toml"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lab" / "boards.toml"
    path.parent.mkdir()
    path.write_text(TWO)
    return path


def test_paths_are_those_from_the_file_s_folder(path: Path) -> None:
    found = inventory.load(path)
    attic = found.find("attic")
    assert (attic.identity, attic.profile) == (path.parent / "keys/attic", str(path.parent / "attic.toml"))
    assert found.find("kitchen").profile == "raspberry-pi-5"
    assert found.groups == {"pi": ["kitchen"], "rack-1": ["kitchen", "attic"]}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "port = 2222",
            "ports = 2222",
            "line 5, boards.kitchen.ports: there is no such field; known here: host, simul",
        ),
        ("port = 2222", "ports = 2222", "did you mean port?"),
        ("port = 2222", 'port = "ssh"', 'line 5, boards.kitchen.port: it is "ssh", and must be a whole number'),
        ("port = 2222", "port = 0", "boards.kitchen.port: it is 0, and must be greater than or equal to 1"),
        ('host = "10.0.0.7"\n', "", "line 10, boards.attic: a board has a host, or else names the board that it sim"),
        (
            'host = "10.0.0.7"\n',
            'simulated = "nano"\n',
            "boards.attic.simulated: unknown simulated board 'nano'; did you",
        ),
        ('host = "10.0.0.7"\n', 'simulated = "nano-sim"\n', "boards.attic: a simulated board has no identity: it is"),
        (
            'identity = "keys/attic"\n',
            'simulated = "nano-sim"\n',
            "boards.attic: a board has a host, or else names the",
        ),
        ('"10.0.0.7"', '"a b"', "line 11, boards.attic.host: 'a b' is not a host; use [user@]host[:port]"),
        ('"raspberry-pi-5"', '"raspbery-pi-5"', "unknown profile 'raspbery-pi-5'; did you mean raspberry-pi-5?"),
        ('"rack-1"]\nid', '"a,b"]\nid', "boards.attic.groups.0: 'a,b' cannot be the name of a group"),
        ("[boards.attic]", "[boards.kitchen]", "is not TOML: Cannot declare ('boards', 'kitchen') twice"),
        ("[boards.attic]", '[boards."../x"]', "boards.../x has no usable name: '../x' cannot be the name of a board"),
        ("[boards.attic]", "[board.attic]", "board: there is no such field; known here: boards; did you mean boards?"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_line_board_and_key(path: Path, old: str, new: str, sentence: str) -> None:
    assert TWO.count(old) == 1
    path.write_text(TWO.replace(old, new))
    with pytest.raises(UsageError) as caught:
        inventory.load(path)
    assert str(caught.value).startswith(f"the inventory {path} ")
    assert sentence in str(caught.value)


def test_the_first_file_that_is_there(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert inventory.load().boards == {}
    own = tmp_path / "config/sis-edge/boards.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[boards.own]\nhost = "a"\n')
    assert list(inventory.load().boards) == ["own"]
    (tmp_path / "boards.toml").write_text('[boards.here]\nhost = "a"\n')
    assert list(inventory.load().boards) == ["here"]
    assert list(inventory.load(path).boards) == ["kitchen", "attic"]
    with pytest.raises(UsageError, match=r"the inventory no\.toml cannot be read"):
        inventory.load(Path("no.toml"))


@pytest.mark.parametrize(
    ("groups", "limit", "names"),
    [
        ((), (), ["kitchen", "attic"]),
        (("pi",), (), ["kitchen"]),
        (("pi", "rack-1"), (), ["kitchen", "attic"]),
        (("rack-1",), ("a*",), ["attic"]),
        ((), ("attic", "kit*"), ["kitchen", "attic"]),
    ],
)
def test_boards_are_chosen_by_group_and_name(
    path: Path, groups: tuple[str, ...], limit: tuple[str, ...], names: list[str]
) -> None:
    assert list(inventory.load(path).select(groups, limit)) == names


@pytest.mark.parametrize(
    ("groups", "limit", "sentence"),
    [
        (("rack-2",), (), "unknown group 'rack-2'; did you mean rack-1?"),
        ((), ("kitchn",), "unknown board 'kitchn'; did you mean kitchen?"),
        (("pi",), ("attic",), "unknown board in these groups 'attic'; known: kitchen"),
    ],
)
def test_a_group_or_board_that_is_not_there(
    path: Path, groups: tuple[str, ...], limit: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        inventory.load(path).select(groups, limit)
    assert f"{path}: {sentence}" in str(caught.value)


def test_an_edit_leaves_all_other_lines_as_they_are(path: Path) -> None:
    inventory_edit.add(path, "pi.new", {"host": "a", "notes": 'a "b"\n', "groups": ["pi"], "port": None})
    added = path.read_text()
    assert added.startswith(TWO)
    assert inventory.load(path).find("pi.new").notes == 'a "b"\n'
    inventory_edit.remove(path, "kitchen")
    assert path.read_text() == added.replace(TWO[TWO.index("[boards.kitchen]") : TWO.index("\n# Bought")], "")
    inventory_edit.remove(path, "pi.new")
    inventory_edit.remove(path, "attic")
    assert path.read_text().split() == ["#", "The", "lab.", "#", "Bought", "in", "May."]


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("attic", {"host": "a"}, "has a board attic already"),
        ("new", {"host": "a b"}, "cannot take this board: boards.new.host: 'a b' is not a host"),
        ("a b", {"host": "a"}, "'a b' cannot be the name of a board"),
    ],
)
def test_what_cannot_be_added_changes_nothing(path: Path, name: str, settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        inventory_edit.add(path, name, settings)
    assert sentence in str(caught.value)
    assert path.read_text() == TWO


@pytest.mark.parametrize("text", ['boards = {a = {host = "a"}}\n', '[boards]\na.host = "b"\n[boards.b]\nhost = "a"\n'])
def test_a_board_without_a_table_of_its_own_is_not_removed(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(UsageError, match=r"does not have a in a table \[boards.a\] of its own; edit the file"):
        inventory_edit.remove(path, "a")
    assert path.read_text() == text


def test_problems_that_a_look_from_here_shows(path: Path) -> None:
    (path.parent / "attic.toml").write_text("name = 1\n")
    (found,) = inventory.problems(inventory.load(path))
    assert found.startswith(f"{path}: boards.attic: the profile {path.parent}/attic.toml does not fit: line 1, ")
    path.write_text(TWO.replace('profile = "attic.toml"\n', ""))
    (found,) = inventory.problems(inventory.load(path))
    assert found.startswith(f"{path}: boards.attic: key file {path.parent}/keys/attic not found")
    path.write_text(TWO.replace('profile = "attic.toml"\n', "").replace("keys/attic", "keys\u202e"))
    (found,) = inventory.problems(inventory.load(path))
    assert found.startswith(f"{path}: boards.attic: key file {path.parent}/keys\ufffd not found")
    path.write_text(TWO.partition("# Bought")[0])
    assert inventory.problems(inventory.load(path)) == []


def test_a_simulated_board_brings_its_profile(path: Path) -> None:
    path.write_text('[boards.a]\nsimulated = "nano-sim"\n[boards.b]\nsimulated = "nano-sim"\ngroups = ["rack-1"]\n')
    found = inventory.load(path)
    profile = profiles.load("jetson-nano")
    trees = {name: board.adapted(profile).agent.sysroot for name, board in found.boards.items()}
    assert [board.profile for board in found.boards.values()] == ["jetson-nano"] * 2
    assert trees["a"].endswith("simulated-boards/nano-sim/a/sysroot")
    assert trees["b"].endswith("simulated-boards/nano-sim/b/sysroot")
    assert [board.connect().name for board in found.boards.values()] == [
        f"simulated nano-sim as {each}" for each in "ab"
    ]
    assert inventory.problems(found) == []
    with pytest.raises(UsageError, match=r"--port is for SSH, and a is simulated \(nano-sim\); leave it out"):
        found.boards["a"].connect(port=22)
