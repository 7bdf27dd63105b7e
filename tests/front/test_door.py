"""What `import sis_edge` offers: everything in `__all__`, typed, and nothing loaded before it is used."""

import inspect
import subprocess
import sys

import pytest

import sis_edge
from sis_edge import front


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, sis_edge\n"
        "heavy = {'numpy', 'pydantic', 'torch', 'onnx', 'onnxruntime', 'paramiko', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), 'sis_edge.front' in sys.modules)\n"
        "sis_edge.form\n"
        "print('torch' in sys.modules, 'sis_edge.front' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\nFalse True\n"


def test_everything_listed_is_there_and_documented() -> None:
    assert sis_edge.__all__ == front.__all__ == sorted(front.__all__)
    assert set(sis_edge.__all__) <= set(dir(sis_edge))
    for name in sis_edge.__all__:
        thing = getattr(sis_edge, name)
        assert thing is getattr(front, name)
        assert thing.__doc__
        if not isinstance(thing, type):
            assert {"return", *inspect.signature(thing).parameters} == set(thing.__annotations__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fromm'"):
        sis_edge.fromm  # noqa: B018
    with pytest.raises(ImportError):
        from sis_edge import fromm  # noqa: F401
