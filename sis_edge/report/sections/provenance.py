"""Where the numbers come from: hashes, versions, seeds and parity."""

from collections.abc import Mapping

from sis_edge.bundles.manifest import GivenNetwork, NetworkEntry
from sis_edge.bundles.own_images import OwnImages
from sis_edge.report import rows as show
from sis_edge.results.rows.structure import tensor_text
from sis_edge.results.schema import StoredRun


def provenance(run: StoredRun) -> tuple[tuple[str, str], ...]:
    """Label and text of each origin."""
    manifest, made = run.manifest, run.manifest.provenance
    on_board = {name: version for name, version in run.record.facts_before.packages.items() if version}
    return (
        ("Run", run.record.run_id),
        ("Bundle", f"{manifest.name} ({run.bundle_id})"),
        *((("Data set", f"{manifest.dataset}, SHA-256 {manifest.dataset_sha256}"),) if manifest.dataset else ()),
        *((("Own images", _own_images(manifest.own_images)),) if manifest.own_images else ()),
        ("Agent", run.record.agent_id),
        ("sis-edge", f"{made.sis_edge}, Python {made.python}, bundle made {made.created_at}"),
        ("Built on", f"{made.host_machine}, {made.host_cpu or 'CPU unknown'}"),
        ("Packages of the host", _versions(made.packages)),
        ("Packages of the board", _versions(on_board)),
        *((f"Graph of {entry.name}", _graph(entry)) for entry in manifest.networks),
        *((f"Weights of {entry.name}", _weights(entry)) for entry in manifest.networks),
        *((f"Source of {entry.name}", _source(entry)) for entry in manifest.given),
        *((f"Outputs of {entry.name}", _outputs(entry)) for entry in manifest.given),
    )


def _own_images(own: OwnImages) -> str:
    return own.source if not own.skipped else f"{own.source} Left out: {', '.join(own.skipped)}"


def _versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))


def _graph(entry: NetworkEntry) -> str:
    return f"seed {entry.graph_seed}, SHA-256 {entry.graph_sha256}"


def _source(entry: GivenNetwork) -> str:
    opset = "" if entry.opset is None else f", opset {entry.opset}"
    kind = {"onnx": "ONNX", "tflite": "TensorFlow Lite"}[entry.runtime]
    return f"{entry.source_name} ({kind}{opset}), SHA-256 {entry.source_sha256}"


def _outputs(entry: GivenNetwork) -> str:
    shapes = "; ".join(map(tensor_text, entry.output_tensors))
    if entry.expected is None:
        return f"{shapes}; nothing to compare with: {entry.expected_from or 'none were given'}"
    relative = entry.golden_relative_tolerance
    share = f" and {relative:g} of each value" if relative else ""
    return f"{shapes}; expected ones: {entry.expected_from}; tolerance {entry.golden_tolerance:g}{share}"


def _weights(entry: NetworkEntry) -> str:
    training, parity = entry.training, entry.parity
    how = "" if training.seed is None else f"seed {training.seed}, precision {training.precision}; "
    return (
        f"{training.recipe}; {how}"
        f"ONNX against PyTorch on {show.plural(parity.images, 'image')}: largest difference "
        f"{parity.max_abs_difference:.2e}, same top-1 on {show.percent(parity.top1_agreement)}"
    )
