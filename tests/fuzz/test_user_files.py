"""Files that a user names or that an older sis-edge left: the documented error in one line, or what they hold."""

import base64
import io
import json
import tempfile
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from given_models import ADD
from onnx import TensorProto, helper, numpy_helper
from recordings import old_bundle, old_run
from results.given import given_record, given_run
from small import SPEC

from sis_edge import profiles
from sis_edge.build.given import onnx_file, tflite_file
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import open_bundle
from sis_edge.datasets.own import npz
from sis_edge.errors import BundleError, DatasetError, RecordError, UsageError
from sis_edge.formation import form, preset
from sis_edge.formation.masks import load_masks, save_masks
from sis_edge.native import calibrations
from sis_edge.networks import files as networks
from sis_edge.results import meter
from sis_edge.results.schema import StoredRun

from .fuzz import fuzzed, numbers, odd_bytes, odd_json, odd_lines
from .test_runs import shortened

METER = "# meter 7\ntime (s),power (mW),voltage (V)\n0.0,1500,5.1\n0.1,1600,5.1\n0.2,1550.5,5.0\n0.3,1e3,5\n"
NETWORK = """\
name = "small"
side = 32
channels = 3
[[layer]]
type = "conv"
name = "stem"
filters = 16
kernel = 3
stride = 2
t = 0.5
[[layer]]
type = "depthwise"
kernel = 3
[[layer]]
type = "conv"
filters = 16
kernel = 1
activation = "relu6"
add = "stem"
[[layer]]
type = "pool"
pooling = "global"
[[layer]]
type = "linear"
filters = 10
"""


def is_line(error: Exception) -> None:
    """What a terminal obeys is replaced as an error is printed; ends of lines stay."""
    assert "\n" not in str(error), ascii(str(error))


def onnx_model() -> bytes:
    """A small network with a weight of its own and one in a file beside it."""
    outside = numpy_helper.from_array(np.ones((8, 4), np.float32), "outside")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="weights.bin")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "inside"], ["y"]),
            helper.make_node("MatMul", ["y", "outside"], ["z"], name="last"),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.ones((3, 8), np.float32), "inside"), outside],
    )
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()
    return made


def images_npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.zeros((3, 4, 4, 3), np.uint8), labels=np.array(["a", "b", "a"]))
    return buffer.getvalue()


@fuzzed(one_in=10, random=numbers)
def test_profiles(place: Path, random: Random) -> None:
    path = place / "profile.toml"
    path.write_bytes(odd_lines(PROFILES[random.choice(sorted(PROFILES))])(random))
    try:
        profiles.load(str(path))
    except UsageError as error:
        is_line(error)


PROFILES = {name: (profiles.profile_folder() / f"{name}.toml").read_text() for name in ("jetson-orin-nano", "local")}


@fuzzed(one_in=4, data=odd_lines(NETWORK))
def test_networks(place: Path, data: bytes) -> None:
    path = place / "network.toml"
    path.write_bytes(data)
    try:
        networks.load(path)
    except UsageError as error:
        is_line(error)


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "{a=" * 50_000, "x = " + "9" * 5000])
def test_toml_that_ends_its_reader(tmp_path: Path, text: str) -> None:
    path = tmp_path / "network.toml"
    path.write_text(text)
    for load in (networks.load, lambda path: profiles.load(str(path))):
        with pytest.raises(UsageError, match=r"network.toml is not TOML: (it is nested too deeply|Exceeds the limit)"):
            load(path)


@pytest.mark.parametrize("damage", [odd_lines(METER), odd_bytes(METER.encode())], ids=["lines", "bytes"])
@fuzzed(one_in=20, random=numbers)
def test_recordings_of_meters(place: Path, damage: Any, random: Random) -> None:
    path = place / "meter.csv"
    path.write_bytes(damage(random))
    try:
        found = meter.read_csv(path)
    except UsageError as error:
        is_line(error)
    else:
        assert np.isfinite(found.power_w).all()


