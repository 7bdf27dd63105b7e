"""Models of the user's own, ONNX or TFLite, into a bundle."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sis_edge import profiles
from sis_edge.build.given import bundle as making
from sis_edge.build.given import tensors
from sis_edge.build.given.request import SEED, TOLERANCE, GivenRequest
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import UsageError
from sis_edge.files.paths import AnyPath
from sis_edge.front.arguments import names_arguments

TFLITE = ".tflite"


@names_arguments
def bundle_onnx(
    models: Mapping[str, AnyPath] | Iterable[AnyPath],
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Mapping[str, NDArray[Any]] | AnyPath | None = None,
    expected: Mapping[str, NDArray[Any]] | AnyPath | None = None,
    labels: NDArray[Any] | AnyPath | None = None,
    tolerance: float = TOLERANCE,
    relative_tolerance: float = TOLERANCE,
    reference: str | None = None,
    profile: str = "local",
    name: str | None = None,
    folder: AnyPath = "build",
    seed: int = SEED,
    on_note: Callable[[str], None] = lambda note: None,
) -> Bundle:
    """Put ONNX models, and .tflite files, into a bundle with what a board needs to measure and check them.

    `models` are files by the names that they get, or files alone, whose names they keep; the first is the reference of
    the speed-ups unless `reference` names another. `shapes` fixes the axes of inputs that are open in the files.
    `inputs` and `expected` are arrays by the tensors' names, or an .npz; without inputs they are random, from `seed`,
    and without `expected` it is what this machine computes. `labels`, one class a row, add top-1 and top-5 accuracy.
    The bundle is `folder/name` (None: a name that follows from what it is made of, and nothing is done twice);
    `on_note` is told what was chosen for the user.

    Raises UsageError for whatever does not fit, DiskError.

    >>> import sis_edge, tempfile
    >>> from onnx import TensorProto, helper, save
    >>> ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("x", "y")]
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", ends[:1], ends[1:])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), f"{folder}/relu.onnx")
    ...     made = sis_edge.bundle_onnx([f"{folder}/relu.onnx"], shapes={"x": (4, 3)}, folder=folder)
    >>> [(each.name, each.input_tensors[0].shape) for each in made.manifest.given]
    [('relu', (4, 3))]
    """
    if isinstance(models, str | os.PathLike):
        raise UsageError(f"models is {models}, and must be a list of files, or files by their names")
    files = (
        [f"{key}={os.fspath(path)}" for key, path in models.items()]
        if isinstance(models, Mapping)
        else [os.fspath(path) for path in models]
    )
    profiles.load(profile)
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as place:
        request = GivenRequest(
            onnx=tuple(file for file in files if not file.endswith(TFLITE)),
            tflite=tuple(file for file in files if file.endswith(TFLITE)),
            shapes=tuple(f"{key}={'x'.join(map(str, shape))}" for key, shape in (shapes or {}).items()),
            inputs=_file(inputs, Path(place) / "inputs.npz"),
            expect=_file(expected, Path(place) / "expected.npz"),
            labels=_file(labels, Path(place) / "labels.npz"),
            tolerance=tolerance,
            relative_tolerance=relative_tolerance,
            reference=reference,
            profile=profile,
            seed=seed,
        )
        if name is not None:
            return making.make(request, Path(folder) / name, on_note)
        return making.make_in(request, Path(folder), on_note)


def _file(arrays: Mapping[str, NDArray[Any]] | NDArray[Any] | AnyPath | None, path: Path) -> tuple[str, ...]:
    """The file with these arrays, which is `path` where they are no file yet."""
    if arrays is None:
        return ()
    if isinstance(arrays, str | os.PathLike):
        return (os.fspath(arrays),)
    tensors.save(path, arrays if isinstance(arrays, Mapping) else {"labels": arrays})
    return (str(path),)
