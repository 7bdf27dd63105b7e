"""A base and a candidate in one bundle, so that one job measures both in the same rounds.

    base/...        the base's networks, under their own paths
    candidate/...   the candidate's, and the data that both are checked with

Which network is whose is in `JoinedBundle.networks`: the names in the bundle are for people.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.bundles.manifest import BUNDLE_VERSION, Manifest
from sis_edge.bundles.provenance import provenance
from sis_edge.bundles.verify import Bundle, check_files, write_manifest
from sis_edge.errors import BundleError
from sis_edge.files import stages
from sis_edge.files.disk import writing
from sis_edge.gate.pairing import NetworkNames, Paired

BASE, CANDIDATE = "base", "candidate"

DATA_FILES = ("golden_inputs", "test_images", "test_labels")
SHARED = ("dataset", "preprocess", "golden_tolerance", "golden_images", "test_image_count")
"""What one job has once for all networks that sis-edge formed."""


@dataclass(frozen=True)
class JoinedBundle:
    """The bundle, and of each pair of networks the names that both have in it."""

    bundle: Bundle
    networks: tuple[NetworkNames, ...]


def join(base: Bundle, candidate: Bundle, paired: Paired, folder: Path) -> JoinedBundle:
    """Write the bundle of both in `folder`, which is empty; its reference is the first of the base's networks.

    Raises BundleError for networks that one job cannot measure, or files that are not what a manifest says.
    """
    kept = [
        _Side(base, [pair.base for pair in paired.networks], BASE),
        _Side(candidate, [pair.candidate for pair in paired.networks], CANDIDATE),
    ]
    formed = [side for side in kept if side.networks]
    if len(formed) == len(kept):
        _check_data(base.manifest, candidate.manifest)
    data = _data(formed[-1]) if formed else {}
    with writing(folder):
        for side in kept:
            side.copy(folder)
    names = tuple(NetworkNames(f"{BASE}/{pair.base}", f"{CANDIDATE}/{pair.candidate}") for pair in paired.networks)
    manifest = Manifest.model_validate(
        {
            "bundle_version": BUNDLE_VERSION,
            "build_key": stages.key({"base": base.id, "candidate": candidate.id, "networks": [n.shown for n in names]}),
            "name": f"{base.manifest.name}-{candidate.manifest.name}",
            "profile": candidate.manifest.profile,
            **data,
            "reference": names[0].base,
            "networks": [each for side in kept for each in side.networks],
            "given": [each for side in kept for each in side.given],
            "provenance": provenance(),
            "files": [each for side in kept for each in side.files()],
        }
    )
    joined = write_manifest(folder, manifest)
    check_files(joined)
    return JoinedBundle(joined, names)


class _Side:
    """What is taken over of one bundle, as data whose names and paths are those in the joined one."""

    def __init__(self, bundle: Bundle, names: list[str], side: str) -> None:
        self.bundle = bundle
        self._side = side
        self._listed = {entry.path: entry for entry in bundle.manifest.files}
        self._paths: set[str] = set()
        manifest = bundle.manifest
        self.networks = [self._entry(each.model_dump(mode="json")) for each in manifest.networks if each.name in names]
        self.given = [self._entry(each.model_dump(mode="json")) for each in manifest.given if each.name in names]

    def _entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        moved: dict[str, Any] = self.moved(entry)
        return moved | {"name": f"{self._side}/{entry['name']}"}

    def moved(self, value: Any) -> Any:
        """The value with every path of the bundle below this side's folder; its file belongs to the joined bundle."""
        if isinstance(value, dict):
            return {key: self.moved(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.moved(each) for each in value]
        if isinstance(value, str) and value in self._listed:
            self._paths.add(value)
            return f"{self._side}/{value}"
        return value

    def files(self) -> list[dict[str, Any]]:
        """The files that came along, as the manifest lists them."""
        return [self._listed[path].model_dump() | {"path": f"{self._side}/{path}"} for path in sorted(self._paths)]

    def copy(self, folder: Path) -> None:
        """Bring them into the joined bundle."""
        for path in sorted(self._paths):
            target = folder / self._side / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.bundle.path / path, target)


def _check_data(base: Manifest, candidate: Manifest) -> None:
    """Raise BundleError where the two were not made for the same test images."""
    for name in SHARED:
        if getattr(base, name) != getattr(candidate, name):
            before, after = (str(getattr(each, name)) for each in (base, candidate))
            raise BundleError(
                f"base and candidate differ in {name} ({before} and {after}), so one job cannot measure both; "
                "build both for the same data set"
            )
    for name in DATA_FILES:
        if _sha256(base, name) != _sha256(candidate, name):
            raise BundleError(
                f"base and candidate have other {name.replace('_', ' ')}, so one job cannot measure both; build both "
                "from the same data set"
            )


def _sha256(manifest: Manifest, name: str) -> str | None:
    path = getattr(manifest, name)
    return next((file.sha256 for file in manifest.files if file.path == path), None)


def _data(side: _Side) -> dict[str, Any]:
    """What the job has once, from the bundle whose data it is."""
    manifest = side.bundle.manifest.model_dump(mode="json")
    once = (*SHARED, "dataset_sha256", "classes", "own_images")
    return {name: manifest[name] for name in once} | {name: side.moved(manifest[name]) for name in DATA_FILES}
