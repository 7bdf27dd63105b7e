"""Where bfloat16 is faster: only on processors that multiply whole tiles of it."""

import torch

from sis_edge.training.recipe import Precision


def fastest_precision() -> Precision:
    """`bf16` on processors with bfloat16 matrix units (AMX; GPUs since Ampere), else `fp32`.

    AVX512-BF16 alone does not help: with it and no more a step of dense NiN takes 1.5 to 1.7 times as long as in
    float32. The answer comes from the processor's features, not from a timing, so it is the same in every run.
    """
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16" if features.get("amx_bf16") else "fp32"
