"""The bundle of networks of the user's own: every model is run once here, then all is written, or nothing."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.build.context import save_array
from sis_edge.build.given import counts, host_run, onnx_file, tensors
from sis_edge.build.given.host_run import HostRun
from sis_edge.build.given.request import GivenRequest, Prepared, prepare
from sis_edge.build.given.shapes import words
from sis_edge.bundles import verify
from sis_edge.bundles.manifest import BUNDLE_VERSION, BY_USER, MANIFEST, GivenNetwork, Manifest
from sis_edge.bundles.provenance import provenance
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BundleError, UsageError
from sis_edge.files import stages
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.files.names import checked, safe

if TYPE_CHECKING:
    from numpy.typing import NDArray

OnNote = Callable[[str], None]

MOST = 60
"""Letters of a network's name that its bundle's has."""


def make(request: GivenRequest, target: Path, on_note: OnNote = lambda note: None) -> Bundle:
    """Make the bundle in `target`, which may be one of before; `on_note` is told what was chosen for the user.

    Raises UsageError for whatever does not fit, in a sentence, and DiskError; the folder is then as it was.
    """
    checked("bundle", target.name)
    if target.exists() and not (target / MANIFEST).is_file():
        raise UsageError(f"{target} is there and is not a bundle; name another folder with --output")
    networks, notes = prepare(request)
    for note in notes:
        on_note(note)
    return _write(request, networks, target, _key(request, networks), on_note)


def make_in(request: GivenRequest, build_folder: Path, on_note: OnNote = lambda note: None) -> Bundle:
    """The bundle in the folder of builds, made once: named after its reference and a hash of all that it is made of."""
    networks, notes = prepare(request)
    for note in notes:
        on_note(note)
    key = _key(request, networks)
    target = build_folder / f"{safe(request.reference or networks[0].model.name)[:MOST]}-{key[:12]}"
    try:
        bundle = verify.verify(target)
        if bundle.manifest.build_key == key:
            return bundle
    except BundleError:
        pass  # not there, or not whole: it is made
    return _write(request, networks, target, key, on_note)


def _key(request: GivenRequest, networks: list[Prepared]) -> str:
    import onnxruntime

    return stages.key(
        {
            "version": BUNDLE_VERSION,
            "onnxruntime": onnxruntime.__version__,
            "tflite": host_run.tflite_version() if request.tflite else None,
            "profile": request.profile,
            "reference": request.reference,
            "tolerances": [request.tolerance, request.relative_tolerance],
            "networks": [
                {
                    "name": each.model.name,
                    "source": [each.model.path.name, each.model.sha256],
                    "external": [file_sha256(each.model.path.parent / file) for file in each.model.external],
                    "shapes": [spec.model_dump(mode="json") for spec in each.specs],
                    "inputs": request.seed if each.is_random else _digest(each.inputs),
                    "files": [file and file_sha256(file) for file in (each.expect, each.labels) if _there(file)],
                }
                for each in networks
            ],
        }
    )


def _there(file: Path | None) -> bool:
    return file is None or file.is_file()  # one that is not is named when it is read


def _digest(arrays: "Mapping[str, NDArray[Any]]") -> list[str]:
    import hashlib

    return [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays.values()]


def _write(request: GivenRequest, networks: list[Prepared], target: Path, key: str, on_note: OnNote) -> Bundle:
    """Write the bundle beside its place and move it there."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with writing(target):
            part.chmod(0o755)
            given = tuple(_Writer(request, each, part, on_note).write() for each in networks)
            manifest = Manifest(
                bundle_version=BUNDLE_VERSION,
                build_key=key,
                name=target.name,
                profile=request.profile,
                reference=request.reference or networks[0].model.name,
                networks=(),
                given=given,
                provenance=provenance(),
                files=verify.file_entries(part),
            )
            verify.write_manifest(part, manifest)
            if target.exists():
                old = target.with_name(f"{part.name}.old")
                target.rename(old)
                part.rename(target)
                shutil.rmtree(old)
            else:
                part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return verify.open_bundle(target)


