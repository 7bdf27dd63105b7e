"""What computes each layer of a network, and why: a table for every network that native kernels were considered for."""

from collections.abc import Sequence

from sis_edge.bundles.manifest import LayerChoice, NetworkEntry, SparseForm
from sis_edge.native.costs import on_threads
from sis_edge.report import rows as show
from sis_edge.report.tables import Cell, Column, Table
from sis_edge.results.comparison import Row
from sis_edge.results.kernel_choice import SparseChoice
from sis_edge.results.schema import StoredRun

TITLES = (
    ("Layer", False),
    ("Kernel", True),
    ("Inputs", True),
    ("Filters", True),
    ("Share", True),
    ("Chosen", False),
    ("Expected dense", True),
    ("Expected native", True),
    ("Why", False),
)
COLUMNS = tuple(Column(title, (), str, is_number) for title, is_number in TITLES)


def layer_tables(
    run: StoredRun, rows: Sequence[Row], choices: Sequence[SparseChoice], mark: str | None
) -> tuple[Table, ...]:
    """A table for each such network of the run, in the bundle's order."""
    measured = {row.network for row in rows if row.samples}
    return tuple(
        Table(
            name=f"layers-{entry.name}",
            title=f"Layers of {entry.name}",
            caption=" ".join(sentences(entry.sparse, next((c for c in choices if c.network == entry.name), None))),
            mark=mark,
            columns=COLUMNS,
            cells=tuple(_cells(layer) for layer in entry.sparse.layers),
            notes=() if entry.sparse.calibration else (f"–: {entry.sparse.basis}",),
        )
        for entry in run.manifest.networks
        if entry.sparse is not None and entry.name in measured
    )


def sentences(form: SparseForm, choice: SparseChoice | None) -> list[str]:
    """What was chosen on what grounds, what that should bring, and what it brought."""
    native = sum(layer.chosen == "native" for layer in form.layers)
    found = [f"Native kernels compute {native} of {len(form.layers)} layers; {form.basis}."]
    if form.doubt is not None:
        found.append(f"Caution: {form.doubt}.")
    if form.dense_s is not None and form.compact_s is not None and form.chosen_s is not None:
        chosen, alone = show.ratio(form.dense_s / form.chosen_s), show.ratio(form.dense_s / form.compact_s)
        found.append(
            f"Expected for one image on {on_threads(form.threads)}: {show.seconds(form.chosen_s)}, {chosen} the speed "
            f"of the dense one ({alone} in ONNX Runtime alone); single layers without copies between layouts."
        )
    if form.absent is not None:
        found[0] = f"There is no form with native kernels: {form.absent}; {form.basis}."
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
    def expected(seconds: float | None) -> Cell:
        return Cell("–", (), is_known=False) if seconds is None else Cell(show.seconds(seconds), ())

    kernel = f"{layer.kernel} × {layer.kernel}"
    return (
        *(Cell(text, ()) for text in (layer.layer, kernel, show.count(layer.inputs), show.count(layer.filters))),
        *(Cell(text, ()) for text in (show.share(layer.share), layer.chosen)),
        *(expected(seconds) for seconds in (layer.dense_s, layer.native_s)),
        Cell(layer.why, ()),
    )
