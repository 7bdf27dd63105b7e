"""The precisions that a network can be computed in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """A precision: `golden_share` is what golden logits may differ on a board, as a share of the largest of them.

    None is the bundle's own tolerance, for the precision that a bundle's reference is in. `gpu_flag` names the field of
    a profile's GPU that says whether it computes in it (None: every one does); `on_sparse_cores` says whether sparse
    tensor cores do.
    """

    name: str
    golden_share: float | None = None
    gpu_flag: str | None = None
    on_sparse_cores: bool = False


REFERENCE = "fp32"
"""The precision of every network's plain form, which the others are made from."""

FP32 = Precision(REFERENCE)
# Half floats are summed in another order and precision on a board.
FP16 = Precision("fp16", golden_share=0.02, gpu_flag="fp16", on_sparse_cores=True)
# One rounding the other way moves all that follows.
INT8 = Precision("int8", golden_share=0.1, gpu_flag="int8", on_sparse_cores=True)
