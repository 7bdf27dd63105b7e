"""Calibrations that are kept: in the user's cache, by what they depend on, and the last of each profile.

calibrations/<library>-ort<version>-t<threads>-<processor>-<hash8>.json
    hash8: over the board's model, processor, features
calibrations/profiles/<profile>.json
    the last one of a board of this profile
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sis_edge.errors import RecordError, UsageError
from sis_edge.files import bounded
from sis_edge.files.atomic import write_text
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.files.names import safe
from sis_edge.native import build, toolchain
from sis_edge.native.costs import CALIBRATION_VERSION, Calibration, fit, on_threads
from sis_edge.text.foreign import loads, one_line


def default_folder() -> Path:
    """Where they are kept by default."""
    return cache_root() / "calibrations"


def place(
    folder: Path,
    library: str,
    onnxruntime: str,
    threads: int,
    board: str | None,
    cpu: str | None,
    features: Sequence[str],
) -> Path:
    """The file of a board's calibration: another library, runtime, processor or number of threads has another.

    What the board says of itself is made safe as a part of a name.
    """
    what = hashlib.sha256(json.dumps([board, cpu, sorted(features)]).encode()).hexdigest()[:8]
    words = "".join(c if c.isalnum() else "-" for c in cpu or "unknown").strip("-")[:48]
    return folder / f"{safe(library)}-ort{safe(onnxruntime)}-t{threads}-{safe(words)}-{what}.json"


def save(calibration: Calibration, path: Path, profile: str) -> None:
    """Keep a calibration in its place and as the profile's last; raises DiskError."""
    text = calibration.model_dump_json(indent=1)
    for target in (path, _last(path.parent, profile)):
        with writing(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_text(target, text)


def of_profile(profile: str, threads: int, folder: Path | None = None) -> Calibration:
    """The last calibration of a board of this profile.

    Raises RecordError without one, and for one of other kernels than this sis-edge builds or of other threads.
    """
    path = _last(folder or default_folder(), profile)
    how = f"`sis-edge calibrate --host HOST --profile {profile}` measures one"
    if not path.exists():
        raise RecordError(f"no calibration for the profile {profile}; {how}")
    calibration = read(path)
    if calibration.library != _library_now(calibration.library):
        raise RecordError(
            f"the calibration of {calibration.board} is for other kernels than those of this sis-edge; {how}"
        )
    if calibration.threads != threads:
        expected = on_threads(threads)
        raise RecordError(
            f"the calibration of {calibration.board} is for {on_threads(calibration.threads)}, "
            f"and the profile {profile} uses {expected}; {how}"
        )
    return calibration


def kept(profile: str, folder: Path | None = None) -> Calibration | None:
    """The last calibration of the profile, of whatever kernels and threads; None where none can be read."""
    try:
        return read(_last(folder or default_folder(), profile))
    except RecordError:
        return None


def read(path: Path) -> Calibration:
    """A stored calibration; raises RecordError for anything else, or another version."""
    try:
        data = loads(bounded.read(path), longest=None)
        if data.get("calibration_version") != CALIBRATION_VERSION:
            raise RecordError(f"{path} has another version than {CALIBRATION_VERSION}; calibrate the board again")
        calibration = Calibration.model_validate(data)
        fit(calibration)
    except (OSError, ValueError, AttributeError, UsageError) as error:
        raise RecordError(
            f"{path} is not a readable calibration ({_reason(error)}); calibrate the board again"
        ) from None
    return calibration


def _reason(error: Exception) -> str:
    """Why, in one line; of a calibration's many wrong fields the first."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return one_line(str(error), 300)


def _last(folder: Path, profile: str) -> Path:
    return folder / "profiles" / f"{profile}.json"


def _library_now(library: str) -> str:
    """The key of the library that would be built today for that one's architecture; itself without a compiler."""
    try:
        return build.key(toolchain.find(library.partition("-")[0]))
    except UsageError:
        return library
