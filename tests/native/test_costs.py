"""The cost model: what it counts, that it finds costs again, and that choosing is the best of all ways."""

import re
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sis_edge.errors import RecordError, UsageError
from sis_edge.formation import form, preset
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.formation.formation import Formation
from sis_edge.native import choice, costs, fitting, geometry, probes, work
from sis_edge.native.costs import Calibration, CostModel
from sis_edge.native.int8 import geometry as int8_geometry
from sis_edge.native.int8 import probes as int8_probes
from sis_edge.native.int8 import work as int8_work
from sis_edge.native.int8.probes import Int8Probe
from sis_edge.native.predict import predict
from sis_edge.native.work import Copy, Transform
from sis_edge.spec import LayerSpec, nin

AVX512, NEON = geometry.instruction_set("avx512"), geometry.instruction_set("neon")

INT8_OF = {"avx512": "avx512-vnni", "avx2": "avx2", "neon": "neon-dotprod", "portable": "portable"}

ADDED_S, RUN_S, NODE_S = 4e-6, 1e-5, 1e-7
"""On a board of known costs: what the profiler adds to a node, what a run takes beside its layers, and a node."""


def calibration(dense_mac_s: float = 1e-11, name: str = "avx512", slow: float = 1.0) -> Calibration:
    """What a board of known costs would measure; `slow` is by how much every second network was disturbed."""
    isa = geometry.instruction_set(name)
    native: dict[str, list[float]] = {}
    dense: dict[str, list[float]] = {}
    operators: dict[str, list[str]] = {}
    plain = {probes.REST.name: RUN_S}
    for number, probe in enumerate(probes.NATIVE):
        seconds = []
        for stage in probe.stages:
            if isinstance(stage, Copy):
                seconds.append(sum(work.copied(isa, stage).values()) * 3e-9)
            else:
                counts = (
                    work.transformed(isa, stage)
                    if isinstance(stage, Transform)
                    else costs._part_work(isa, probe.parts[stage])
                )
                seconds.append(sum(count * native_s(kind) for kind, count in counts.items()))
        native[probe.name] = [value * (slow if number % 2 else 1) for value in (*seconds, 1e-6)][: probe.stage_count]
    for number, network in enumerate(probes.DENSE):
        nodes_s, names = [], []
        for layer in network.layers:
            macs = sum(n for kind, n in work.dense(isa, layer).items() if kind.startswith(("dense", "thin", "odd")))
            nodes_s.append(NODE_S + macs * dense_mac_s)
            names.append("FusedConv")
            if layer.pool > 1:
                nodes_s.append(NODE_S + layer.filters * layer.positions * 1e-10)
                names.append("MaxPool")
        nodes_s = [value * (slow if number % 2 else 1) for value in nodes_s]
        plain[network.name] = RUN_S + sum(nodes_s)
        dense[network.name] = [*(value + ADDED_S for value in nodes_s), 1e-5]
        operators[network.name] = [*names, "GlobalAveragePool"]
    return Calibration(
        board="b",
        cpu=None,
        library="x86_64-0",
        instruction_set=name,
        onnxruntime="1",
        peak_flops=1e11,
        native=native,
        dense=dense,
        plain=plain,
        operators=operators,
        int8_instruction_set=INT8_OF[name],
        int8={probe.name: int8_measured(INT8_OF[name], probe) for probe in int8_probes.INT8},
    )


def int8_measured(name: str, probe: Int8Probe) -> list[float]:
    """Seconds of the stages of a chain in INT8 on that board."""
    isa, parts = int8_geometry.instruction_set(name), probe.parts
    return [seconds_of(int8_work.of_stage(isa, stage, parts)) for stage in probe.stages]


def seconds_of(counts: work.Work) -> float:
    """Of work in INT8: sums of four products, stages, all else."""
    each_s = {"quads": 3e-10, "points": 2e-10, "stages": 1e-7}
    return sum(count * each_s.get(re.split(r"\d", kind)[0], 1e-9) for kind, count in counts.items())


