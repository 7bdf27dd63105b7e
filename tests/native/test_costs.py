"""The cost model: what it counts, that it finds costs again, and that choosing is the best of all ways."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sis_edge.errors import RecordError, UsageError
from sis_edge.formation import form, preset
from sis_edge.formation.compaction import compact
from sis_edge.formation.formation import Formation
from sis_edge.native import choice, costs, geometry, probes
from sis_edge.native.costs import Calibration, CostModel
from sis_edge.native.predict import predict
from sis_edge.spec import LayerSpec, nin

AVX512, NEON = geometry.instruction_set("avx512"), geometry.instruction_set("neon")


def calibration(dense_mac_s: float = 1e-11, name: str = "avx512") -> Calibration:
    """What a board of known costs would measure."""
    isa = geometry.instruction_set(name)
    native, dense = {}, {}
    for probe in probes.NATIVE:
        work = costs.native_work(isa, probe.spec, probe.pairs(), probe.block)
        native[probe.name] = [
            sum(costs.relayout_work(isa, probe.inputs, probe.side).values()) * 3e-9,
            sum(count * (2e-10 if "x" in kind else 1e-9) for kind, count in work.items()),
            sum(costs.relayout_work(isa, probe.filters, probe.side).values()) * 3e-9,
        ]
    for probe in probes.DENSE:
        work = [costs.dense_work(isa, layer) for layer in probe.layers]
        macs = sum(count for part in work for kind, count in part.items() if kind[-1].isdecimal())
        dense[probe.name] = [1e-5 + macs * dense_mac_s]
    return Calibration(
        board="b",
        cpu=None,
        library="x86_64-0",
        instruction_set=name,
        onnxruntime="1",
        peak_flops=1e11,
        native=native,
        dense=dense,
    )


def test_a_fit_finds_the_costs_again() -> None:
    model = costs.fit(calibration())
    assert model.run_s == pytest.approx(1e-5, rel=0.01)
    layer = LayerSpec("C2", "CL", 80, 128, 5, 16)
    assert model.dense_s(layer) == pytest.approx(layer.synapse_count * layer.positions * 1e-11, rel=0.01)
    pairs = np.random.default_rng(0).random((128, 80)) < 0.3
    taps = pairs.sum() * 25 * 16
    assert model.native_s(layer, pairs) == pytest.approx(taps * 2e-10 + 128 * 16 * 1e-9, rel=0.01)
    assert model.relayout_s(10, 16) == pytest.approx(10 * 16 * 2 * 3e-9, rel=0.01)


@pytest.mark.parametrize("name", geometry.INSTRUCTION_SETS)
def test_every_instruction_set_can_be_fitted_and_predicted(name: str) -> None:
    model = costs.fit(calibration(name=name))
    for row in ("nin", "cifar10-sis1", "svhn-sis3"):
        found = predict(model, form(nin(), preset(row).formation()))
        assert 0 < found.chosen.seconds <= found.compact_s * 1.0001
        assert found.compact_s <= found.dense_s * 1.0001


def test_a_layer_costs_by_what_exists_of_it() -> None:
    model = costs.fit(calibration())
    layer = LayerSpec("C2", "CL", 96, 192, 5, 16)
    pairs = np.random.default_rng(0).random((192, 96))
    seconds = [model.native_s(layer, pairs < share) for share in (0.05, 0.25, 0.5, 1)]
    assert seconds == sorted(seconds)
    assert seconds[3] / seconds[1] == pytest.approx(4, rel=0.15)


def test_wider_blocks_pay_for_1x1_kernels_that_stand_together() -> None:
    model = costs.fit(calibration())
    layer = LayerSpec("MP1", "MP", 128, 96, 1, 32)
    together = np.repeat(np.random.default_rng(0).random((12, 128)) < 0.2, 8, axis=0)
    assert model.native_s(layer, together) == model.native_s(layer, together, 8)
    alone = np.random.default_rng(0).random((96, 128)) < 0.2
    assert choice.best_block(model, layer, alone)[1] <= model.native_s(layer, alone)


@given(seconds=st.lists(st.floats(1e-7, 1e-3), min_size=18, max_size=18), copy=st.floats(1e-10, 1e-7))
@settings(max_examples=60, deadline=None)
def test_the_chosen_way_is_the_cheapest_of_all(seconds: list[float], copy: float) -> None:
    plans = compact(form(nin(), Formation()))

    class Model(CostModel):
        def native_s(self, layer: LayerSpec, pairs: choice.Pairs, block: int = 1) -> float:
            return seconds[[plan.spec.name for plan in plans].index(layer.name)]

        def dense_s(self, layer: LayerSpec, before: LayerSpec | None = None) -> float:
            return seconds[9 + [plan.spec.name for plan in plans].index(layer.name)]

    model = Model(AVX512, {}, {"rows": copy, "row_vectors": 0.0}, {}, run_s=0.0)

    def cost(way: tuple[str, ...]) -> float:
        total, last, before = 0.0, "dense", None
        for plan, kind in zip(plans, way, strict=True):
            layer = plan.spec
            total += model.native_s(layer, choice.pairs_of(plan)) if kind == "native" else model.dense_s(layer)
            if kind == "native" and not (last == "native" and layer.kernel == 1 and before and before.pool == 1):
                total += model.relayout_s(layer.inputs, layer.map_side)
            if kind == "dense" and last == "native" and before:
                total += model.relayout_s(before.filters, before.map_side)
            last, before = kind, layer
        return total

    best = min(cost(way) for way in product(("dense", "native"), repeat=9))
    found = choice.choose(model, plans)
    assert found.seconds == pytest.approx(best)
    assert cost(tuple(layer.kind for layer in found.choices)) == pytest.approx(best)
    widths = choice.blocks(found.choices)
    assert [width > 0 for width in widths] == [layer.kind == "native" for layer in found.choices]


def test_every_choice_says_why() -> None:
    slow_dense, fast_dense = (costs.fit(calibration(mac_s)) for mac_s in (1e-9, 1e-14))
    plans = compact(form(nin(), preset("cifar10-sis1").formation()))
    assert {layer.kind for layer in choice.choose(slow_dense, plans).choices} == {"native"}
    for layer in choice.choose(fast_dense, plans).choices:
        assert layer.kind == "dense"
        assert layer.why.endswith("faster than native kernels")


def test_without_a_calibration_the_structure_decides() -> None:
    dense = compact(form(nin(), Formation()))
    assert {layer.kind for layer in choice.choose_by_structure(dense, dense)} == {"dense"}
    found = {}
    for name in ("cifar10-sis1", "cifar10-sis3"):
        plans = compact(form(nin(), preset(name).formation()))
        found[name] = choice.choose_by_structure(plans, dense)
        assert all((layer.dense_s, layer.native_s) == (None, None) for layer in found[name])
    by_name = {layer.layer.name: layer for layer in found["cifar10-sis1"]}
    assert by_name["C2"].why == "sparse: 25% of its kernels exist"
    assert (by_name["MP2a"].kind, by_name["MP2a"].why) == ("native", "stands between native layers")
    assert (by_name["MP3b"].kind, by_name["MP3b"].why) == ("dense", "neither sparse nor small")
    by_name = {layer.layer.name: layer for layer in found["cifar10-sis3"]}
    assert (by_name["C1"].kind, by_name["MP1b"].kind) == ("dense", "native")
    assert by_name["MP1b"].why == "small: 6% of the dense layer's work"


def test_a_calibration_without_a_probe_is_refused() -> None:
    whole = calibration()
    name = probes.NATIVE[0].name
    broken = whole.model_copy(update={"native": {key: value for key, value in whole.native.items() if key != name}})
    with pytest.raises(RecordError, match=f"lacks {name}; calibrate the board again"):
        costs.fit(broken)


def test_an_unknown_instruction_set_lists_the_known() -> None:
    with pytest.raises(UsageError, match="no instruction set 'mmx'; known: avx512, avx2"):
        geometry.instruction_set("mmx")


def test_narrow_maps_are_cut_into_bands_where_shifts_exist() -> None:
    assert geometry.cut(AVX512, 8, 3) == geometry.Cut(2, 4, 1)
    assert geometry.cut(AVX512, 8, 7) == geometry.Cut(1, 8, 1)
    assert geometry.cut(AVX512, 32, 5) == geometry.Cut(1, 32, 2)
    assert geometry.cut(NEON, 8, 3) == geometry.Cut(1, 8, 2)


@given(filters=st.integers(1, 300), most=st.integers(1, 14))
def test_blocks_are_few_and_even(filters: int, most: int) -> None:
    found = geometry.blocks(filters, most)
    assert sum(found) == filters
    assert max(found) <= most
    assert max(found) - min(found) <= 1
    assert len(found) == -(-filters // most)


def test_probes_have_names_of_their_own() -> None:
    for kind in (probes.NATIVE, probes.DENSE):
        names = [probe.name for probe in kind]
        assert len(set(names)) == len(names)
