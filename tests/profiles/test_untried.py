"""What never ran on hardware is said where people read it."""

import pytest
from report.conftest import RUNS
from results.factory import stored_run, tensorrt_run

from sis_edge import profiles
from sis_edge.profiles.untried import untried
from sis_edge.report.sections.findings import notes
from sis_edge.results.comparison import compare
from sis_edge.results.schema import StoredRun


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_that_is_not_verified_says_so(name: str) -> None:
    profile = profiles.load(name)
    said = " ".join(untried(profile))
    assert (f"the profile {name} is written from documentation" in said) is not profile.board.verified
    on_gpu = profile.runtime.runners[0] in ("tensorrt", "trtexec", "tensorrt_rtx")
    assert ("has not yet used TensorRT" in said) is on_gpu
    assert untried(profile, "onnxruntime") == untried(profile)[: int(not profile.board.verified)]


def said_of(run: StoredRun) -> str:
    return " ".join(notes(run, compare(run)))


def test_a_report_says_so() -> None:
    run = stored_run(profile="raspberry-pi-5").model_copy(update={"profile_verified": False})
    sentence = "Not tried on hardware: the profile raspberry-pi-5 is written from documentation: "
    assert sentence in said_of(run)
    assert "written from documentation" not in said_of(run.model_copy(update={"profile_verified": True}))
    assert "written from documentation" not in said_of(stored_run())  # of an older run it is not known
    assert "Not tried on hardware: sis-edge has not yet used TensorRT on a GPU: it is tested with stand-ins" in said_of(
        tensorrt_run()
    )


@pytest.mark.parametrize("name", ["simulated", "emulated"])
def test_what_ran_on_no_board_says_that_instead(name: str) -> None:
    assert f"This run is {name}: " in said_of(RUNS[name])
    assert "not yet" not in said_of(RUNS[name].model_copy(update={"profile_verified": False}))
