"""What a user asks for, as a job has it: windows, limits, and what is refused."""

from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import Facts, RestRequest, SustainedRequest
from sis_edge.board.duration import expected_s
from sis_edge.board.jobs import MeasuringOptions, job_for
from sis_edge.board.sustained import (
    SustainedOptions,
    check_temperature,
    rest_request,
    sustained_request,
)
from sis_edge.errors import BoardError, UsageError


@pytest.mark.parametrize(
    ("time_s", "window_s"),
    [(5.0, 1.0), (60.0, 1.0), (120.0, 2.0), (600.0, 10.0), (1800.0, 10.0), (3600.0, 10.0), (86400.0, 240.0)],
)
def test_no_more_than_360_windows_of_10_seconds_or_more(time_s: float, window_s: float) -> None:
    assert sustained_request(SustainedOptions(time_s)) == SustainedRequest(time_s, window_s)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (SustainedOptions(rate_hz=30.0), "say with --sustain for how long"),
        (SustainedOptions(60.0, rate_hz=0.0), "--rate is 0, and must be above 0"),
        (SustainedOptions(60.0, rate_hz=float("nan")), "--rate is nan"),
        (SustainedOptions(4.0), "--sustain is 4 s, and must be from 5 s to 24 h"),
        (SustainedOptions(90000.0), "--sustain is 90000 s"),
    ],
)
def test_what_cannot_be_worked(options: SustainedOptions, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        sustained_request(options)


@pytest.mark.parametrize("celsius", [0.0, 151.0, float("nan"), float("inf")])
def test_a_temperature_that_cannot_be_reached(celsius: float) -> None:
    with pytest.raises(UsageError, match=r"--cool-to is .*, and must be a temperature from 1 to 150 °C"):
        rest_request(SustainedOptions(cool_to_c=celsius))


def test_rests_without_sustained_work() -> None:
    assert rest_request(SustainedOptions()) is None
    assert rest_request(SustainedOptions(rest_s=60.0)) == RestRequest(60.0)
    assert rest_request(SustainedOptions(cool_to_c=45.0)) == RestRequest(0.0, 45.0)


def test_a_job_has_the_time_for_all_of_it_and_says_how_long_it_takes(tmp_path: Path) -> None:
    bundle, profile = tiny_bundle(tmp_path / "bundle"), tiny_profile()
    plain = job_for(bundle, profile)
    options = MeasuringOptions(sustained=SustainedOptions(600.0, 30.0, 45.0, 60.0))
    job = job_for(bundle, profile, options=options)
    assert (job.sustained, job.rest) == (SustainedRequest(600.0, 10.0, 30.0), RestRequest(60.0, 45.0))
    assert (plain.sustained, plain.rest) == (None, None)
    # Before the rounds and before each of two networks: 60 s and 15 min of waiting at most; 10 min of work each.
    longest_s = 3 * (60 + 900) + 2 * (600 + 60)
    assert job.time_limit_s == plain.time_limit_s + longest_s
    assert expected_s(job, Facts()) == pytest.approx(expected_s(plain, Facts()) + 3 * 60 + 2 * 600)


@pytest.mark.parametrize("temperatures", [{}, {"cpu": None}, {"PMIC-Die": 100.0}, {"cpu": -273.0}])
def test_a_board_that_reports_no_temperature_cannot_be_waited_for(temperatures: dict[str, float | None]) -> None:
    facts = Facts(temperatures_c=temperatures)
    with pytest.raises(BoardError, match=r"bench reports no temperature; leave it out, .* with --rest 60s"):
        check_temperature(SustainedOptions(cool_to_c=45.0), facts, "bench")
    check_temperature(SustainedOptions(rest_s=60.0), facts, "bench")
    check_temperature(SustainedOptions(cool_to_c=45.0), Facts(temperatures_c={"cpu": 50.0}), "bench")
