"""What `profiles` and `calibrate` say of boards."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.native.costs import Calibration
    from sis_edge.profiles import DeviceProfile
    from sis_edge.profiles.detect import Detection


class ProfileSummary(Part):
    """One profile: its runtimes, best first, and the granularities that networks form in for it."""

    name: str
    title: str
    architecture: str
    runtimes: tuple[str, ...]
    threads: tuple[int, ...]
    conv: str
    micro: str
    verified: bool


class ProfilesDocument(Document):
    """`sis-edge profiles list`: the shipped profiles; `verified`: somebody ran sis-edge on such a board."""

    document: Literal["profiles-list"] = "profiles-list"
    profiles: tuple[ProfileSummary, ...]


class ProfileDocument(Document):
    """`sis-edge profiles show`: a profile, as schema `profile` describes it; what its file leaves open is absent."""

    document: Literal["profiles-show"] = "profiles-show"
    path: str
    profile: dict[str, Any]


class CheckedProfile(Part):
    """A sound profile, and how many places in it nobody has verified."""

    name: str
    unverified: int


class CheckDocument(Document):
    """`sis-edge profiles check`: sound profiles; one that is not is an error."""

    document: Literal["profiles-check"] = "profiles-check"
    profiles: tuple[CheckedProfile, ...]


class DetectDocument(Document):
    """`sis-edge profiles detect`: the profile that a board fits, and where the board differs from it."""

    document: Literal["profiles-detect"] = "profiles-detect"
    board: str
    profile: str
    title: str
    reason: str
    differences: tuple[str, ...]


class CalibrateDocument(Document):
    """`sis-edge calibrate`: how fast a board is; seconds are those of one image.

    `native_networks`, `int8_networks` and `dense_networks` are the small networks that were timed with native kernels,
    with those in INT8 and with ONNX Runtime; `fit_error` is how far the cost model misses their times (a share, root
    mean square), by what computed them.
    """

    document: Literal["calibrate"] = "calibrate"
    profile: str
    board: str
    cpu: str | None
    instruction_set: str
    int8_instruction_set: str | None
    peak_flops: float
    onnxruntime: str
    threads: int
    dense_nin_s: float
    library: str
    native_networks: int
    int8_networks: int
    dense_networks: int
    fit_error: dict[str, float]
    calibration_id: str
    warnings: tuple[str, ...]


def listed(profiles: "Sequence[DeviceProfile]") -> ProfilesDocument:
    """The document of profiles."""
    return ProfilesDocument(profiles=tuple(map(_summary, profiles)))


def shown(profile: "DeviceProfile", path: Path) -> ProfileDocument:
    """The document of one profile."""
    return ProfileDocument(path=str(path), profile=profile.model_dump(mode="json", exclude_none=True))


def checked(found: "Sequence[tuple[str, DeviceProfile]]") -> CheckDocument:
    """The document of profiles that are sound, by what they were named as."""
    return CheckDocument(
        profiles=tuple(CheckedProfile(name=name, unverified=len(profile.unverified)) for name, profile in found)
    )


def detected(board: str, found: "Detection") -> DetectDocument:
    """The document of a board's profile."""
    return DetectDocument(
        board=board,
        profile=found.profile.name,
        title=found.profile.title,
        reason=found.reason,
        differences=found.differences,
    )


def calibrated(found: "Calibration", profile: "DeviceProfile") -> CalibrateDocument:
    """The document of a calibration."""
    from sis_edge.native import probes
    from sis_edge.native.costs import NO_INT8

    return CalibrateDocument(
        profile=profile.name,
        board=found.board,
        instruction_set=found.instruction_set,
        peak_flops=found.peak_flops,
        onnxruntime=found.onnxruntime,
        threads=found.threads,
        dense_nin_s=found.plain[probes.WHOLE_NIN.name],
        library=found.library,
        native_networks=len(found.native),
        int8_networks=len(found.int8),
        dense_networks=len(found.dense),
        fit_error=found.fit_error,
        calibration_id=found.digest,
        warnings=(found.doubt,) if found.doubt else (),
        **known(
            cpu=(found.cpu, "the board does not name its processor"),
            int8_instruction_set=(found.int8_instruction_set, NO_INT8),
        ),
    )


def _summary(profile: "DeviceProfile") -> ProfileSummary:
    return ProfileSummary(
        name=profile.name,
        title=profile.title,
        architecture=profile.board.architecture,
        runtimes=tuple(profile.runtime.runners),
        threads=tuple(profile.runtime.threads),
        conv=profile.networks.conv,
        micro=profile.networks.micro,
        verified=profile.board.verified,
    )
