"""What computes each layer of a network, and why: a table for every network that native kernels were considered for."""

from collections.abc import Sequence

from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.bundles.sparse_form import LayerChoice, SparseForm
from sis_edge.native.costs import on_threads
from sis_edge.report import rows as show
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.kernel_choice import SparseChoice
from sis_edge.results.rows import Row
from sis_edge.results.schema import StoredRun

COLUMNS = (
    Column("Layer", is_number=False),
    Column("Kernel"),
    Column("Inputs"),
    Column("Filters"),
    Column("Density"),
    Column("Chosen", is_number=False),
    Column("Expected dense"),
    Column("Expected native"),
    Column("Why", is_number=False),
)


def layer_tables(
    run: StoredRun, rows: Sequence[Row], choices: Sequence[SparseChoice], mark: str | None
) -> tuple[Table, ...]:
    """A table for each such network of the run, in the bundle's order."""
    measured = {row.identity.network for row in rows if row.latency.samples}
    return tuple(
        Table(
            title=f"Layers of {entry.name}",
            caption=" ".join(sentences(entry.sparse, _choice(choices, entry.name), entry.int8_expected_s)),
            columns=COLUMNS,
            cells=tuple(_cells(layer) for layer in entry.sparse.layers),
            notes=() if entry.sparse.calibration else (f"–: {entry.sparse.basis}",),
            name=f"layers-{entry.name}",
            mark=mark,
        )
        for entry in run.manifest.networks
        if entry.sparse is not None and entry.name in measured
    )


def _choice(choices: Sequence[SparseChoice], network: str) -> SparseChoice | None:
    """That of the form whose layers are shown: native kernels in float32."""
    return next((choice for choice in choices if (choice.network, choice.precision) == (network, "fp32")), None)


def sentences(form: SparseForm, choice: SparseChoice | None, int8_s: float | None = None) -> list[str]:
    """Which kernels were chosen and why, the speed-up expected from them, and the form to use.

    `int8_s` are the seconds of an image that are expected in INT8.
    """
    native = sum(layer.chosen == "native" for layer in form.layers)
    found = [f"Native kernels compute {native} of {len(form.layers)} layers; {form.basis}."]
    if form.absent is not None:
        found = [f"There is no form with native kernels: {form.absent}; {form.basis}."]
    if form.doubt is not None:
        found.append(f"Caution: {form.doubt}.")
    if form.dense_s is not None and form.compact_s is not None and form.chosen_s is not None:
        chosen, compact = show.ratio(form.dense_s / form.chosen_s), show.ratio(form.dense_s / form.compact_s)
        found.append(
            f"Expected per image on {on_threads(form.threads)}: {show.seconds(form.chosen_s)}, {chosen} the speed of "
            f"the dense network ({compact} with ONNX Runtime alone). Times of single layers exclude copies between "
            "layouts."
        )
    if form.dense_s is not None and int8_s is not None:
        ratio = show.ratio(form.dense_s / int8_s)
        found.append(
            f"Expected in INT8, all by native kernels: {show.seconds(int8_s)}, {ratio} the speed of the dense network."
        )
    if choice is not None:
        found.append(f"{'Use it' if choice.use_sparse else 'Use the plain form'}: {choice.reason}.")
    return found


def short(entry: NetworkEntry, choice: SparseChoice | None) -> str | None:
    """The same in a line for a terminal; None where native kernels were not considered."""
    form = entry.sparse
    if form is None:
        return None
    if form.network is None:
        return f"{entry.name}: no native kernels, {form.absent}"
    native = sum(layer.chosen == "native" for layer in form.layers)
    text = f"{entry.name}: native kernels in {native} of {len(form.layers)} layers"
    if form.dense_s is not None and form.chosen_s is not None:
        text += f", expected {show.ratio(form.dense_s / form.chosen_s)} on {on_threads(form.threads)}"
    if choice is not None:
        text += "; use them" if choice.use_sparse else f"; use the plain form ({choice.reason})"
    return text


def _cells(layer: LayerChoice) -> tuple[Cell, ...]:
    return (
        Cell(layer.layer),
        Cell(f"{layer.kernel} × {layer.kernel}"),
        Cell(show.count(layer.inputs)),
        Cell(show.count(layer.filters)),
        Cell(show.share(layer.share)),
        Cell(layer.words),
        _expected(layer.dense_s),
        _expected(layer.native_s),
        Cell(layer.why),
    )


def _expected(seconds: float | None) -> Cell:
    return Cell("–", is_known=False) if seconds is None else Cell(show.seconds(seconds))
