"""Where each figure comes from, in a word: measured, simulated, emulated, counted, predicted or quoted.

What a board gives is measured, simulated or emulated by what the run is; a simulated board makes no part of its figures
measured, though some of it may have run for real. What is no figure (a name, a setting, a judgement) has no word. The
columns of a run hold no prediction: those are in reports' own tables, which say so.
"""

from collections.abc import Mapping
from typing import Any, Literal

from sis_edge.results.rows.fields import NAMES

Kind = Literal["measured", "simulated", "emulated", "counted", "predicted", "quoted"]

_ON_HOST: dict[str, Kind] = {
    **dict.fromkeys(("host_accuracy", "accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"), "measured"),
    "accuracy_drop_p_value": "measured",
    **dict.fromkeys(("conv_synapses", "micro_synapses", "synapses", "architectural_efficiency"), "counted"),
    **dict.fromkeys(("macs", "macs_live", "mac_ratio", "ceiling", "parameters", "model_bytes"), "counted"),
    **dict.fromkeys(("train_images", "host_test_images", "device_test_images", "golden_images"), "counted"),
    **dict.fromkeys(("samples", "rounds", "speed_up_rounds", "energy_blocks"), "counted"),
    "paper_accuracy": "quoted",
}

ON_BOARD = (
    *("latency_", "speed_up", "share_of_ceiling", "load_s", "first_inference_s", "peak_", "baseline_", "loaded_"),
    *("device_bytes", "device_accuracy", "energy_gross_", "energy_net_", "golden_max_", "golden_top1_"),
)
"""How the names of columns begin whose figures a board gives."""


def kinds(network: Mapping[str, Any]) -> dict[str, Kind]:
    """The word of each column that holds a figure, by the columns of a network (`simulated` and `emulated` tell)."""
    return {name: word for name in NAMES if (word := kind(name, of_board(network))) is not None}


def of_board(network: Mapping[str, Any]) -> Kind:
    """The word of what the board of this network's run gave."""
    return "simulated" if network["simulated"] else "emulated" if network["emulated"] else "measured"


def kind(name: str, board: Kind) -> Kind | None:
    """The word of a column; None where it holds no figure."""
    if name in _ON_HOST:
        return _ON_HOST[name]
    return board if name.startswith(ON_BOARD) and not name.endswith("_is_paired") else None