def native_s(kind: str) -> float:
    """Seconds of a kind of work of the kernels on that board."""
    return 2e-10 if kind.startswith(("wide", "banded", "any")) else 1e-9


def test_a_fit_finds_the_costs_again() -> None:
    model = costs.fit(calibration())
    assert model.run_s == pytest.approx(RUN_S)
    layer = LayerSpec("C2", "CL", 80, 128, 5, 16)
    macs = 80 * 128 * 74**2  # taps that lie in the map: 16 x 5 but three at each end, in both directions
    assert model.dense_s(layer) == pytest.approx(macs * 1e-11 + NODE_S, rel=0.01)
    assert model.pool_s(nin().layers[2]) == pytest.approx(96 * 32 * 32 * 1e-10 + NODE_S, rel=0.01)
    pairs = np.random.default_rng(0).random((128, 80)) < 0.3
    counts = work.native(AVX512, layer, pairs)
    assert counts["wide5x16s16"] == pairs.sum() * 5 * 74
    expected = sum(count * native_s(kind) for kind, count in counts.items())
    assert model.native_s(layer, pairs) == pytest.approx(expected, rel=0.01)
    assert model.copy_s(Copy(10, 16)) == pytest.approx(10 * 16 * 2 * 3e-9, rel=0.01)
    assert model.copy_s(Copy(10, 16, 2)) == pytest.approx(10 * 16 * (1 + 2 * 2) * 3e-9, rel=0.01)
    assert max(model.fit_error.values()) < 0.01


def test_what_disturbed_a_calibration_shows_in_its_fit() -> None:
    quiet, disturbed = (
        found.model_copy(update={"fit_error": dict(costs.fit(found).fit_error)})
        for found in (calibration(), calibration(slow=2.0))
    )
    assert quiet.doubt is None
    assert quiet.model_copy(update={"other_cores": 0.25}).doubt is None
    assert "kept 0.30 cores busy (limit 0.25)" in str(quiet.model_copy(update={"other_cores": 0.3}).doubt)
    assert quiet.model_copy(update={"fit_error": {"ONNX Runtime": 0.149}}).doubt is None
    doubt = quiet.model_copy(update={"fit_error": {"ONNX Runtime": 0.16}}).doubt
    assert "cost-model error for ONNX Runtime is 16.0% (limit 15.0%)" in str(doubt)
    assert "other programs kept 1.25 cores busy" in str(quiet.model_copy(update={"other_cores": 1.25}).doubt)
    assert disturbed.doubt is not None
    assert "the calibration of b is doubtful" in disturbed.doubt
    assert "`sis-edge calibrate --again`" in disturbed.doubt
    worst = max(disturbed.fit_error.values())
    assert worst > costs.LARGE_ERROR
    assert f"is {worst:.1%} (limit 15.0%)" in disturbed.doubt


@pytest.mark.parametrize("name", geometry.INSTRUCTION_SETS)
def test_every_instruction_set_can_be_fitted_and_predicted(name: str) -> None:
    model = costs.fit(calibration(name=name))
    for row in ("nin", "cifar10-sis1", "svhn-sis3"):
        found = predict(model, form(nin(), preset(row).formation()))
        assert 0 < found.chosen.seconds <= found.compact_s * 1.0001
        assert found.compact_s <= found.dense_s * 1.0001
        assert found.int8_s is not None
        assert found.int8_speed_up == found.dense_s / found.int8_s
        dense = predict(model, form(nin(), Formation())).int8_s
        assert dense is not None
        assert 0 < found.int8_s <= dense


def test_a_prediction_is_over_the_dense_network_and_counts_the_session() -> None:
    model, graph = costs.fit(calibration(1e-9)), form(nin(), preset("cifar10-sis3").formation())
    found, longer = predict(model, graph), predict(replace(model, run_s=model.run_s + 1.0), graph)
    assert found.speed_up == found.dense_s / found.chosen.seconds > found.compact_speed_up
    assert found.compact_speed_up == found.dense_s / found.compact_s > 1
    assert longer.chosen.seconds == pytest.approx(found.chosen.seconds + 1)
    assert longer.dense_s == pytest.approx(found.dense_s + 1)
    last = nin().layers[-1]
    slower = dict(model.dense) | {kind: cost + 1e-6 for kind, cost in model.dense.items() if kind == "reorder"}
    reordered = replace(model, dense=slower)
    added_s = reordered.reorder_s(last) - model.reorder_s(last)
    assert added_s > 0
    assert predict(reordered, graph).dense_s - found.dense_s == pytest.approx(added_s)


