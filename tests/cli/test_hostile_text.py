"""What a board, a file or a name may hold is never obeyed by the terminal that shows it."""

import json
import logging

import pytest

from sis_edge import cli
from sis_edge.cli import console, verbosity
from sis_edge.errors import BoardError
from sis_edge.text.foreign import LONGEST, loads, one_line

HOSTILE = "nano\x1b]0;owned\x07\x1b[2J\r\u202eevil\udcff"


def is_harmless(text: str) -> None:
    assert "nano" in text
    assert text.replace("\n", "").isprintable(), ascii(text)


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._say(f"{HOSTILE}\nand a second line", 8) == 8
    shown = capsys.readouterr().err
    is_harmless(shown)
    assert len(shown.splitlines()) == 2


def test_their_causes(capsys: pytest.CaptureFixture[str]) -> None:
    verbosity.choose(quiet=False, verbose=True)
    try:
        error = BoardError("nano failed")
        error.__cause__ = ValueError(HOSTILE)
        cli._say(str(error), 8, error)
    finally:
        verbosity.reset()
    is_harmless(capsys.readouterr().err)


@pytest.mark.parametrize("say", [console.say, console.warn])
def test_notes(capsys: pytest.CaptureFixture[str], say) -> None:  # type: ignore[no-untyped-def]
    say(HOSTILE)
    is_harmless(capsys.readouterr().err)


def test_what_the_library_logs(capsys: pytest.CaptureFixture[str]) -> None:
    verbosity.choose(quiet=False, verbose=True)
    try:
        with verbosity.details():
            # pytest keeps what was logged, and its workers cannot send half a character on.
            logging.getLogger("sis_edge.board").debug("agent says: %s", HOSTILE.rstrip("\udcff"))
    finally:
        verbosity.reset()
    is_harmless(capsys.readouterr().err)


def test_a_text_of_megabytes_is_cut_at_once() -> None:
    """Showing one of 200 MB took 90 s."""
    assert one_line("x\x1b" * 10_000_000).startswith("x")
    assert len(one_line("x" * 20_000_000)) == LONGEST


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 200_000, "nested deeper than 64 levels"),
        ("[" * 65 + "]" * 65, "nested deeper than 64 levels"),
        ("[NaN]", "not finite"),
        ("[1e999]", "not finite"),
        ("[18446744073709551616]", "more than 64 bits"),
        ("[1" + "0" * 5000 + "]", "digits"),
    ],
)
def test_json_is_bounded(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        loads(text)


def test_json_of_ours_is_taken_as_it_is() -> None:
    value = {"a": [1, -2.5, None, True, "été", 2**64 - 1], "b": {}}
    assert loads('{"a": [1, -2.5, null, true, "\\u00e9t\\u00e9", 18446744073709551615], "b": {}}') == value
    for text in (
        "a\u00a0b",
        "\u3000",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f468\u200d\U0001f467",
        "\ue000",
        "\u0378",
    ):
        assert loads(json.dumps([text])) == [text], "names of classes are data"
    assert loads('{"a\\u001b": "b\\nc"}') == {"a\N{REPLACEMENT CHARACTER}": "b c"}
