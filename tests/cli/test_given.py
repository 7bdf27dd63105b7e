"""Networks of the user's own on the command line: what is made of them, and every mistake as a sentence."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import sis_edge, sis_edge_here
from given_models import hide_tflite, write, write_tflite
from onnx import TensorProto, helper
from typer.testing import CliRunner

from sis_agent.worker import tensors
from sis_edge.bundles.verify import open_bundle, verify
from sis_edge.cli import app
from sis_edge.errors import SisEdgeError, UsageError

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0b2f\nsize 1234\n"

ONE = ("--onnx", "residual.onnx")


def make(*words: str, output: Path) -> None:
    """`sis-edge bundle make` in this process; its error comes out."""
    CliRunner().invoke(app, ["bundle", "make", "--output", str(output), *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("residual", "two"):
        write(name, folder)
    return folder


def test_a_bundle_of_two_models(models: Path, tmp_path: Path) -> None:
    words = ("--onnx", str(models / "residual.onnx"), "--onnx", f"second={models / 'two.onnx'}", "--shape", "ids=2x5")
    done = sis_edge_here("bundle", "make", "-o", "made", *words, "--reference", "second", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "residual: the batch of its input image is not fixed; it is run with 1" in done.stderr
    shown = json.loads(done.stdout)["bundle"]
    assert [(each["name"], each["inputs_are_random"]) for each in shown["given"]] == [
        ("residual", True),
        ("second", True),
    ]
    manifest = verify(tmp_path / "made").manifest
    assert (manifest.reference, manifest.dataset, manifest.networks) == ("second", None, ())
    second = manifest.given[1]
    assert [(spec.name, spec.dtype, spec.shape) for spec in second.input_tensors] == [
        ("image", "float32", (2, 3, 16, 16)),  # the batch of ids is the image's too: the file says so
        ("ids", "int64", (2, 5)),
    ]
    assert [spec.shape for spec in second.output_tensors] == [(2, 10)]
    first = manifest.given[0]
    assert first.macs == 8 * 16 * 16 * 27 + 8 * 16 * 16 * 72 + 8 * 16 * 16 * 8 + 80
    assert first.parameters == (8 * 27 + 8) + (8 * 72 + 8) + (64 + 8) + 90
    fixed = onnx.load(str(tmp_path / "made" / first.model)).graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_value for axis in fixed] == [1, 3, 16, 16]
    run = CliRunner().invoke
    for words in (("show", "made"), ("verify", "made")):
        assert run(app, ["bundle", words[0], str(tmp_path / words[1])]).exit_code == 0
    with pytest.raises(UsageError, match="an audit looks at networks that sis-edge formed"):
        run(app, ["audit", str(tmp_path / "made")], catch_exceptions=False)


def test_inputs_outputs_and_labels_of_the_users_own(models: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(1).standard_normal((4, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", np.array([1, 2, 3, 4]))
    np.savez(tmp_path / "expected.npz", scores=np.zeros((4, 10), np.float32))
    files = ("--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--expect", tmp_path / "expected.npz")
    make("--onnx", str(models / "residual.onnx"), *map(str, files), "--tolerance", "0.5", output=tmp_path / "made")
    (network,) = open_bundle(tmp_path / "made").manifest.given
    assert (network.inputs_are_random, network.inputs_seed, network.expected_from) == (False, None, "given by the user")
    assert (network.golden_tolerance, network.input_tensors[0].shape) == (0.5, (4, 3, 16, 16))
    assert network.labels is not None
    assert network.expected is not None
    assert np.load(tmp_path / "made" / network.labels).tolist() == [1, 2, 3, 4]
    assert not np.load(tmp_path / "made" / network.expected)["scores"].any()
    with np.load(tmp_path / "made" / network.inputs) as stored:
        assert (stored["image"] == images).all()


def test_what_inputs_make_of_an_open_batch_is_said(models: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 16, 16), np.float32))
    other = ("--onnx", f"other={models / 'residual.onnx'}")
    words = ("--onnx", str(models / "residual.onnx"), *other, "--inputs", f"residual={tmp_path / 'x.npy'}")
    said = " ".join(sis_edge_here("bundle", "make", "-o", "made", *words, cwd=tmp_path).stderr.split())
    assert "residual: each call has the 4 rows of --inputs; a latency is a call's" in said
    assert "first axis of each call: residual 4, other 1. Speed-ups compare calls, not rows" in said
    words = (*words[:-1], f"{tmp_path / 'x.npy'}")
    assert "Speed-ups" not in sis_edge_here("bundle", "make", "-o", "alike", *words, cwd=tmp_path).stderr


@pytest.mark.parametrize("command", [["bench"], ["deploy", "--bundle"]])
def test_a_model_in_the_place_of_a_bundle(models: Path, command: list[str]) -> None:
    model = models / "residual.onnx"
    with pytest.raises(SisEdgeError, match=f"^{model} is a model, not a bundle; bench and deploy take it as --onnx"):
        CliRunner().invoke(app, [*command, str(model)], catch_exceptions=False)


def unknown_operator(folder: Path) -> Path:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("in", "out")]
    graph = helper.make_graph(
        [helper.make_node("Frobnicate", ["in"], ["out"], domain="mine")], "g", value[:1], value[1:]
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(folder / "odd.onnx"))
    return folder / "odd.onnx"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--onnx", "text.onnx"], "text.onnx is not an ONNX model"),
        (["--onnx", "empty.onnx"], "empty.onnx is not an ONNX model"),
        (["--onnx", "absent.onnx"], "absent.onnx cannot be read (No such file or directory)"),
        (["--onnx", "odd.onnx"], "on this host cannot run odd: Fatal error: mine:Frobnicate"),
        (["--onnx", "odd.onnx"], "is not a registered function/op; export it with ONNX's own operators"),
        (["--onnx", "pointer.onnx"], "pointer.onnx is a pointer of Git LFS, not the file itself; `git lfs pull`"),
        (["--onnx", "residual.onnx", "--inputs", "pointer.npz"], "pointer.npz is a pointer of Git LFS"),
        (["--onnx", "apart.onnx"], "weights.pointer is a pointer of Git LFS"),
        (
            ["--onnx", "one.onnx", "--inputs", "x.npy"],
            "its axis 0 must be 1 (the model has 1x3x16x16); give 1 row of inputs, or export it with an open batch",
        ),
        (
            ["--onnx", "residual.onnx", "--shape", "image=1x3x17x16"],
            "its axis 2 must be 16 (the model has batchx3x16x16)",
        ),
        (["--onnx", "residual.onnx", "--shape", "image=1x3"], "which has 2 axes; the model's has 4"),
        (["--onnx", "residual.onnx", "--shape", "imag=1x3x16x16"], "did you mean image?"),
        (["--onnx", "residual.onnx", "--shape", "image"], "--shape is 'image', and must be an input and its axes"),
        (["--onnx", "two.onnx"], "axis 1 (words) of its input ids is not fixed"),
        (["--onnx", "two.onnx", "--shape", "ids=2x5", "--shape", "image=1x3x16x16"], "its axis 0 must be 1"),
        (["--onnx", "residual.onnx", "--inputs", "x.npy", "--labels", "three.npy"], "--labels has 3 classes"),
        (
            ["--onnx", "residual.onnx", "--inputs", "x.npy", "--labels", "far.npy"],
            "classes from 0 to 10, and residual has 10",
        ),
        (["--onnx", "residual.onnx", "--inputs", "x.npy", "--labels", "x.npy"], "one whole number for each row"),
        (["--onnx", "residual.onnx", "--inputs", "x.npy", "--labels", "none.npz"], "--labels has 0 arrays"),
        (["--onnx", "residual.onnx", "--labels", "three.npy"], "--labels belongs to inputs of your own"),
        (
            ["--onnx", "residual.onnx", "--inputs", "double.npy"],
            "'image' as float64 4x3x16x16, and residual has it as float32 4x3x16x16; image.astype('float32') converts",
        ),
        (["--onnx", "residual.onnx", "--inputs", "other.npz"], "--inputs has no array 'image'"),
        (["--onnx", "residual.onnx", "--inputs", "text.onnx"], "text.onnx is not a file of arrays"),
        (["--onnx", "two.onnx", "--inputs", "x.npy"], "one array, and image, ids are needed"),
        (["--onnx", "residual.onnx", "--inputs", "x.npy", "--expect", "other.npz"], "--expect has 'wrong'"),
        (["--onnx", "residual.onnx", "--onnx", "./residual.onnx"], "two models are named 'residual'"),
        (["--onnx", "residual.onnx", "--reference", "resid"], "did you mean residual?"),
        (["--tflite", "residual.onnx"], "residual.onnx is not a TFLite model"),
        (["--onnx", "cut.onnx"], "cut.onnx has external data in weights.bin, which is not in"),
        (["--onnx", "half.onnx"], "half.onnx is not an ONNX model"),
        (["--onnx", "huge.onnx"], "huge.onnx has 2.1474837 GB with its external data, and at most 2.1474836 GB"),
        (["--onnx", "short.onnx"], "cannot run short: Exception during initialization: "),
        (["--onnx", "new.onnx"], "cannot run new: it uses opset 99 of ai.onnx, which is newer than "),
        (["--onnx", "residual.onnx", "--onnx", ""], "'' names no model; give FILE or NAME=FILE"),
        (["--onnx", "second="], "'second=' names no model"),
        (["--onnx", "folder"], "folder is a folder, and --onnx takes a file"),
        (["--onnx", f"{'n' * 81}=residual.onnx"], "stay within 80 bytes"),
        (["--onnx", "residual.onnx", "--onnx", "residual=two.onnx"], "two models are named 'residual'"),
        (["--onnx", "residual.onnx", "--shape", "image=0x3x16x16"], "--shape is 'image=0x3x16x16'"),
        (
            ["--onnx", "residual.onnx", "--shape", "image=999999999x3x16x16"],
            "the input image as 999999999x3x16x16 does not fit into this machine's memory",
        ),
        (["--onnx", "residual.onnx", "--inputs", "nothing.npy"], "the input image as 0x3x16x16, which holds nothing"),
        (["--onnx", "residual.onnx", "--inputs", "nan.npy"], "--inputs has NaN in 'image', in 1 of 3072 values"),
        (["--onnx", "residual.onnx", "--inputs", "none.npz"], "which residual takes; it has: none"),
        (["--onnx", "residual.onnx", "--inputs", "residul=x.npy"], "did you mean residual?"),
        (["--onnx", "residual.onnx", "--inputs", "x.npy", "--inputs", "x.npy"], "--inputs gives residual two files"),
        (
            ["--onnx", "residual.onnx", "--inputs", "x.npy", "--expect", "none.npz"],
            "--expect has no array; residual has the outputs: scores",
        ),
        (
            ["--onnx", "residual.onnx", "--inputs", "x.npy", "--expect", "narrow.npz"],
            "--expect has 'scores' as float32 4x9, and residual gives it as float32 4x10",
        ),
        (["--onnx", "residual.onnx", "--expect", "narrow.npz"], "--expect belongs to inputs of your own"),
        (["--onnx", "residual.onnx", "--tolerance", "inf"], "--tolerance is inf, and must be a number from 0 on"),
        (["--tflite", "cut.tflite"], "cut.tflite is not a TFLite model (it is cut or damaged)"),
        ([], "no model to make a bundle of"),
        (["--shape", "image=1"], "--shape belongs to networks of your own"),
    ],
)
def test_every_mistake_is_one_sentence(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(models)
    bad_files(models)
    with pytest.raises(SisEdgeError) as raised:
        make(*words, output=tmp_path / "made")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "onnxruntime_src" not in str(raised.value), "nothing of the runtime's own source"
    assert raised.value.exit_code == 2
    assert list(tmp_path.iterdir()) == [], "nothing is left half-written"


def bad_files(folder: Path) -> None:
    """Beside the models, once."""
    if (folder / "text.onnx").exists():
        return
    (folder / "text.onnx").write_text("This is a model, I swear.\n" * 40)
    (folder / "empty.onnx").write_bytes(b"")
    unknown_operator(folder)
    images = np.zeros((4, 3, 16, 16), np.float32)
    np.save(folder / "x.npy", images)
    np.save(folder / "double.npy", images.astype(np.float64))
    np.save(folder / "three.npy", np.array([1, 2, 3]))
    np.save(folder / "far.npy", np.array([0, 1, 2, 10]))
    np.savez(folder / "other.npz", wrong=images)
    (folder / "folder").mkdir()
    images[0, 0, 0, 0] = np.nan
    np.save(folder / "nan.npy", images)
    np.save(folder / "nothing.npy", images[:0])
    np.savez(folder / "none.npz")
    np.savez(folder / "narrow.npz", scores=np.zeros((4, 9), np.float32))
    (folder / "half.onnx").write_bytes((folder / "residual.onnx").read_bytes()[:2500])
    with (folder / "huge.onnx").open("wb") as file:
        file.truncate(2**31 + 10)  # without a byte on the disk
    (folder / "cut.tflite").write_bytes(write_tflite(folder).read_bytes()[:60])
    proto = onnx.load(str(folder / "residual.onnx"))
    proto.opset_import[0].version = 99
    onnx.save(proto, str(folder / "new.onnx"))
    for name in ("pointer.onnx", "pointer.npz"):
        (folder / name).write_text(POINTER)
    with_external_data(folder / "apart.onnx", "weights.pointer")
    (folder / "weights.pointer").write_text(POINTER)
    proto.opset_import[0].version = 13
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(proto, str(folder / "one.onnx"))
    with_external_data(folder / "short.onnx", "short.bin")
    os.truncate(folder / "short.bin", 10)
    with_external_data(folder / "cut.onnx")
    (folder / "weights.bin").unlink()


def with_external_data(path: Path, location: str = "weights.bin") -> None:
    """The residual model with its weights in a file beside it."""
    proto = onnx.load(str(path.parent / "residual.onnx"))
    onnx.save(proto, str(path), save_as_external_data=True, location=location, size_threshold=0)


def test_external_data_goes_along(models: Path, tmp_path: Path) -> None:
    write("residual", tmp_path)
    with_external_data(tmp_path / "large.onnx")
    make("--onnx", str(tmp_path / "large.onnx"), output=tmp_path / "made")
    (network,) = verify(tmp_path / "made").manifest.given
    assert network.external_data == ("given/large/weights.bin",)
    assert network.parameters == 970


@pytest.mark.parametrize("name", ["file", "allow_pickle", "a:0", "a/b", "x.npy", "a b"])
def test_an_input_may_have_any_name(name: str, tmp_path: Path) -> None:
    """Some are words of numpy.savez's, others are paths; all come back under their own."""
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, [1, 3]) for each in (name, "out")]
    graph = helper.make_graph([helper.make_node("Relu", [name], ["out"])], "g", ends[:1], ends[1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(proto, str(tmp_path / "m.onnx"))
    make("--onnx", str(tmp_path / "m.onnx"), output=tmp_path / "made")
    (network,) = verify(tmp_path / "made").manifest.given
    assert list(tensors.load(str(tmp_path / "made" / network.inputs))) == [name]


def test_an_expected_value_that_is_not_finite_is_told(models: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 16, 16), np.float32))
    np.savez(tmp_path / "expected.npz", scores=np.full((4, 10), np.nan, np.float32))
    words = ("--onnx", models / "residual.onnx", "--inputs", tmp_path / "x.npy", "--expect", tmp_path / "expected.npz")
    done = CliRunner().invoke(app, ["bundle", "make", "-o", str(tmp_path / "made"), *map(str, words)])
    assert "another 'scores' than --expect has, with NaN or infinity in one of them" in " ".join(done.stderr.split())


