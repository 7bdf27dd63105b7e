"""Which profile a board fits, from its facts; every simulated board is found by its own."""

import sys
from pathlib import Path

import pytest
from agent.board import Board
from hypothesis import given
from hypothesis import strategies as st

from sis_agent.schema import Facts
from sis_edge import profiles, simulated
from sis_edge.profiles.detect import Detection, detect, differences, fits
from sis_edge.profiles.jetpack import JETPACKS, difference, jetpack_of
from sis_edge.simulated.tree import write_constant_files

ALL = [profiles.load(name) for name in profiles.names()]
ORIN = "NVIDIA Jetson Orin Nano Developer Kit"


def of(model: str | None, **fields: object) -> Detection:
    return detect(Facts(machine="aarch64", model=model)._replace(**fields), ALL)


@pytest.mark.parametrize(
    ("model", "gigabytes", "name"),
    [
        ("NVIDIA Jetson Nano Developer Kit", 4.16, "jetson-nano"),
        ("NVIDIA Jetson Nano 2GB Developer Kit", 2.05, "jetson-nano-2gb"),
        ("quill", 8.2, "jetson-tx2"),
        ("NVIDIA Jetson Xavier NX Developer Kit", 7.9, "jetson-xavier-nx"),
        ("Jetson-AGX", 32.7, "jetson-agx-xavier"),
        (ORIN, 7.99, "jetson-orin-nano"),
        (ORIN, 3.9, "jetson-orin-nano-4gb"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", 7.99, "jetson-orin-nano-super"),
        ("NVIDIA Orin Nano Developer Kit", 7.99, "jetson-orin-nano"),  # as JetPack 5 says it
        ("NVIDIA Orin NX Developer Kit", 16.4, "jetson-orin-nx"),
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", 16.4, "jetson-orin-nx"),
        ("NVIDIA Jetson AGX Orin Developer Kit", 65.9, "jetson-agx-orin"),
        ("NVIDIA Jetson AGX Thor Developer Kit", 131.9, "jetson-thor"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", 0.95, "raspberry-pi-3"),
        ("Raspberry Pi 4 Model B Rev 1.4", 3.9, "raspberry-pi-4"),
        ("Raspberry Pi 5 Model B Rev 1.0", 8.3, "raspberry-pi-5"),
        ("Radxa ROCK 5B", 8.3, "aarch64"),
        (None, 8.3, "aarch64"),
    ],
)
def test_a_board_s_name_and_memory(model: str | None, gigabytes: float, name: str) -> None:
    found = of(model, memory_total_bytes=int(gigabytes * 1e9))
    assert found.profile.name == name
    assert not [sentence for sentence in found.differences if sentence.startswith(("model", "memory"))]


def test_super_modes_tell_two_profiles_of_one_board_apart() -> None:
    for mode, name in (("25W", "-super"), ("MAXN_SUPER", "-super"), ("15W", ""), (None, "")):
        found = of(ORIN, memory_total_bytes=7_990_000_000, l4t="36.4.3", power_mode=mode)
        assert found.profile.name == f"jetson-orin-nano{name}"


@pytest.mark.parametrize(
    ("machine", "name"), [("x86_64", "x86-64"), ("AMD64", "x86-64"), ("arm64", "aarch64"), ("riscv64", "local")]
)
def test_a_machine_that_no_profile_names(machine: str, name: str) -> None:
    found = detect(Facts(machine=machine, model="X570 AORUS"), ALL)
    assert found.profile.name == name


def test_a_desktop_with_a_gpu() -> None:
    for runners, name in (
        ({"tensorrt_rtx": "available"}, "desktop-rtx"),
        ({"tensorrt_rtx": "not installed", "tensorrt": "available"}, "desktop-rtx"),
        ({"tensorrt_rtx": "no CUDA device can be used", "onnxruntime": "available"}, "x86-64"),
    ):
        found = detect(Facts(machine="x86_64", model="X570 AORUS", runners=runners), ALL)
        assert (found.profile.name, "GPU for TensorRT" in found.reason) == (name, name == "desktop-rtx")


def test_a_jetson_on_a_carrier_board_that_hides_it() -> None:
    found = of("reComputer J4012", l4t="35.4.1")
    assert found.profile.name == "aarch64"
    (sentence,) = [text for text in found.differences if text.startswith("kind: a Jetson (L4T 35.4.1)")]
    names = sentence.rpartition(": ")[2].split(", ")
    assert {"jetson-xavier-nx", "jetson-orin-nano", "jetson-orin-nx", "jetson-agx-orin"} <= set(names)
    assert not {"jetson-nano", "jetson-thor", "raspberry-pi-5"} & set(names)
    assert not [text for text in of(ORIN, l4t="35.4.1").differences if text.startswith("kind")]


@pytest.mark.parametrize("name", simulated.names())
def test_the_simulated_boards(tmp_path: Path, name: str) -> None:
    definition = simulated.load(name)
    write_constant_files(definition, tmp_path / "board")
    answer = Board(tmp_path / "root", sys.executable).call("--sysroot", str(tmp_path / "board"), "facts").answer
    found = detect(Facts(**answer)._replace(machine=definition.machine), ALL)
    expected = {
        "x86-sim": "x86-64",
        "orin-nano-sim": "jetson-orin-nano-super",
        "orin-nano-hot-sim": "jetson-orin-nano-super",
    }.get(name, definition.profile)
    assert found.profile.name == expected
    assert not [text for text in found.differences if text.startswith(("model", "memory", "architecture", "JetPack"))]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"memory_total_bytes": 3_900_000_000}, "memory: 3.9 GB usable, the profile says 8.0 GB"),
        ({"cpu_count": 4}, "processor: 4 cores may be used, the profile says 6"),
        ({"l4t": "32.7.4"}, "JetPack: 4.6.4 (L4T 32.7.4), the profile is for 5.1 to 7.2"),
        ({"l4t": "39.3.0"}, "JetPack: L4T 39.3.0 is newer than every JetPack that sis-edge knows"),
        ({"l4t": "28.2.1"}, "JetPack: L4T 28.2.1 is older than every JetPack that sis-edge knows"),
        ({"cpu_quota_cores": 1.5, "cpu_count": 6}, "processor: a control group grants the time of 1.5 cores"),
        ({"python": "3.9.2"}, "Python: 3.9.2, the profile pins wheels for 3.8, 3.10, 3.12"),
        (
            {"model": "NVIDIA Jetson Nano Developer Kit"},
            f"model: NVIDIA Jetson Nano Developer Kit, the profile is for {ORIN}",
        ),
        ({"machine": "x86_64"}, "architecture: x86_64, the profile is for aarch64"),
        ({"temperatures_c": {"cpu-thermal": 40.0}}, "thermal zones: there is no gpu-thermal, cv0-thermal"),
        ({"power_sources": {"hwmon": "1 rail"}}, "power: none of ina3221, tegrastats; it has hwmon"),
        ({"runners": {"tensorrt": "CUDA finds no device"}}, "tensorrt: CUDA finds no device"),
    ],
)
def test_where_a_board_differs(fields: dict[str, object], sentence: str) -> None:
    profile = profiles.load("jetson-orin-nano")
    runners = dict.fromkeys(profile.runtime.runners, "available")
    board = Facts(machine="aarch64", model=ORIN, runners=dict(runners))
    assert differences(board, profile) == [], "what a board does not tell is no difference"
    board = board._replace(**{**fields, "runners": {**runners, **fields.get("runners", {})}})  # type: ignore[dict-item]
    (found,) = differences(board, profile)
    assert found.startswith(sentence)


