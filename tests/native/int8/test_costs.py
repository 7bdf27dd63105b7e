"""What networks cost by the INT8 kernels: stages and vectors as the kernels have them, and costs that a fit finds."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sis_agent.calibration import calibrate as calibration_of_agent
from sis_agent.native.library import Library
from sis_edge.errors import RecordError, UsageError
from sis_edge.formation import form, preset
from sis_edge.formation.compaction import compact
from sis_edge.native import calibrations, choice, costs
from sis_edge.native.blob import Pairs
from sis_edge.native.int8 import geometry, probes, work
from sis_edge.native.int8.probes import Int8Probe
from sis_edge.native.int8.work import Finish, Quantise, Spread
from sis_edge.native.predict import predict
from sis_edge.spec import LayerSpec, nin

from ..test_costs import RUN_S, calibration, seconds_of

AVX512, AVX2 = geometry.instruction_set("avx512-vnni"), geometry.instruction_set("avx2")
SOURCES = Path(geometry.__file__).parent.parent / "c"


def some(layer: LayerSpec, share: float) -> Pairs:
    return np.random.default_rng(0).random((layer.filters, layer.inputs)) < share


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("avx512-vnni", "int8_avx512.c"),
        ("avx-vnni", "int8_avx2_pack.h"),
        ("avx2", "int8_avx2_pack.h"),
        ("neon-dotprod", "int8_neon_pack.h"),
        ("neon", "int8_neon_pack.h"),
        ("portable", "int8_portable.c"),
    ],
)
def test_vectors_and_tiles_are_those_of_the_kernels(name: str, source: str) -> None:
    found = dict(re.findall(r"#define (LANES|TILE|MOST_SUMS) (\d+)", (SOURCES / source).read_text()))
    isa = geometry.instruction_set(name)
    assert [int(found[key]) for key in ("LANES", "TILE", "MOST_SUMS")] == [isa.lanes, isa.tile, isa.most_rows]


def test_every_instruction_set_of_the_library_is_known(library: Library) -> None:
    assert set(library.int8_instruction_sets()) <= set(geometry.INSTRUCTION_SETS)
    with pytest.raises(UsageError, match="unknown INT8 instruction set 'mmx'; known: avx512-vnni"):
        geometry.instruction_set("mmx")


def test_maps_are_cut_as_the_plan_cuts_them() -> None:
    assert geometry.cut(AVX512, 32) == geometry.Cut(1, 32, 2)
    assert geometry.cut(AVX512, 8) == geometry.Cut(2, 4, 1)
    assert geometry.cut(AVX2, 8) == geometry.Cut(1, 8, 1)
    assert geometry.cut(AVX2, 2) == geometry.Cut(2, 1, 1)
    assert geometry.tiles(AVX512, 32) == 16
    assert geometry.row_tiles(AVX512, 5, 21) == [16, 4, 1]
    assert geometry.row_tiles(AVX2, 7, 10) == [8, 1, 1], "other sides of kernels have eight rows or one"


POOLED = Int8Probe((LayerSpec("C1", "CL", 3, 8, 3, 8, 2), LayerSpec("MP1", "MP", 8, 10, 1, 4)))


@pytest.mark.parametrize("probe", [probes.INT8[-1], POOLED], ids=["whole network", "pooled before 1 x 1"])
def test_the_stages_are_those_of_the_plan(library: Library, probe: Int8Probe) -> None:
    for name in library.int8_instruction_sets():
        with library.chain(probe.blob(), name) as chain:
            images, outputs = (np.zeros((1, *shape), np.float32) for shape in (chain.input_shape, chain.output_shape))
            seen = [layer for layer, _ in chain.profile(images, outputs)]
        laid = probe.stages
        assert (laid[0], laid[-1]) == (Quantise(probe.layers[0]), Finish(probe.layers[-1]))
        layers = {layer: number for number, layer in enumerate(probe.layers)}
        of = [layers[stage.layer] if not isinstance(stage, int) else stage for stage in laid]
        assert of == seen
        assert Spread(probe.layers[3 if probe is not POOLED else 1], 2) in laid, "maps are pooled on the way"


def test_what_brings_maps_to_a_layer_is_its_own_and_the_end_is_the_last_ones() -> None:
    layers = (
        LayerSpec("C1", "CL", 3, 8, 3, 8, 2),
        LayerSpec("MP1", "MP", 8, 8, 1, 4),
        LayerSpec("MP2", "MP", 8, 10, 1, 4),
    )
    laid = [Quantise(layers[0]), Spread(layers[0], 1), 0, Spread(layers[1], 2), 1, 2, Finish(layers[2])]
    assert work.stages(layers) == laid
    assert work.by_layer(layers, [1, 2, 4, 8, 16, 32, 64]) == [1 + 2 + 4, 8 + 16, 32 + 64]


def test_sums_of_products_are_counted_as_the_kernels_add_them() -> None:
    layer = LayerSpec("C2", "CL", 80, 128, 5, 16)
    pairs = some(layer, 0.3)
    existing = pairs.sum()
    corners = pairs.reshape(128, 20, 4).any(axis=2).sum()
    counts = work.of_stage(AVX512, 1, [(layer, pairs), (layer, pairs)])
    assert counts["quads5x16s16"] == existing * 74, "16 rows x 5 without the rows in the frame of zeros"
    assert counts["singles16"] == (existing + corners) * 16
    assert counts["stored5s16"] == 128 * 16
    first = work.of_stage(AVX512, 0, [(layer, pairs)])
    assert first["quads5x16s16"] == existing * 80, "the image's zero point fills its frame"
    banded = work.of_stage(AVX512, 1, [(layer, pairs), (replace(layer, kernel=3, map_side=8), pairs)])
    assert banded["quads3x4s8"] == existing * 12
    assert "singles8" not in banded
    halved = work.of_stage(AVX2, 1, [(layer, pairs), (layer, pairs)])
    assert halved["quads5x8s16"] == existing * 2 * 74, "two strips; the frame is left out above or below"
    seven = work.of_stage(AVX2, 1, [(layer, pairs), (replace(layer, kernel=7, map_side=9), pairs)])
    assert (seven["quads7x8s9"], seven["quads7x1s9"]) == (existing * 2 * 2 * 56, existing * 2 * 2 * 7)


def test_four_filters_pay_for_four_inputs_of_1x1() -> None:
    layer = LayerSpec("MP1", "MP", 10, 6, 1, 32)
    pairs = np.zeros((6, 10), bool)
    pairs[[0, 3, 5], [1, 0, 9]] = True  # the first two share a block of four by four
    counts = work.of_stage(AVX512, 0, [(layer, pairs)])
    assert counts["points32"] == 2 * 4 * 64
    assert counts["stored1s32"] == 2 * 4 * 64
    assert counts["jumps1"] == pytest.approx(2 * 64 * (1 - 2 / 6))


def test_a_fit_finds_the_costs_of_int8_again() -> None:
    model = costs.fit(calibration())
    assert model.fit_error["the INT8 kernels"] < 0.01
    plans = compact(form(nin(), preset("cifar10-sis1").formation()))
    parts = [(plan.spec, choice.pairs_of(plan)) for plan in plans]
    expected = [seconds_of(work.of_stage(AVX512, stage, parts)) for stage in work.stages([p.spec for p in plans])]
    assert model.int8_s(parts) == pytest.approx(RUN_S + sum(expected), rel=0.01)
    assert model.int8 is not None
    layers_s = model.int8.layers_s(parts)
    assert layers_s[0] == pytest.approx(sum(expected[:3]), rel=0.02), "with the rounding of the image, and its planes"
    assert layers_s[-1] == pytest.approx(sum(expected[-2:]), rel=0.02), "with the end of the chain"
    assert sum(layers_s) + model.run_s == model.int8_s(parts)


def test_every_chain_finds_costs_of_its_kind() -> None:
    """What no probe has costs what is like it, never the dearest of all kinds."""
    model = costs.fit(calibration())
    assert model.int8 is not None
    known = {re.split(r"\d", kind)[0] for kind in model.int8.seconds}
    layers = (
        LayerSpec("C1", "CL", 3, 9, 7, 12, 3),
        LayerSpec("MP1", "MP", 9, 8, 1, 4),
        LayerSpec("C2", "CL", 8, 10, 3, 4, 2),
    )
    parts = [(layer, some(layer, 0.5)) for layer in layers]
    for isa in geometry.INSTRUCTION_SETS.values():
        for stage in work.stages(layers):
            assert {re.split(r"\d", kind)[0] for kind in work.of_stage(isa, stage, parts)} <= known


def test_a_calibration_of_before_int8_is_read_and_its_costs_are_unknown() -> None:
    whole = calibration()
    old = costs.Calibration.model_validate(whole.model_dump(exclude={"int8", "int8_instruction_set"}))
    model, graph = costs.fit(old), form(nin(), preset("svhn-sis3").formation())
    assert model.int8 is None
    assert list(model.fit_error) == ["the sparse kernels", "ONNX Runtime"]
    found = predict(model, graph)
    assert (found.int8_s, found.int8_speed_up) == (None, None)
    assert found.chosen == predict(costs.fit(whole), graph).chosen


def test_a_stored_calibration_of_an_unknown_instruction_set_is_measured_again(tmp_path: Path) -> None:
    """It is no mistake of the user's: what cannot be read is a RecordError, after which `calibrate` measures."""
    path = tmp_path / "calibration.json"
    whole = calibration()
    path.write_text(whole.model_dump_json())
    assert calibrations.read(path) == whole
    for field in ("instruction_set", "int8_instruction_set"):
        path.write_text(whole.model_copy(update={field: "mmx"}).model_dump_json())
        with pytest.raises(RecordError, match=r"unknown .*instruction set 'mmx'.*; calibrate the board again"):
            calibrations.read(path)


@pytest.mark.parametrize("threads", [1, 2])
def test_probes_in_int8_are_timed_stage_by_stage(library: Library, threads: int) -> None:
    probe = probes.INT8[-1]
    given = calibration_of_agent.Probes({}, {}, {}, {probe.name: probe.blob()})
    sets = library.instruction_sets()
    found = calibration_of_agent.time_probes(library, given, sets[-1], threads, each_s=0.01)
    assert found["native"] == {}
    assert len(found["int8"][probe.name]) == len(probe.stages)
    assert all(seconds > 0 for seconds in found["int8"][probe.name])