def test_a_folder_that_is_not_a_bundle_is_left_alone(models: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(SisEdgeError, match="is there and is not a bundle"):
        make("--onnx", str(models / "residual.onnx"), output=tmp_path / "photos")
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["bench", "made", *ONE], "BUNDLE and --onnx exclude each other"),
        (["deploy", "--bundle", "made", *ONE], "--bundle and --onnx exclude each other"),
        (["bench", *ONE, "--batch-size", "4"], "make its bundle with --shape INPUT=4x..."),
        (["bench", *ONE, "--networks", "nope"], "unknown network in this bundle 'nope'"),
        (["bench", *ONE, "--backend", "tensorrt"], "the profile local has no runtime 'tensorrt'"),
        (["bench", *ONE, "--backend", "tflite"], "residual is a .onnx file, which tflite cannot take"),
        (["bench", *ONE, "--tflite", "add.tflite"], "add is a .tflite file, which onnxruntime cannot take"),
        (["bench", *ONE, "--self-check"], "the self-check loops over images"),
        (["deploy", *ONE, "--job", "x"], "--job and --onnx exclude each other"),
        (["deploy", *ONE, "--cancel", "x"], "--cancel and --onnx exclude each other"),
        (["deploy", *ONE, "--profile", "nope"], "unknown profile 'nope'"),
        (["bundle", "make", "-o", "made", *ONE, "--profile", "nope"], "unknown profile 'nope'"),
        (["bundle", "make", "-o", "bad name", *ONE], "'bad name' cannot be the name of a bundle"),
    ],
)
def test_options_that_do_not_go_together(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], sentence: str
) -> None:
    """By the commands that measure: nothing is measured, and what is in the folder of builds is a whole bundle."""
    monkeypatch.chdir(models)
    write_tflite(models)
    hide_tflite(monkeypatch)
    places = [] if words[0] == "bundle" else ["--build-dir", str(tmp_path)]
    places += ["--runs-dir", str(tmp_path / "runs")] if "--self-check" not in words and places else []
    with pytest.raises(SisEdgeError) as raised:
        CliRunner().invoke(app, [*words, *places], catch_exceptions=False)
    assert sentence in str(raised.value)
    assert raised.value.exit_code == 2
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
    for made in (each.parent for each in tmp_path.glob("*/manifest.json")):
        verify(made)
        assert "--profile" not in words, "a bundle for a board that nobody knows"


@pytest.mark.slow  # three processes
def test_a_mistake_through_the_door(models: Path, tmp_path: Path) -> None:
    """As a user has it: the exit code, one line, no traceback, no folder; by every command that takes models."""
    bad_files(models)
    for words in (("bundle", "make", "-o", "made"), ("bench",), ("deploy",)):
        done = sis_edge(*words, "--onnx", str(models / "odd.onnx"), cwd=tmp_path)
        assert done.returncode == 2
        assert "Frobnicate" in done.stderr
        assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
