"""Profiles: the shipped ones load, and every mistake in one is a sentence."""

from pathlib import Path

import pytest

from sis_edge import profiles
from sis_edge.errors import UsageError

WHOLE = """
name = "mine"
title = "my board"
[board]
model = "any"
architecture = "aarch64"
cpu = "4 cores"
system = "Linux"
verified = false
[runtime]
threads = 4
"""


@pytest.mark.parametrize("name", profiles.names())
def test_a_shipped_profile(name: str) -> None:
    profile = profiles.load(name)
    assert profile.name == name
    text = profiles.find(name).read_text(encoding="utf-8")
    assert "#" in text, "shipped profiles are commented"
    assert (profile.measuring.rounds, profile.measuring.min_inferences, profile.measuring.min_time_s) == (30, 1000, 10)
    if not profile.board.verified:
        assert "verif" in text or "document" in text


def test_the_boards_of_the_paper_are_there() -> None:
    wanted = {"local", "jetson-nano", "jetson-orin-nano", "raspberry-pi-4", "raspberry-pi-5"}
    assert wanted <= set(profiles.names())
    assert {profiles.load(name).board.architecture for name in wanted - {"local"}} == {"aarch64"}


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE)
    profile = profiles.load(str(path))
    assert (profile.name, profile.runtime.threads, profile.agent.python) == ("mine", [4], "python3")
    assert profile.board.memory_bytes is None


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("", "known: aarch64, desktop-rtx, jetson-agx-orin"),
        ("nano", "known: aarch64, desktop-rtx, jetson-agx-orin"),
        ("jetson-nano ", "did you mean jetson-nano?"),
        ("LOCAL", "did you mean local?"),
        ("local.TOML", "did you mean local?"),
        ("../profiles/local", "a profile's file ends in .toml"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name: str, answer: str) -> None:
    with pytest.raises(UsageError) as raised:
        profiles.load(name)
    sentence = str(raised.value)
    assert sentence.startswith(f"unknown profile '{name}'; {answer}")
    assert sentence.endswith("`sis-edge profiles list` shows all")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"name = ", "is not TOML"),
        (b"\xff\xfe\x00", "is not TOML"),
        (b"", "does not fit: line 1, name: it is missing"),
        (
            WHOLE.replace("threads = 4", "threads = 0").encode(),
            "line 11, runtime.threads.0: it is 0, and must be greater than or equal to 1",
        ),
        (WHOLE.replace("threads = 4", "threads = []").encode(), "runtime.threads: list should have at least 1 item"),
        (
            WHOLE.replace("threads = 4", "threads = 4\nbatch_size = 1\nbatch_sizes = [8]").encode(),
            "known here: runners, threads, batch_sizes",
        ),
        (WHOLE.replace("threads = 4", "cores = 4").encode(), "line 11, runtime.cores: there is no such field"),
        (
            WHOLE.replace("aarch64", "arm").encode(),
            "line 6, board.architecture: it is \"arm\", and must be 'x86_64', 'aarch64' or 'any'",
        ),
        (WHOLE.encode() + b"[measuring]\ntime_limit_s = 0\n", "line 13, measuring.time_limit_s"),
        (WHOLE.encode() + b"[measuring]\nrounds = 'many'\n", "measuring.rounds"),
        (WHOLE.replace("threads = 4", "threads = 4\nrunners = 'abacus'").encode(), "line 12, runtime.runners.0: "),
        (WHOLE.replace("[board]", "[board]\nmemory_bytes = -1").encode(), "line 5, board.memory_bytes"),
    ],
)
def test_a_file_that_does_not_fit(tmp_path: Path, text: bytes, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text)
    with pytest.raises(UsageError) as raised:
        profiles.load(str(path))
    assert str(raised.value).startswith(f"the profile {path} ")
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("text", "threads", "sizes"),
    [
        ("threads = 4", [4], [1]),
        ("threads = 4\nbatch_size = 8", [4], [8]),
        ("threads = [1, 4]\nbatch_sizes = [1, 8]", [1, 4], [1, 8]),
    ],
)
def test_one_number_or_several(tmp_path: Path, text: str, threads: list[int], sizes: list[int]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE.replace("threads = 4", text))
    runtime = profiles.load(str(path)).runtime
    assert (runtime.threads, runtime.batch_sizes) == (threads, sizes)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name, reason in (("none.toml", "No such file"), ("folder.toml", "Is a directory")):
        with pytest.raises(
            UsageError, match=rf"{name} cannot be read \({reason}.*\); known: aarch64, desktop-rtx, jetson-agx-orin"
        ):
            profiles.load(str(tmp_path / name))


def test_one_run_time_of_a_profile_s() -> None:
    orin = profiles.load("jetson-orin-nano")
    assert profiles.with_backend(orin) == orin
    assert profiles.with_backend(orin, "trtexec").runtime.runners == ["trtexec"]
    with pytest.raises(UsageError, match="the profile raspberry-pi-5 has no runtime 'trtexec'; it has: onnxruntime"):
        profiles.with_backend(profiles.load("raspberry-pi-5"), "trtexec")