@dataclass(frozen=True)
class _Writer:
    """One network into its folder of the bundle in `part`."""

    request: GivenRequest
    network: Prepared
    part: Path
    on_note: OnNote

    def write(self) -> GivenNetwork:
        model, folder = self.network.model, f"given/{self.network.model.name}"
        (self.part / folder).mkdir(parents=True)
        path = f"{folder}/model.{model.runtime}"
        self._copy(self.part / path)
        tensors.save(self.part / folder / "inputs.npz", self.network.inputs)
        run = host_run.by_onnxruntime if model.runtime == "onnx" else host_run.by_tflite
        found = run(self.part / path, model.name, self.network.inputs)
        expected, source = self._expected(found)
        if expected is not None:
            tensors.save(self.part / folder / "expected.npz", expected)
        if self.network.labels is not None:
            classes = tensors.labels(self.network.labels, self.network.rows, found.specs, model.name)
            save_array(self.part / folder / "labels.npy", classes)
        return GivenNetwork(
            name=model.name,
            runtime=model.runtime,
            model=path,
            external_data=tuple(f"{folder}/{file}" for file in model.external),
            inputs=f"{folder}/inputs.npz",
            expected=f"{folder}/expected.npz" if expected is not None else None,
            expected_from=source,
            labels=f"{folder}/labels.npy" if self.network.labels is not None else None,
            golden_tolerance=self.request.tolerance,
            golden_relative_tolerance=self.request.relative_tolerance,
            input_tensors=self.network.specs,
            output_tensors=found.specs,
            opset=model.opset,
            source_name=model.path.name,
            source_sha256=model.sha256,
            inputs_are_random=self.network.is_random,
            inputs_seed=self.request.seed if self.network.is_random else None,
            parameters=counts.parameters(model.proto) if model.proto else None,
            macs=counts.macs(model.proto) if model.proto else None,
        )

    def _copy(self, target: Path) -> None:
        """The file as it is, unless axes had to be fixed: runtimes that build an engine need them so."""
        model = self.network.model
        for file in model.external:
            (target.parent / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model.path.parent / file, target.parent / file)
        shapes = {spec.name: spec.shape for spec in self.network.specs}
        if model.proto is not None and onnx_file.fixed(model.proto, shapes):
            target.write_bytes(model.proto.SerializeToString(deterministic=True))
        else:
            shutil.copyfile(model.path, target)

    def _expected(self, found: HostRun) -> "tuple[Mapping[str, NDArray[Any]] | None, str | None]":
        """What a board must compute and where it comes from; the reason instead of that where it is not known."""
        import numpy as np

        name = self.network.model.name
        if self.network.expect is None:
            if not found.outputs:
                self.on_note(f"{name}: {found.reason}, so what a board computes is not checked")
                return None, found.reason
            if not all(np.isfinite(array).all() for array in found.outputs.values()):
                self.on_note(f"{name}: its outputs for these inputs are not finite, so a board's are not compared")
                return None, f"{found.source} computes numbers that are not finite for these inputs"
            return found.outputs, found.source
        expected = tensors.load(self.network.expect, "--expect", list(found.outputs)[:1])
        if not expected:
            raise UsageError(f"--expect has no array; {name} has the outputs: {', '.join(found.outputs) or 'unknown'}")
        specs = {spec.name: spec for spec in found.specs}
        for output, array in expected.items():
            if specs and output not in specs:
                raise UsageError(f"--expect has '{output}', and {name} has the outputs: {', '.join(specs)}")
            if specs and (array.shape != specs[output].shape or array.dtype.kind != np.dtype(specs[output].dtype).kind):
                raise UsageError(
                    f"--expect has '{output}' as {array.dtype} {words(array.shape)}, and {name} gives it as "
                    f"{specs[output].dtype} {words(specs[output].shape)}"
                )
            self._compare(output, array, found)
        return expected, BY_USER

    def _compare(self, output: str, expected: "NDArray[Any]", found: HostRun) -> None:
        """Tell the user where this host computes something else than he expects."""
        import numpy as np

        if output not in found.outputs:
            return
        left, right = (array.astype(np.float64) for array in (found.outputs[output], expected))
        tolerances = {"rtol": self.request.relative_tolerance, "atol": self.request.tolerance}
        if np.allclose(left, right, equal_nan=True, **tolerances):
            return
        finite = np.isfinite(left) & np.isfinite(right)
        difference = float(np.max(np.abs(left - right)[finite], initial=0))
        by = f"by up to {difference:.3g}" if finite.all() else "with NaN or infinity in one of them"
        self.on_note(
            f"{self.network.model.name}: {found.source} computes another '{output}' than --expect has, {by}; boards "
            "will most likely differ too"
        )
