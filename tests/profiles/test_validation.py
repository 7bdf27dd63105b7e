"""The line of a field in a TOML file, and profiles whose places do not agree."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sis_edge import profiles
from sis_edge.errors import UsageError
from sis_edge.files.toml_lines import line_of, places


def every_place(content: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(content, dict):
        found = [(*place, name) for name in content]
        return found + [deep for name, value in content.items() for deep in every_place(value, (*place, name))]
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return [deep for at, value in enumerate(content) for deep in every_place(value, (*place, at))]
    return []


@pytest.mark.parametrize("name", profiles.names())
def test_every_key_of_a_shipped_profile_is_found_in_its_line(name: str) -> None:
    text = profiles.find(name).read_text(encoding="utf-8")
    lines = text.splitlines()
    for place in every_place(tomllib.loads(text)):
        line = lines[line_of(text, place) - 1]
        assert line.startswith((f"{place[-1]} =", f"[{place[-1]}]", f"[[{place[-1]}]]")), (place, line)


TRICKY = '''\
# [not.a.table]
name = "a # b = [c"   # x = 1
numbers = [
  1,  # [
  2,
]
text = """
[fake]
key = 1
"""
a.b = 3
[one."two three"]
key = { inner = 1, more = [ 2 ] }
[[many]]
id = 1
[[many]]

id = 2
[last]
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("name",), 2),
        (("numbers", 1), 3),
        (("text",), 7),
        (("a", "b"), 11),
        (("one", "two three", "key", "inner"), 13),
        (("many", 0, "id"), 15),
        (("many", 1, "id"), 18),
        (("many", 1, "missing"), 16),
        (("last", "missing"), 19),
        (("missing",), 1),
        ((), 1),
    ],
)
def test_the_line_of_a_place(place: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TRICKY)
    assert line_of(TRICKY, place) == line


def test_what_only_looks_like_a_table_is_none() -> None:
    assert not [place for place in places(TRICKY) if place[:1] in (("not",), ("fake",), ("key",), ("x",))]


ORIN = profiles.find("jetson-orin-nano-super").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "field", "sentence"),
    [
        ("fp16 = true", "fp16 = false", "precisions =", "tensorrt.precisions has fp16, and gpu.fp16 says"),
        ("int8 = true", "int8 = false", "precisions =", "tensorrt.precisions has int8, and gpu.int8 says"),
        ('total_rails = ["VDD_IN"]', 'total_rails = ["VDD"]', "total_rails", "power: total_rails has VDD, which is"),
        ("id = 2", "id = 1", "[[power_modes]]", "power_modes has an id or a name twice"),
        ('power_mode = "25W"', 'power_mode = "26W"', "power_mode =", "measuring.power_mode is 26W, which is none of"),
        ('python = "3.12"', 'python = "3.10"', "[[wheels]]", "wheels has a Python twice"),
        ('"gpu.fp16"', '"gpu.fp17"', "unverified", "unverified names gpu.fp17, and there is no such place"),
        ('conv = "nm"', 'conv = "mn"', "conv =", "networks.conv: unknown granularity 'mn'; known: kernel, neuron"),
        ('"numpy==1.26.4"]  #', '"numpy>=1.26.4"]  #', "packages =", ".packages.1: it is \"numpy>=1.26.4\", and must"),
        ("is_default = true", "is_default = 7", "is_default", "is_default: it is 7, and must be true or false"),
        ('capability = "8.7"', 'capability = "87"', "compute_", "it is \"87\", and must look like \"8.7\""),
        ("[gpu]", "[gpux]", "[gpux]", "gpux: there is no such field; known here: name, title"),
        ("cpu_count = 6", "cpu_counts = 6", "cpu_counts", "board.cpu_counts: there is no such field; known"),
        ("id = 2", "ids = 2", "[[power_modes]]", "power_modes.2.id: it is missing"),
        ('sources = ["ina3221"', 'sources = ["ina322"', "sources", "power source 'ina322'; did you mean ina3221"),
        ('jetpack = ["6.2", ', 'jetpack = [6, ', "jetpack", "board.jetpack.0: it is 6, and must be a text"),
    ],
)  # fmt: skip
def test_a_broken_profile_tells_its_line(tmp_path: Path, old: str, new: str, field: str, sentence: str) -> None:
    assert old in ORIN
    text = ORIN.replace(old, new, 1)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        profiles.load(str(path))
    said = str(raised.value)
    assert sentence in said
    lines = text.splitlines()
    numbers = [int(part.split(",")[0]) for part in said.split("line ")[1:]]
    assert any(lines[number - 1].startswith(field) for number in numbers), (said, field)


def test_a_run_time_on_the_gpu_needs_a_gpu(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = profiles.find("raspberry-pi-5").read_text(encoding="utf-8")
    path.write_text(text.replace('runners = ["onnxruntime"]', 'runners = ["onnxruntime", "tensorrt"]'))
    with pytest.raises(UsageError, match=r"runtime.runners has tensorrt, so the tables \[gpu\] and \[tensorrt\]"):
        profiles.load(str(path))


def test_half_precision_on_the_processor_is_for_aarch64_only() -> None:
    content = profiles.load("x86-64").model_dump()
    settings = {**content["onnxruntime"], "precisions": ["fp32", "fp16"], "sparse": True}
    with pytest.raises(ValueError, match=r"onnxruntime.precisions has fp16, whose kernels are for aarch64, not x86_64"):
        profiles.validate({**content, "onnxruntime": settings})
