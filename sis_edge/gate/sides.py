"""A base or candidate as the user names it: a bundle's folder, a model's file, or either in a git revision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sis_edge.build.given.bundle import make_in
from sis_edge.build.given.request import GivenRequest
from sis_edge.bundles import trust
from sis_edge.bundles.verify import MODELS, Bundle, open_bundle
from sis_edge.errors import UsageError
from sis_edge.gate.revision import is_revision, take_out


@dataclass(frozen=True)
class GateSide:
    """What was named, and its bundle."""

    named: str
    bundle: Bundle


def open_side(
    named: str, model: GivenRequest, build_folder: Path, scratch: Path, say: Callable[[str], None]
) -> GateSide:
    """The bundle of `named`; one is made of a model's file as `model` says, in the folder of builds.

    `scratch` is an empty folder for what git has. Raises UsageError and
    BundleError.
    """
    path = take_out(named, scratch) if is_revision(named) else Path(named)
    if path.is_dir():
        return GateSide(named, open_bundle(path))
    if path.suffix not in MODELS:
        what = "is not there" if not path.exists() else "is neither a bundle's folder nor a model"
        raise UsageError(
            f"'{named}' {what}; name a bundle's folder, a model ({', '.join(MODELS)}), or REV:PATH of either"
        )
    request = replace(model, onnx=(str(path),)) if path.suffix == ".onnx" else replace(model, tflite=(str(path),))
    return GateSide(named, make_in(request, build_folder, say))


def check(side: GateSide, *, trusted: bool) -> None:
    """Raise BundleError for a bundle that may not be run: what is joined of two has no signature of its own."""
    trust.check(side.bundle, trusted)


def uses_model(named: str) -> bool:
    """Whether a text names a model's file.

    >>> uses_model("v1.onnx"), uses_model("main:models/v1.onnx"), uses_model("build/local-digits")
    (True, True, False)
    """
    return Path(named).suffix in MODELS
