"""What a result was made with: versions and the machine."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from sis_agent.board import facts
from sis_edge import __version__
from sis_edge.bundles.manifest import Provenance

PACKAGES = ("torch", "lightning", "numpy", "onnx", "onnxruntime", "scikit-learn")


def provenance() -> Provenance:
    """This machine and these packages, now."""
    return Provenance(
        sis_edge=__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        host_machine=platform.machine(),
        host_cpu=facts.read().cpu_model,
    )