def test_the_power_mode() -> None:
    profile = profiles.load("jetson-nano")
    runners = dict.fromkeys(profile.runtime.runners, "available")
    board = Facts(machine="aarch64", model=profile.board.model, runners=runners)
    assert differences(board._replace(power_mode="MAXN"), profile) == []
    assert differences(board._replace(power_mode="5W"), profile) == ["power mode: 5W, measurings expect MAXN"]
    assert differences(board._replace(power_mode="9W"), profile) == ["power mode: 9W, the profile knows MAXN, 5W"]


@pytest.mark.parametrize(
    ("l4t", "jetpack"),
    [
        ("32.2", "4.2.1"), ("32.3.1", "4.3"), ("32.4.4", "4.4.1"), ("32.5.1", "4.5.1"), ("32.6.1", "4.6"),
        ("32.7.6", "4.6.6"), ("32.7.9", "4.6.6"), ("34.1.1", "5.0.1 DP"), ("35.1.0", "5.0.2"), ("35.4.1", "5.1.2"),
        ("36.3", "6.0"), ("36.4", "6.1"), ("36.4.3", "6.2"), ("36.4.7", "6.2.1"), ("36.5.0", "6.2.2"), ("38.2", "7.0"),
        ("38.4.0", "7.1"), ("39.2.0", "7.2"), ("39.2.1", "7.2.1"),
        ("24.1", None), ("32.4", None), ("39.0.0", None), ("39.3", None), ("99.1", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_the_jetpack_of_a_release(l4t: str | None, jetpack: str | None) -> None:
    assert jetpack_of(l4t) == jetpack


def test_every_release_that_is_not_the_profile_s_gets_its_sentence() -> None:
    """Whatever the release: it is in the profile's range, or there is one sentence that names it."""
    releases = [first for first, _ in JETPACKS] + ["24.1", "32.4.0", "36.9", "38.3", "39.0.0", "39.3.1", "41.2"]
    for profile in (each for each in ALL if each.board.jetpack):
        for l4t in releases:
            sentences = [text for text in differences(Facts(l4t=l4t), profile) if text.startswith("JetPack")]
            in_range = difference(l4t, profile.board.jetpack) is None
            assert len(sentences) == (0 if in_range else 1)
            assert in_range <= (jetpack_of(l4t) is not None), "an unknown release is in no range"
            assert all(f"L4T {l4t}" in text for text in sentences)


@pytest.mark.parametrize(
    ("model", "l4t", "name", "sentence"),
    [
        (
            "NVIDIA Jetson Nano Developer Kit",
            "32.4.4",
            "jetson-nano",
            "JetPack: 4.4.1 (L4T 32.4.4), the profile is for",
        ),
        (
            "NVIDIA Jetson Nano Developer Kit",
            "32.5.1",
            "jetson-nano",
            "JetPack: 4.5.1 (L4T 32.5.1), the profile is for",
        ),
        ("NVIDIA Jetson AGX Orin Developer Kit", "34.1.1", "jetson-agx-orin", "JetPack: 5.0.1 DP (L4T 34.1.1)"),
        ("NVIDIA Jetson AGX Thor Developer Kit", "39.0.0", "jetson-thor", "JetPack: L4T 39.0.0 is of none that"),
        ("NVIDIA Jetson AGX Thor Developer Kit", "40.1", "jetson-thor", "JetPack: L4T 40.1 is newer than every"),
        ("jetson-nano", "32.2", "jetson-nano", "JetPack: 4.2.1 (L4T 32.2), the profile is for 4.6 to 4.6.6"),
        ("jetson-xavier", "32.1", "jetson-agx-xavier", "JetPack: 4.2 (L4T 32.1)"),
        ("Jetson-AGX", "32.7.4", "jetson-agx-xavier", ""),
        (
            "Raspberry Pi Compute Module 4 Rev 1.1",
            None,
            "raspberry-pi-4",
            "model: Raspberry Pi Compute Module 4 Rev 1.1",
        ),
        (
            "Raspberry Pi Compute Module 5 Rev 1.0",
            None,
            "raspberry-pi-5",
            "model: Raspberry Pi Compute Module 5 Rev 1.0",
        ),
        ("Raspberry Pi Zero 2 W Rev 1.0", None, "aarch64", "kind: Raspberry Pi Zero 2 W Rev 1.0, which no profile"),
        ("NVIDIA Jetson TX1 Developer Kit", "32.7.4", "aarch64", "kind: a Jetson (L4T 32.7.4)"),
        (None, "36.4.3", "aarch64", "kind: a Jetson (L4T 36.4.3) that its model does not tell; name its module's with"),
    ],
)
def test_boards_that_are_none_of_the_profiles(model: str | None, l4t: str | None, name: str, sentence: str) -> None:
    found = of(model, l4t=l4t)
    assert found.profile.name == name
    assert fits(Facts(machine="aarch64", model=model), found.profile)
    assert not sentence or [text for text in found.differences if text.startswith(sentence)], found.differences


def test_a_container_hides_the_board() -> None:
    (sentence,) = [text for text in of(None, container="docker").differences if text.startswith("kind")]
    assert sentence == "kind: hidden by its container (docker); name the board's profile with --profile"
    (sentence,) = [text for text in of(None, kernel="5.15.148-tegra").differences if text.startswith("kind")]
    assert sentence.startswith("kind: a Jetson (L4T unknown)")
    assert "jetson-nano" in sentence
    assert not [text for text in of("KVM Virtual Machine", virtual="kvm").differences if text.startswith("kind")]
    pc = detect(Facts(machine="x86_64", model="X570 AORUS"), ALL)
    assert not [text for text in pc.differences if text.startswith("kind")], "there are too many PCs to name"


@given(
    st.sampled_from(["aarch64", "x86_64", "armv7l", None]),
    st.none() | st.text(max_size=40),
    st.none() | st.integers(0, 2**40),
    st.none() | st.from_regex(r"\d{1,3}(\.\d{1,3}){0,3}", fullmatch=True),
)
def test_any_board_gets_a_profile(machine: str | None, model: str | None, size: int | None, l4t: str | None) -> None:
    found = detect(Facts(machine=machine, model=model, memory_total_bytes=size, l4t=l4t), ALL)
    assert found.profile in ALL
    assert found.reason
