"""What ONNX Runtime is asked to measure: each network as it is, and in INT8 if the profile wants that."""

from sis_agent.schema import Facts, NetworkJob
from sis_edge.bundle import NetworkEntry
from sis_edge.profiles import DeviceProfile


def jobs_for(entry: NetworkEntry, profile: DeviceProfile, facts: Facts | None = None) -> list[NetworkJob]:
    """The network under its own name, then `NAME int8` if the bundle has it and the profile asks for it.

    `facts` decide nothing here: every version takes both.
    """
    settings = profile.onnxruntime
    options = settings.options()
    found = []
    if "fp32" in settings.precisions:
        found.append(NetworkJob(entry.name, entry.model, entry.golden_logits, options=options))
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
