import io
import re

import pytest
from results.factory import stored_run, tensorrt_run
from rich.console import Console

from report.conftest import RUNS, sections
from sis_edge.report.rows import joules
from sis_edge.report.terminal import table


def printed(run, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table(run))
    return console.file.getvalue()


@pytest.mark.parametrize("name", RUNS)
def test_the_table_fits_80_columns_uncut(name) -> None:
    text = printed(RUNS[name])
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    assert "…" not in text


def test_every_network_has_one_line() -> None:
    lines = printed(RUNS["plain"]).splitlines()
    for name in ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert any("9.20 ms" in line and "reference" in line for line in lines)
    assert any("n = 600 inferences of each network in 30 rounds, 450 test images." in line for line in lines)


def test_which_engine_to_use() -> None:
    text = " ".join(printed(tensorrt_run()).split())
    assert text.count("cifar10-sis1 fp16: use the engine with sparse kernels: TensorRT took sparse kernels for 2") == 1


def test_what_went_wrong_is_said_once() -> None:
    text = " ".join(printed(RUNS["broken"]).split())
    assert text.count("opset 13") == 1
    assert text.count("its logits differ") == 1
    assert "[no interval]" in text
    assert "no interval: insufficient (5 rounds" in text


def test_marks_and_markup() -> None:
    assert "(SIMULATED)" in printed(RUNS["simulated"])
    assert "[bold]x" in printed(stored_run(board="x", names=("nin",), facts_before=_named("[bold]x")))


def _named(model: str):
    from results.factory import facts

    return facts(model=model)


@pytest.mark.parametrize(
    ("name", "level"), [("busy", "SUSPECT"), ("throttled", "INVALID"), ("board", "VALID as far as seen")]
)
def test_the_verdict_stands_above_the_numbers(name, level) -> None:
    lines = printed(RUNS[name]).splitlines()
    assert lines[0].startswith(f"{level}: ")
    assert level == "VALID" or any(line.startswith("  - ") for line in lines[1:3])
    text = "\n".join(lines)
    assert text.index("Net of idle" if name != "busy" else "[95% interval]") > text.index(level)


def test_the_numbers_of_an_invalid_run_are_dim_and_marked() -> None:
    shown = io.StringIO()
    Console(width=80, file=shown, color_system="standard", force_terminal=True).print(table(RUNS["throttled"]))
    verdict, *rest = shown.getvalue().splitlines()
    assert "\x1b[1;31mINVALID" in verdict
    numbers = [line for line in rest if "ms" in line and "×" in line]
    assert numbers
    assert all("\x1b[2m" in line for line in numbers)
    assert "(SIMULATED, INVALID)" in printed(RUNS["throttled"])
    assert "INVALID" not in printed(RUNS["board"]).replace("VALID: no", "")


@pytest.mark.parametrize("width", [56, 60, 80])
def test_no_interval_is_broken(width) -> None:
    lines = [line for name in ("plain", "board") for line in printed(RUNS[name], width).splitlines()]
    opened = [line for line in lines if re.search(r"(×|J) \[", line)]
    assert len(opened) > 6
    assert all(re.search(r"(×|J) \[[^]]*, [^]]*\]", line) for line in opened)


def test_the_bracket_of_a_heading_has_a_line_of_its_own() -> None:
    lines = printed(RUNS["plain"]).splitlines()
    heading = next(number for number, line in enumerate(lines) if line.strip() == "Speed-up")
    assert re.search(r"Network .*\[95% interval\]", lines[heading + 1])


def test_energy_has_its_scope_interval_and_mark() -> None:
    text = printed(RUNS["board"])
    assert "Energy per inference, scope: module (SIMULATED)" in text
    assert "VALID as far as seen: no problem found, but this board does not report" in text
    energy = next(row.energy for row in sections("board").rows if row.identity.is_reference)
    low, high = energy.net_interval_j.value.low, energy.net_interval_j.value.high
    assert f"{joules(energy.net_j.value)} [{joules(low)}, {joules(high)}]" in text


def test_an_emulated_run_claims_nothing() -> None:
    text = " ".join(printed(RUNS["emulated"]).split())
    assert "NO VERDICT" in text
    assert "× [" not in text
