"""What ONNX Runtime is asked to measure: each network as it is, with native kernels, in INT8, as the profile says."""

from sis_agent.schema import Facts, NetworkJob
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.profiles import DeviceProfile

SPARSE = "sparse"


def jobs_for(entry: NetworkEntry, profile: DeviceProfile, facts: Facts | None = None) -> list[NetworkJob]:
    """The network under its own name, then `NAME sparse` and `NAME int8` if the bundle has them and the profile asks.

    `facts` decide nothing here: every version takes all.
    """
    settings = profile.onnxruntime
    options = settings.options()
    found = []
    if "fp32" in settings.precisions:
        found.append(NetworkJob(entry.name, entry.model, entry.golden_logits, options=options))
        native = entry.sparse and entry.sparse.network
        if settings.sparse and native:
            found.append(
                NetworkJob(
                    f"{entry.name} {SPARSE}",
                    native.model,
                    entry.golden_logits,
                    network=entry.name,
                    options=options,
                    files={"custom_ops": native.library},
                )
            )
    for variant in entry.variants:
        if variant.runtime == "onnxruntime" and variant.precision in settings.precisions:
            found.append(
                NetworkJob(
                    f"{entry.name} {variant.precision}",
                    variant.model,
                    variant.golden_logits,
                    network=entry.name,
                    options=options,
                    golden_tolerance=variant.golden_tolerance,
                )
            )
    return found
