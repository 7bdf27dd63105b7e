"""What computes the layers: native kernels and algorithms, the runtime's tactics and options, instruction sets."""

from collections.abc import Iterator, Mapping
from typing import Any

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import NATIVE
from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.explaining.causes.work import of_networks
from sis_edge.explaining.factor import Effect, Factor, log_ratio, short
from sis_edge.explaining.pair import RunPair, Sides
from sis_edge.results.schema import KnownNetwork, StoredRun

SESSION = ("optimization", "execution", "inter_op_threads", "arena")
"""What a network's details of ONNX Runtime name of its options."""
SIMD = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile"),
    *("amx_int8", "asimd", "asimddp", "asimdhp", "fphp", "i8mm", "bf16", "sve", "sve2", "neon"),
)
"""Features of a processor that kernels are chosen by."""


def layer_choices(pair: RunPair) -> Iterator[Factor]:
    """Which layers native kernels compute, and how; predicted by the seconds that the calibration expects."""
    layers = pair.of_networks(_layers)
    expected = pair.of_networks(_expected_s)
    others = {title: sides for title, sides in layers.items() if sides[0] != sides[1]}
    texts: Sides[str] = {title: _differing(*sides) for title, sides in others.items()}
    ratios = {title: log_ratio(*expected[title]) for title in others if title in expected}
    known = {title: likely for title, likely in ratios.items() if likely is not None}
    if others and len(known) == len(others):
        spread = 0.3 * max(map(abs, known.values())) + 0.02
        effect = Effect(known, spread)
    else:
        effect = Effect.could_matter(others, 0.25, 1.0)
    alike = {title: (f"{len(sides[0])} layers", f"{len(sides[1])} layers") for title, sides in layers.items()}
    yield from of_networks(
        pair, "native-layers", "kernels of layers", {**alike, **texts}, effect, "by the calibration's seconds"
    )


def tactics(pair: RunPair) -> Iterator[Factor]:
    """The tactics that TensorRT's builder chose by its own timing."""
    sides = pair.of_networks(lambda run, entry, record: _tactics(record))
    others = {title: side for title, side in sides.items() if side[0] != side[1]}
    texts: Sides[str] = {title: _differing(*side) for title, side in others.items()}
    alike = {title: (f"{len(side[0])} layers", f"{len(side[1])} layers") for title, side in sides.items()}
    effect = Effect.could_matter(others, 0.15, 1.0)
    yield from of_networks(pair, "tactics", "TensorRT's tactics", {**alike, **texts}, effect)


def options(pair: RunPair) -> Iterator[Factor]:
    """Options of the runtime for a network."""
    sides = pair.of_networks(_options)
    others = {title: side for title, side in sides.items() if side[0] != side[1]}
    texts: Sides[str] = {title: _differing(*side) for title, side in others.items()}
    alike = dict.fromkeys(sides, ("alike", "alike"))
    yield from of_networks(
        pair, "options", "runtime options", {**alike, **texts}, Effect.could_matter(others, 0.25, 0.9)
    )
    spins = pair.of_runs(lambda run: run.record.runner_details.get("threads_spin"))
    words = [None if spin is None else "spin" if spin else "sleep" for spin in spins]
    yield Factor.of("spinning", "waiting threads", (words[0], words[1]), Effect.could_matter(pair.networks, 0.1, 0.5))


def library(pair: RunPair) -> Iterator[Factor]:
    """The library of native kernels, by its SHA-256."""
    sides = pair.of_networks(_library)
    others = {title: None for title, (a, b) in sides.items() if a != b}
    yield from of_networks(pair, "native-library", "native library", sides, Effect.could_matter(others, 0.1, 0.6))


def quantisation(pair: RunPair) -> Iterator[Factor]:
    """Layers that INT8 leaves in float."""
    sides = pair.of_networks(_float_layers)
    others = {title: None for title, (a, b) in sides.items() if a != b}
    yield from of_networks(pair, "float-layers", "layers left in float", sides, Effect.could_matter(others, 0.15, 0.9))


def instruction_sets(pair: RunPair) -> Iterator[Factor]:
    """What the processor offers to kernels."""
    features = pair.of_facts(lambda facts: [name for name in SIMD if name in facts.cpu_features] or None)
    lacks = [
        " ".join(name for name in own or () if name not in (other or ())) or "no other"
        for own, other in (features, features[::-1])
    ]
    is_same = features[0] == features[1]
    values = features if is_same or None in features else (lacks[0], lacks[1])
    effect = Effect.could_matter(pair.networks, 0.3, 0.8)
    yield Factor.of("instruction-sets", "instruction sets", values, effect, text=_words)


def _words(found: Any) -> str:
    return found if isinstance(found, str) else " ".join(found)


def _layers(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> dict[str, str] | None:
    if isinstance(entry, GivenNetwork) or entry.sparse is None or record.form != NATIVE:
        return None
    return {
        each.layer: f"{each.words}{f' block {each.block}' if each.chosen == NATIVE else ''}"
        for each in entry.sparse.layers
    }


def _expected_s(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> float | None:
    return None if isinstance(entry, GivenNetwork) or entry.sparse is None else entry.sparse.chosen_s or None


def _tactics(record: NetworkRecord) -> dict[str, str] | None:
    layers = record.details.get("engine_told", {}).get("layers")
    return {str(each["name"]): str(each.get("tactic")) for each in layers} if layers else None


def _options(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> dict[str, str]:
    asked = next((each for each in run.record.job.networks if each.name == record.name), None)
    found: dict[str, Any] = {name: record.details[name] for name in SESSION if name in record.details}
    if asked is not None:
        found |= {name: value for name, value in asked.options.items() if name not in asked.files}
    reported = record.details.get("options")
    found |= reported if isinstance(reported, dict) else {}
    return {name: str(value) for name, value in found.items() if name != "precision"}


def _library(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> str | None:
    if isinstance(entry, GivenNetwork) or record.form != NATIVE:
        return None
    libraries = [path for path in entry.programs if path.endswith(".so")]
    hashes = {file.path: file.sha256 for file in run.manifest.files}
    return hashes.get(libraries[0], "")[:12] or None if libraries else None


def _float_layers(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> str | None:
    if isinstance(entry, GivenNetwork) or record.precision != "int8":
        return None
    variant = next((each for each in entry.variants if (each.precision, each.form) == ("int8", record.form)), None)
    return None if variant is None else " ".join(variant.float_layers) or "none"


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> tuple[str, str]:
    """The first things that differ, and how many more."""
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    one, other = (f"{names[0]}: {side.get(names[0], 'none')}{more}" for side in (a, b))
    return short(one), short(other)
