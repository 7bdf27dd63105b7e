"""What tells the forms of a network apart: data in every manifest, job and record; a display name is made from it.

network      the bundle's name of the network
form         what computes it: `plain`, `native` sparse kernels, or 2:4 sparse kernels of a GPU (`sparse24`)
precision    what it is computed in
granularity  the unit that exists or not in its convolutional layers
runtime      what runs it, where one run compares runtimes
"""

from typing import Literal, TypeAlias

Form: TypeAlias = Literal["plain", "native", "sparse24"]

PLAIN: Form = "plain"
NATIVE: Form = "native"
SPARSE_24: Form = "sparse24"

_WORDS: dict[str, str] = {PLAIN: "", NATIVE: "native kernels", SPARSE_24: "2:4 sparse kernels"}


def label(network: str, form: str, precision: str, runtime: str | None = None) -> str:
    """How a form of a network is shown; nothing reads it back.

    >>> label("nin", "plain", "fp32"), label("nin", "native", "fp32"), label("nin", "sparse24", "int8")
    ('nin', 'nin (native kernels)', 'nin int8 (2:4 sparse kernels)')
    >>> label("resnet", "plain", "fp16", "tensorrt"), label("nin", "native", "fp32", "onnxruntime")
    ('resnet fp16 (tensorrt)', 'nin (native kernels, onnxruntime)')
    """
    details = ", ".join(filter(None, (_WORDS.get(form, form), runtime)))
    return f"{network}{'' if precision == 'fp32' else f' {precision}'}{f' ({details})' if details else ''}"
