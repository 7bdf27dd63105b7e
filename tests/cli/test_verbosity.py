"""What -v shows of the library's log."""

import logging
from collections.abc import Iterator

import pytest

from sis_edge.cli import verbosity


@pytest.fixture(autouse=True)
def verbose() -> Iterator[None]:
    verbosity.choose(quiet=False, verbose=True)
    yield
    verbosity.reset()


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
