"""Does a network compute on the board what it computes on the host? Its golden logits and its accuracy say.

A network that computes something else has no speed-up: its time is that of another function.
"""

from collections.abc import Mapping

from sis_agent.schema import GoldenCheck, NetworkRecord, Record
from sis_edge.bundles.manifest import BY_USER, GivenNetwork
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.text.limits import with_limit

# A right network is called wrong once in a thousand: a run has several, each with its own test.
P_VALUE = 1e-3
# The share of images whose class another runtime may change by rounding alone.
ROUNDING = {"fp32": 1e-3, "fp16": 5e-3, "int8": 5e-2}

OTHER_FUNCTION = "it does not compute the same function as on the host"
OTHER_OUTPUTS = "it does not compute the outputs that were given"

Entries = Mapping[str, KnownNetwork]


def entries(run: StoredRun) -> dict[str, KnownNetwork]:
    """What the host knows of each network of the record, by the record's names."""
    return {record.name: entry for entry, record in run.networks() if record is not None}


def other_function(entry: KnownNetwork | None) -> str:
    """What a network does that fails its check, in words that go on from its name."""
    is_given = isinstance(entry, GivenNetwork) and entry.expected_from == BY_USER
    return OTHER_OUTPUTS if is_given else OTHER_FUNCTION


def wrong_functions(record: Record, known: Entries) -> dict[str, str]:
    """Of each network that computes another function than on the host, by its name, in what it differs; `known` has
    the host's accuracies, a network that is not in it is judged by its golden logits alone.
    """
    found = {}
    for network in record.networks:
        entry = known.get(network.name)
        parts = [part for part in (_outputs(record, network, entry), _accuracy(network, entry)) if part]
        if parts:
            found[network.name] = " and ".join(parts)
    return found


def same_images_p_value(host: int, board: int, images: int, rounding: float) -> float:
    """How probable so many more (or fewer) correct answers on the same images are, two-sided: the exact sign test.

    Which images changed is not known: as many as the difference needs, or as rounding may change, if those are more.
    """
    lost = abs(host - board)
    changed = max(lost, round(rounding * images))
    return min(1.0, 2 * _at_least((changed + lost + 1) // 2, changed, 0.5)) if changed else 1.0


def sample_p_value(host: float, board: int, images: int, rounding: float) -> float:
    """How probable the board's count is on a part of the images that `host` (a share) is known of, two-sided and exact.

    The host's share may lie off by what rounding changes.
    """
    low, high = max(0.0, host - rounding), min(1.0, host + rounding)
    fewer = _at_least(images - board, images, 1 - low)
    more = _at_least(board, images, high)
    return min(1.0, 2 * min(fewer, more))


def _outputs(record: Record, network: NetworkRecord, entry: KnownNetwork | None) -> str | None:
    golden = network.golden
    if golden is None or golden.passed:
        return None
    asked = next((each for each in record.job.networks if each.name == network.name), None)
    own = asked.golden_tolerance if asked else None
    tolerance = record.job.golden_tolerance if own is None else own
    if isinstance(entry, GivenNetwork):
        return _difference(golden, tolerance, asked.golden_relative_tolerance if asked else 0.0, entry)
    return _disagreement(golden, tolerance)


def _difference(golden: GoldenCheck, tolerance: float, relative: float, entry: GivenNetwork) -> str:
    """In what the outputs of a user's network differ from those expected; they have no class on top to compare."""
    theirs = "those given" if entry.expected_from == BY_USER else "those of ONNX Runtime on the host"
    share = f" and {relative:.3g} of each value" if relative else ""
    return (
        f"its outputs differ from {theirs} by up to {golden.max_abs_difference:.3g} (tolerance {tolerance:.3g}{share})"
    )


def _disagreement(golden: GoldenCheck, tolerance: float) -> str:
    """In what a network failed its golden check: the difference of logits, or the class on top alone."""
    difference, limit = with_limit(golden.max_abs_difference, tolerance, ".3g")
    if golden.max_abs_difference <= tolerance and golden.top1_agreement is not None:
        others = round((1 - golden.top1_agreement) * golden.images)
        return f"its class differs from the host's for {others} of {golden.images} golden images"
    return f"its logits differ from the host's by up to {difference} (tolerance {limit})"


def _accuracy(network: NetworkRecord, entry: KnownNetwork | None) -> str | None:
    found = network.accuracy
    if found is None or not found.images or entry is None or isinstance(entry, GivenNetwork):
        return None  # no accuracy of a user's network is known on the host
    rounding = ROUNDING.get(network.precision, max(ROUNDING.values()))
    share, images = entry.training.host_accuracy, entry.training.host_test_images
    if found.images == images:
        p_value = same_images_p_value(round(share * images), found.correct, images, rounding)
    else:
        p_value = sample_p_value(share, found.correct, found.images, rounding)
    if p_value >= P_VALUE:
        return None
    on = "the same" if found.images == images else f"{images:,}"
    return (
        f"its accuracy on the board is {found.correct / found.images:.2%} of {found.images:,} images, on the host "
        f"{share:.2%} of {on}, which is beyond chance"
    )


def _at_least(successes: int, trials: int, chance: float) -> float:
    """The probability of `successes` or more of so many trials."""
    if successes <= 0:
        return 1.0
    if chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(successes - 1, trials, chance))