def test_relative_errors_are_fitted_so_that_short_samples_count_as_long_ones() -> None:
    """Two measurements that contradict each other: an absolute fit would follow the longer one alone."""
    found = fitting.solve([({"macs": 100.0}, 1e-4), ({"macs": 10.0}, 2e-5)], 0.0)
    assert found["macs"] == pytest.approx(1.2e-6, rel=1e-3)  # least squares of 1e6 x - 1 and 5e5 x - 1


def test_work_that_no_sample_has_costs_nothing() -> None:
    """The probes of an instruction set need not do every kind of work."""
    found = fitting.solve([({"macs": 100.0, "rows": 0.0}, 1e-4), ({"macs": 50.0, "rows": 0.0}, 5e-5)], 0.0)
    assert found == {"macs": pytest.approx(1e-6), "rows": 0.0}


def test_work_that_no_probe_had_costs_what_the_nearest_does() -> None:
    model = CostModel(AVX512, {"wide5x8s16": 1.0, "wide5x4s16": 2.0, "banded5x16s16": 9.0}, {}, {}, 0.0, {})
    assert fitting.total({"wide5x16s16": 3}, model.native) == 3.0
    assert fitting.total({"banded5x1s16": 1}, model.native) == 9.0
    assert fitting.total({"unheard": 1}, model.native) == 9.0, "the dearest, where nothing is like it"


def test_a_choice_names_how_many_times_faster_it_is() -> None:
    assert choice._why("native", 3e-6, 1e-6) == "3.00x faster than ONNX Runtime"
    assert choice._why("dense", 1e-6, 2.5e-6) == "2.50x faster than native kernels"
    assert choice._why("native", 1e-6, 2e-6) == "slower than ONNX Runtime, but avoids copies"


def test_a_layer_costs_by_what_exists_of_it() -> None:
    model = costs.fit(calibration())
    layer = LayerSpec("C2", "CL", 96, 192, 5, 16)
    pairs = np.random.default_rng(0).random((192, 96))
    seconds = [model.native_s(layer, pairs < share) for share in (0.05, 0.25, 0.5, 1)]
    assert seconds == sorted(seconds)
    assert seconds[3] / seconds[1] == pytest.approx(4, rel=0.15)


def test_winograds_algorithm_costs_by_its_products_and_its_transforms() -> None:
    model = costs.fit(calibration())
    layer = LayerSpec("C2", "CL", 80, 128, 5, 16)
    pairs = np.random.default_rng(0).random((128, 80)) < 0.3
    counts = work.by_winograd(AVX512, layer, pairs)
    assert counts["products1k5s16"] == pairs.sum() * 16 * 4, "16 quads of positions, 4 vectors of 4 tiles"
    assert counts["restored5"] == 128 * 4
    transforms = work.transformed(AVX512, Transform(layer))
    assert transforms["transforms5"] == 80 * 4
    own_s, transforms_s = (sum(count * native_s(kind) for kind, count in part.items()) for part in (counts, transforms))
    assert model.winograd_s(layer, pairs) == pytest.approx(own_s + transforms_s, rel=0.05)
    assert own_s < model.winograd_s(layer, pairs)
    heavy = replace(
        model, native={kind: cost * (1e6 if kind == "transforms5" else 1) for kind, cost in model.native.items()}
    )
    assert heavy.winograd_s(layer, pairs) == pytest.approx(1e6 * 320 * model.native["transforms5"], rel=0.1)
    assert model.winograd_s(replace(layer, kernel=7), pairs) == np.inf