@fuzzed(one_in=3, data=odd_bytes(onnx_model()))
def test_onnx_models(place: Path, data: bytes) -> None:
    path = place / "model.onnx"
    path.write_bytes(data)
    (place / "weights.bin").touch()
    try:
        proto = onnx_file.load(path)
        onnx_file.inputs(proto, path)
        beside = onnx_file.external_files(proto, path)
    except UsageError as error:
        is_line(error)
    else:
        assert set(beside) <= {path.name for path in place.iterdir()}
        assert isinstance(proto, onnx.ModelProto)


@fuzzed(one_in=3, data=odd_bytes(zlib.decompress(base64.b85decode(ADD))))
def test_tflite_models(place: Path, data: bytes) -> None:
    path = place / "model.tflite"
    path.write_bytes(data)
    try:
        tflite_file.inputs(path)
    except UsageError as error:
        is_line(error)


@fuzzed(one_in=4, data=odd_bytes(images_npz()))
def test_images(place: Path, data: bytes) -> None:
    path = place / "images.npz"
    path.write_bytes(data)
    try:
        for member in npz.members(path).values():
            if np.prod(member.shape, dtype=float) < 1e6:
                member.whole()
                list(member.parts())
    except DatasetError as error:
        is_line(error)


@pytest.fixture(scope="module")
def masks(place: Path) -> bytes:
    save_masks(form(SPEC, preset("svhn-sis3").formation(4)), place / "sound-masks.npz")
    return (place / "sound-masks.npz").read_bytes()


@fuzzed(one_in=5, random=numbers)
def test_masks(place: Path, masks: bytes, random: Random) -> None:
    path = place / "masks.npz"
    path.write_bytes(odd_bytes(masks)(random))
    try:
        load_masks(path, SPEC)
    except UsageError as error:
        is_line(error)


@fuzzed(
    one_in=4, text=odd_json({"calibration_version": 3, "library": "x86_64-0", "native": {"a": [1e-4]}, "threads": 1})
)
def test_files_that_are_no_calibrations(place: Path, text: str) -> None:
    """Sound ones with something wrong in them come from a board: see `test_answers`."""
    path = place / "calibration.json"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        calibrations.read(path)
    is_line(caught.value)


GIVEN = odd_json(json.loads(given_run(given_record("resnet")).manifest.model_dump_json()))


@fuzzed(one_in=5, text=GIVEN)
def test_manifests_of_given_models(place: Path, text: str) -> None:
    folder = place / "given"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(text)
    try:
        assert open_bundle(folder).manifest.names
    except BundleError as error:
        is_line(error)


@pytest.fixture(scope="module")
def old_manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    folders = {version: tmp_path_factory.mktemp(f"old-{version}") for version in (3, 4)}
    return {version: json.loads((old_bundle(at, version) / MANIFEST).read_text()) for version, at in folders.items()}


@pytest.mark.parametrize("version", [3, 4])
@fuzzed(one_in=10, random=numbers)
def test_manifests_of_older_versions(place: Path, old_manifests: dict[int, Any], version: int, random: Random) -> None:
    folder = place / "older"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(odd_json(old_manifests[version])(random))
    try:
        open_bundle(folder)
    except BundleError as error:
        is_line(error)


def old(name: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(old_run(name, Path(folder)).read_text())


OLD_RUNS = {
    name: odd_json(run | {"record": shortened(run["record"])})
    for name in ("run-1-jetson-nano", "run-1-x86-64", "run-2-x86-64")
    for run in (old(name),)
}


@pytest.mark.parametrize("name", OLD_RUNS)
@fuzzed(one_in=10, random=numbers)
def test_runs_of_older_versions(name: str, random: Random) -> None:
    try:
        StoredRun.from_json(OLD_RUNS[name](random), "runs/a.json")
    except RecordError as error:
        is_line(error)
