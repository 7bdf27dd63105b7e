import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sis_agent.runners.sparsity import Layers, LayerTactic, LogReport, from_inspector, from_log, summary

LOGS = Path(__file__).parent / "logs"


def lines(name: str) -> list[str]:
    return (LOGS / name).read_text().splitlines()


@pytest.mark.parametrize(
    ("log", "eligible", "chosen"),
    [
        (
            "tensorrt-8.txt",
            Layers(3, ["conv2 + relu2", "mlp2a + relu2a", "mlp2b + relu2b"]),
            Layers(1, ["conv2 + relu2"]),
        ),
        ("tensorrt-8-none.txt", Layers(0, []), Layers(0, [])),
        # Two passes of tactic selection: the second is the engine's.
        ("tensorrt-10.txt", Layers(4, ["conv2", "mlp2a", "mlp2b", "conv3"]), Layers(1, ["conv3"])),
        # Without the verbose lines the names are unknown, except that there are none of none.
        ("tensorrt-10-info.txt", Layers(39, None), Layers(0, [])),
    ],
)
def test_both_forms_of_the_log(log: str, eligible: Layers, chosen: Layers) -> None:
    assert from_log(lines(log)) == LogReport(eligible, chosen)


def test_a_log_without_such_lines_says_nothing() -> None:
    assert from_log(["[I] Engine generation completed in 14.2 seconds.", "(Sparsity) something new"]) == (None, None)


def test_names_stay_when_the_line_without_them_comes_second() -> None:
    text = "(Sparsity) Chose 2 layer(s) using sparse tactics"
    assert from_log([text + ": a, b", text]).chosen == Layers(2, ["a", "b"])
    assert from_log([text + ": a, b", text.replace("2", "3")]).chosen == Layers(3, None)


NAMES = st.lists(st.from_regex(r"[A-Za-z/][A-Za-z0-9_/.+]{0,20}", fullmatch=True), unique=True, max_size=12)


@given(NAMES, NAMES)
def test_every_name_is_found_again(eligible: list[str], chosen: list[str]) -> None:
    expected = LogReport(Layers(len(eligible), eligible), Layers(len(chosen), chosen))
    old = [
        "(Sparsity) Layers eligible for sparse math: " + ", ".join(eligible),
        "(Sparsity) TRT inference plan picked sparse implementation for layers: " + ", ".join(chosen),
    ]
    new = [
        f"(Sparsity) Found {len(eligible)} layer(s) eligible to use sparse tactics: {', '.join(eligible)}",
        f"(Sparsity) Chose {len(chosen)} layer(s) using sparse tactics: {', '.join(chosen)}",
    ]
    assert from_log(old) == from_log(new) == expected


NESTED = ["PWN(PWN(Sigmoid_1), Mul_2)", "{ForeignNode[conv2...Relu_7, Add_9]}", "Conv_0 + Relu_1", "a || b"]


@pytest.mark.parametrize("names", [NESTED, NESTED[:1], ["conv(1", "Conv_2"], ["a)", "(b"], ["f(x]", "y"]])
def test_names_with_commas_of_their_own(names: list[str]) -> None:
    old = "(Sparsity) Layers eligible for sparse math: " + ", ".join(names)
    new = f"(Sparsity) Found {len(names)} layer(s) eligible to use sparse tactics: {', '.join(names)}"
    assert from_log([old]).eligible == from_log([new]).eligible == Layers(len(names), names)


def test_the_number_decides_between_two_readings() -> None:
    text = "(Sparsity) Chose 2 layer(s) using sparse tactics: conv(1, conv)2"
    assert from_log([text]).chosen == Layers(2, ["conv(1", "conv)2"])


def test_an_inspector_with_numbers_that_json_has_not() -> None:
    text = '{"Layers": [{"Name": "clip", "LayerType": "PointWiseV2", "Beta": inf, "Outputs": []}], "Bindings": []}'
    assert [layer.name for layer in from_inspector(text)] == ["clip"]


SPARSE = "sm80_xmma_fprop_sparse_conv_interleaved_f16f16_f16f16_f16_nhwckrsc_nhwc_tilesize128x128x64"
DENSE = "sm80_xmma_fprop_implicit_gemm_f16f16_f16f16_f16_nhwckrsc_nhwc_tilesize64x64x64"


def layer(name: str, tactic: str | None, **tensor: str) -> dict[str, object]:
    found: dict[str, object] = {"Name": name, "LayerType": "CaskConvolution", "Outputs": [{"Name": "y", **tensor}]}
    return found if tactic is None else {**found, "TacticName": tactic}


def test_the_inspector_up_to_tensorrt_10() -> None:
    datatype = "Row major linear FP16 format"
    layers = [layer("a", SPARSE, **{"Format/Datatype": datatype}), layer("b", DENSE)]
    text = json.dumps({"Layers": layers, "Bindings": ["input", "logits"]})
    assert from_inspector(text) == [
        LayerTactic("a", "CaskConvolution", SPARSE, True, datatype),
        LayerTactic("b", "CaskConvolution", DENSE, False, None),
    ]


def test_the_inspector_of_tensorrt_11() -> None:
    layers = [layer("a", "sm87_sptensor_conv", Format="LINEAR", Datatype="Half")]
    text = json.dumps({"Layers": layers, "I/O Tensors": [{"Name": "input"}]})
    assert from_inspector(text) == [LayerTactic("a", "CaskConvolution", "sm87_sptensor_conv", True, "Half")]


@pytest.mark.parametrize(
    ("metadata", "nodes"),
    [
        ("[ONNX Layer: C2]\x1f[ONNX Layer: C2.relu]", ["C2", "C2.relu"]),
        ("[ONNX Layer: /block.0/Conv | block (Block)][ONNX Layer: a b ]", ["/block.0/Conv", "a b"]),
        ("", []),
        (None, []),
        ("[ONNX Layer: cut ... off", []),
    ],
)
def test_the_nodes_that_a_layer_computes(metadata: str | None, nodes: list[str]) -> None:
    text = json.dumps({"Layers": [{**layer("__myl_Conv_myl0_3", SPARSE), "Metadata": metadata}]})
    (found,) = from_inspector(text)
    assert (found.name, found.onnx) == ("__myl_Conv_myl0_3", nodes)


def test_an_inspector_without_details_gives_names_alone() -> None:
    assert from_inspector('{"Layers": ["conv1 + relu1"], "Bindings": []}') == [
        LayerTactic("conv1 + relu1", None, None, None, None)
    ]
    assert [from_inspector(text) for text in ("", "[]", "{", '{"Layers": 3}')] == [[], [], [], []]


def test_without_any_tactic_the_second_proof_is_unknown() -> None:
    log = LogReport(Layers(1, ["a"]), Layers(0, []))
    unknown, dense = LayerTactic("a", None, None, None, None), LayerTactic("a", None, DENSE, False, None)
    assert summary(log, [unknown])["sparse_tactics"] is None
    assert summary(log, [dense])["sparse_tactics"] == []
    assert summary(log, [dense])["eligible"] == {"number": 1, "names": ["a"]}
    assert summary(LogReport(None, None), [])["chosen"] is None