def test_wider_blocks_pay_for_1x1_kernels_that_stand_together() -> None:
    model = costs.fit(calibration())
    layer = LayerSpec("MP1", "MP", 128, 96, 1, 32)
    together = np.repeat(np.random.default_rng(0).random((12, 128)) < 0.2, 8, axis=0)
    assert model.native_s(layer, together) == model.native_s(layer, together, 8)
    alone = np.random.default_rng(0).random((96, 128)) < 0.2
    for pairs in (together, alone):
        width, seconds = choice.best_block(model, layer, pairs)
        assert seconds == model.native_s(layer, pairs, width)
        assert seconds == min(model.native_s(layer, pairs, each) for each in (1, 2, 4, 8, AVX512.most_filters))


@given(
    seconds=st.lists(st.floats(1e-7, 1e-3), min_size=27, max_size=27),
    copy=st.floats(1e-10, 1e-7),
    exact=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_the_chosen_way_is_the_cheapest_of_all(seconds: list[float], copy: float, exact: bool) -> None:
    plans = compact(form(nin(), Formation()))

    class Model(CostModel):
        def native_s(self, layer: LayerSpec, pairs: choice.Pairs, block: int = 1) -> float:
            return seconds[[plan.spec.name for plan in plans].index(layer.name)]

        def winograd_s(self, layer: LayerSpec, pairs: choice.Pairs) -> float:
            return seconds[18 + [plan.spec.name for plan in plans].index(layer.name)] if layer.kernel > 1 else np.inf

        def dense_s(self, layer: LayerSpec, before: LayerSpec | None = None) -> float:
            return seconds[9 + [plan.spec.name for plan in plans].index(layer.name)]

    rows = {"plain_rows": copy, "plain_vectors": 0.0, "pooled_rows": 2 * copy, "pooled_vectors": 0.0, "woken": copy}
    model = Model(AVX512, {}, rows, {"nodes": copy, "pooled": copy, "reorder": copy}, run_s=0.0, fit_error={})

    own_s = {}
    for plan in plans:
        direct_s, winograd_s = (way(plan.spec, choice.pairs_of(plan)) for way in (model.native_s, model.winograd_s))
        own_s[plan.spec.name] = direct_s if exact else min(direct_s, winograd_s)
    copy_s, reorder_s, pool_s = (cache(count) for count in (model.copy_s, model.reorder_s, model.pool_s))

    def cost(way: tuple[str, ...]) -> float:
        total, last = 0.0, "dense"
        before: LayerSpec | None = None
        for plan, kind in zip(plans, way, strict=True):
            layer = plan.spec
            pool = before.pool if before is not None and last == "native" else 1
            arrived_s = copy_s(Copy(layer.inputs, layer.map_side, pool, wakes=before is None))
            if kind == "native":
                total += own_s[layer.name]
                if not (last == "native" and layer.kernel == 1 and pool == 1):
                    total += arrived_s
                if last == "dense" and before is not None:
                    total += reorder_s(before)
            else:
                total += model.dense_s(layer) + pool_s(layer) + (arrived_s if last == "native" else 0.0)
            last, before = kind, layer
        assert before is not None
        return total + (reorder_s(before) if last == "dense" else 0.0)

    best = min(cost(way) for way in product(("dense", "native"), repeat=9))
    found = choice.choose(model, plans, exact)
    assert found.seconds == pytest.approx(best)
    faster = [model.winograd_s(plan.spec, np.ones((1, 1), bool)) < seconds[at] for at, plan in enumerate(plans)]
    native = [layer.kind == "native" for layer in found.choices]
    assert choice.winograd(found.choices) == [not exact and a and b for a, b in zip(faster, native, strict=True)]
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
    assert (by_name["MP2a"].kind, by_name["MP2a"].why) == ("native", "between native layers")
    assert by_name["MP3b"].kind == by_name["MP3a"].kind == "native"
    assert by_name["MP3b"].why == "next to native layers: avoids copying 192 maps of 8 x 8"
    by_name = {layer.layer.name: layer for layer in found["cifar10-sis3"]}
    assert (by_name["C1"].kind, by_name["MP1b"].kind) == ("native", "native")
    assert by_name["C1"].why == "next to native layers: avoids copying 192 maps of 32 x 32"
    assert by_name["MP1b"].why == "small: 6% of the dense layer's work"


def structure(*layers: LayerSpec, small: str) -> dict[str, tuple[str, str]]:
    """What computes each layer of a chain, and why, where only the named one is smaller than in the dense network."""
    plans = [LayerPlan(layer, np.arange(layer.inputs), np.arange(layer.filters), None) for layer in layers]
    larger = [replace(plan, spec=replace(plan.spec, filters=4 * plan.spec.filters)) for plan in plans]
    dense = [big if plan.spec.name == small else plan for plan, big in zip(plans, larger, strict=True)]
    return {found.layer.name: (found.kind, found.why) for found in choice.choose_by_structure(plans, dense)}


@pytest.mark.parametrize(("share", "kind"), [(0.6, "native"), (0.65, "dense")])
def test_up_to_60_percent_of_its_kernels_a_layer_is_sparse(share: float, kind: str) -> None:
    spec = LayerSpec("C2", "CL", 20, 64, 5, 4)
    mask = np.broadcast_to((np.arange(20) < 20 * share)[None, :, None, None], spec.weight_shape)
    (found,) = choice.choose_by_structure(
        [LayerPlan(spec, np.arange(64), np.arange(20), mask)], [LayerPlan(spec, np.arange(64), np.arange(20), None)]
    )
    assert (found.kind, found.share) == (kind, share)


@pytest.mark.parametrize(("filters", "kind"), [(32, "native"), (35, "dense")])
def test_up_to_half_of_the_dense_layer_s_work_a_layer_is_small(filters: int, kind: str) -> None:
    spec = LayerSpec("C2", "CL", 20, filters, 5, 4)
    plan = LayerPlan(spec, np.arange(filters), np.arange(20), None)
    (found,) = choice.choose_by_structure([plan], [replace(plan, spec=replace(spec, filters=64))])
    assert found.kind == kind


def test_layers_at_the_ends_are_native_where_they_avoid_more_copying_than_they_cost() -> None:
    first = LayerSpec("first", "CL", 3, 192, 5, 32)
    wide = LayerSpec("wide", "CL", 192, 192, 5, 32)
    small = LayerSpec("small", "MP", 192, 64, 1, 32, pool=2)
    head = LayerSpec("head", "MP", 64, 10, 1, 16)
    found = structure(first, small, head, small="small")
    assert found["first"] == ("native", "next to native layers: avoids copying 192 maps of 32 x 32")
    assert found["head"] == ("native", "next to native layers: avoids copying 64 maps of 16 x 16")
    found = structure(first, wide, small, head, small="small")
    assert found["wide"] == found["first"] == ("dense", "neither sparse nor small"), "wide costs more than a copy"
    assert found["small"] == ("native", "small: 25% of the dense layer's work")
    tail = LayerSpec("tail", "CL", 192, 10, 3, 16)
    found = structure(small, head, replace(wide, inputs=10, map_side=16), tail, small="small")
    assert found["head"][0] == "native", "maps of ten channels are copied instead of 64"
    assert found["wide"][0] == found["tail"][0] == "dense"


def test_a_calibration_without_a_probe_is_refused() -> None:
    whole = calibration()
    named = {"native": probes.NATIVE[0].name, "dense": probes.DENSE[-1].name, "plain": "rest"}
    for kind, name in (named | {"int8": int8_probes.INT8[2].name}).items():
        left = {key: value for key, value in getattr(whole, kind).items() if key != name}
        with pytest.raises(RecordError, match=f"lacks {name}; calibrate the board again"):
            costs.fit(whole.model_copy(update={kind: left}))


def test_an_unknown_instruction_set_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unknown instruction set 'mmx'; known: avx512, avx2"):
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
    for kind in (probes.NATIVE, probes.DENSE, int8_probes.INT8):
        names = [probe.name for probe in kind]
        assert len(set(names)) == len(names)
