"""Arrays for a model: random inputs, the user's own, and what is expected of them. Every array is checked by name."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.build.given.shapes import words
from sis_edge.errors import UsageError
from sis_edge.files.archives import DAMAGED
from sis_edge.files.lfs import check_fetched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sis_edge.bundles.manifest import TensorSpec

    Arrays = Mapping[str, NDArray[Any]]


def random_inputs(specs: "Sequence[TensorSpec]", seed: int) -> "dict[str, NDArray[Any]]":
    """Floats are standard normal, bytes any, other integers 0 or 1, which any table has; the same for the same seed."""
    import numpy as np

    numbers = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for spec in specs:
        dtype = np.dtype(spec.dtype)
        try:
            if dtype.kind == "f":
                found[spec.name] = numbers.standard_normal(spec.shape).astype(dtype)
            else:
                least, end = (0, 2) if dtype.itemsize > 1 or dtype.kind == "b" else _all_of(dtype)
                found[spec.name] = numbers.integers(least, end, spec.shape).astype(dtype)
        except (MemoryError, ValueError):  # numpy's ValueError is of more elements than it can count
            raise UsageError(
                f"the input {spec.name} as {words(spec.shape)} does not fit into this machine's memory; give it "
                "another --shape"
            ) from None
    return found


def load(path: Path, option: str, only: Sequence[str]) -> "Arrays":
    """The arrays of an .npz by name; those of an .npy are the one of `only`. Raises UsageError with the option."""
    import numpy as np

    try:
        check_fetched(path)
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            if len(only) != 1:
                raise UsageError(f"{option} is {path}, one array, and {', '.join(only)} are needed: give an .npz")
            return {only[0]: found}
        with found:
            return {name: found[name] for name in found.files}
    except OSError as error:
        reason = error.strerror or "not a numpy file"
        raise UsageError(f"{option}: {path} cannot be read ({reason}); numpy.savez writes one") from None
    except DAMAGED:
        raise UsageError(f"{option}: {path} is not a file of arrays; numpy.savez writes one") from None


def check_inputs(arrays: "Arrays", names: Sequence[str], model: str, option: str) -> None:
    """Raise UsageError unless there is an array for each input of the model."""
    for name in names:
        if name not in arrays:
            has = ", ".join(arrays) or "none"
            raise UsageError(f"{option} has no array '{name}', which {model} takes; it has: {has}")


def fitting(array: "NDArray[Any]", spec: "TensorSpec", model: str, option: str) -> "NDArray[Any]":
    """The array, contiguous; raises UsageError for another shape or type than the model's."""
    import numpy as np

    if tuple(array.shape) != spec.shape or str(array.dtype) != spec.dtype:
        hint = f"; {spec.name}.astype('{spec.dtype}') converts it" if tuple(array.shape) == spec.shape else ""
        raise UsageError(
            f"{option} has '{spec.name}' as {array.dtype} {words(array.shape)}, and {model} has it as "
            f"{spec.dtype} {words(spec.shape)}{hint}"
        )
    if array.dtype.kind == "f" and (bad := int(np.isnan(array).sum())):
        raise UsageError(f"{option} has NaN in '{spec.name}', in {bad} of {array.size} values; give {model} numbers")
    return np.ascontiguousarray(array).reshape(spec.shape)  # ascontiguousarray makes a scalar a row


def labels(path: Path, rows: int | None, outputs: "Sequence[TensorSpec]", model: str) -> "NDArray[np.int64]":
    """Classes, one for each row of the inputs; raises UsageError for others."""
    import numpy as np

    arrays = load(path, "--labels", ["labels"])
    if len(arrays) != 1:
        raise UsageError(f"--labels has {len(arrays)} arrays, and must have one; numpy.save writes one")
    (found,) = arrays.values()
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise UsageError(
            f"--labels has {found.dtype} {words(found.shape)}, and must have one whole number for each row of inputs"
        )
    if rows is None or len(found) != rows:
        raise UsageError(f"--labels has {len(found)} classes, and the inputs of {model} have {rows or 'no'} rows")
    if outputs:
        first = outputs[0]
        if len(first.shape) != 2 or first.shape[0] != rows:
            raise UsageError(
                f"--labels needs a score for each class, and the first output of {model}, {first.name}, is "
                f"{words(first.shape)}; leave --labels out"
            )
        if len(found) and not 0 <= int(found.min()) <= int(found.max()) < first.shape[1]:
            raise UsageError(
                f"--labels has classes from {found.min()} to {found.max()}, and {model} has {first.shape[1]}, from 0"
            )
    return found.astype(np.int64)


def save(path: Path, arrays: "Arrays") -> None:
    """Write an .npz; numpy's own writing leaves out the error number by which a full disk is known.

    And it takes an array named `file` or `allow_pickle` for a setting.
    """
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())


def _all_of(dtype: "np.dtype[Any]") -> tuple[int, int]:
    import numpy as np

    bounds = np.iinfo(dtype)
    return int(bounds.min), int(bounds.max) + 1
