"""Names that become folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sis_edge.errors import UsageError
from sis_edge.files.names import MAX_LENGTH, checked


@pytest.mark.parametrize("name", ["nin", "local-digits", "2.fast+small_1", "Küche", "é" * (MAX_LENGTH // 2)])
def test_good_names(name: str) -> None:
    assert checked("bundle", name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/x", "a/b", "a b", ".stages", "-x", "a\n", "a\0b", "x" * 81, "é" * 41]
)
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a bundle; use letters"):
        checked("bundle", name)


@given(st.text(max_size=100))
def test_a_name_that_passes_is_one_visible_part_of_a_path(name: str) -> None:
    try:
        checked("bundle", name)
    except UsageError:
        return
    assert "/" not in name
    assert not name.startswith(".")
    assert 0 < len(name.encode()) <= MAX_LENGTH
    assert name.strip() == name
