"""What -v shows of the library's log, and how long -q and -v hold."""

import logging
from collections.abc import Iterator

import pytest

from sis_edge.cli import run, verbosity


@pytest.fixture
def verbose() -> Iterator[None]:
    verbosity.choose(quiet=False, verbose=True)
    yield
    verbosity.reset()


@pytest.mark.usefixtures("verbose")
def test_a_detail_is_shown_once_where_another_library_has_set_up_logging(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("sis_edge.files.stages")
    with verbosity.details():
        log.debug("export: 3.6 s")
    assert capsys.readouterr().err.count("export: 3.6 s") == 1
    assert caplog.records == [], "the root's handlers got it, too"
    log.warning("after")
    assert [record.message for record in caplog.records] == ["after"], "a library's own user sees it again"
    assert not log.isEnabledFor(logging.DEBUG)


def test_a_command_line_leaves_nothing_to_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-q", "datasets", "list"]) == 0
    assert not verbosity.is_quiet()
    assert run(["datasets", "show", "nothing", "--verbose"]) == 2
    assert not verbosity.is_verbose()
    assert "unknown data set" in capsys.readouterr().err
