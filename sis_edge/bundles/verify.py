"""Bundles on this machine: written, opened, and checked against their manifest file by file."""

import hashlib
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from sis_edge.bundles import arrays
from sis_edge.bundles.manifest import BUNDLE_VERSION, MANIFEST, FileEntry, Manifest
from sis_edge.bundles.upgrade import upgraded
from sis_edge.errors import BundleError
from sis_edge.files.hashing import file_sha256
from sis_edge.text.foreign import loads, one_line
from sis_edge.text.tables import as_html, as_text

MOST_MANIFEST_BYTES = 64_000_000

SIGNATURE = f"{MANIFEST}.sig"
"""The signature of a manifest, beside it; the manifest cannot list it."""

MODELS = (".onnx", ".tflite")
"""Endings of models, which an option of the same name takes where a bundle's folder is not what is named."""

HEADINGS = ("network", "synapses", "MAC ratio", "accuracy", "")


@dataclass(frozen=True, repr=False)
class Bundle:
    """A bundle on this machine; `id` is the first 16 hex digits of its manifest's SHA-256."""

    path: Path
    manifest: Manifest
    id: str

    def __repr__(self) -> str:
        return as_text(HEADINGS, self._cells(), title=self._title)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return as_html(HEADINGS, self._cells(), title=self._title)

    @property
    def _title(self) -> str:
        return f"bundle {self.path} ({self.id}): {self.manifest.content} for {self.manifest.profile}"

    def _cells(self) -> list[list[str]]:
        return [
            [
                entry.name,
                f"{entry.synapses:,}",
                f"{entry.mac_ratio:.2f}x",
                f"{entry.training.host_accuracy:.4f}",
                "reference" if entry.name == self.manifest.reference else "",
            ]
            for entry in self.manifest.networks
        ] + [
            [entry.name, "-", "-", "-", "reference" if entry.name == self.manifest.reference else ""]
            for entry in self.manifest.given
        ]


def file_entries(folder: Path) -> tuple[FileEntry, ...]:
    """Every file below a folder but the manifest, in the order of their names."""
    return tuple(
        FileEntry(path=name, sha256=file_sha256(folder / name), size_bytes=(folder / name).stat().st_size)
        for name in sorted(_names(folder))
    )


def write_manifest(folder: Path, manifest: Manifest) -> Bundle:
    """Write the manifest, the last file of a bundle: a folder without it is not a bundle."""
    path = folder / MANIFEST
    path.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return open_bundle(folder)


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle's manifest, of this version or an older one, without checking its files.

    Raises BundleError with what to do.
    """
    path = folder / MANIFEST
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= MOST_MANIFEST_BYTES:
            text = path.read_bytes()
        else:
            raise BundleError(f"{path} is not a file of at most {MOST_MANIFEST_BYTES / 1e6:.0f} MB; build it again")
    except OSError as error:
        if folder.suffix in MODELS and folder.is_file():
            option = folder.suffix.replace(".", "--")
            raise BundleError(
                f"{folder} is a model, not a bundle; bench and deploy take it as {option} {folder}"
            ) from None
        raise BundleError(
            f"{folder} is not a bundle: {MANIFEST} cannot be read ({error.strerror}); `sis-edge build` makes one"
        ) from None
    try:
        data = upgraded(loads(text, longest=None))
        if (version := data.get("bundle_version")) != BUNDLE_VERSION:
            raise BundleError(
                f"{path} has bundle version {version}, this sis-edge reads up to {BUNDLE_VERSION}; build it again"
            )
        manifest = Manifest.model_validate(data)
    except (ValidationError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged ({_first_line(error)}); build the bundle again") from error
    return Bundle(folder, manifest, hashlib.sha256(text).hexdigest()[:16])


def problems(bundle: Bundle) -> list[str]:
    """Every changed, missing, extra or unsound file, a sentence each; empty for a sound bundle."""
    return [f"{name}: {fault}" for name, fault in faults(bundle)]


def faults(bundle: Bundle) -> list[tuple[str, str]]:
    """The same as the file's name and what is wrong with it.

    Nothing but files is opened, and of arrays whose hash is right the headers are judged too: a hostile bundle has
    right hashes.
    """
    found: list[tuple[str, str]] = []
    listed = {entry.path: entry for entry in bundle.manifest.files}
    present = set(_names(bundle.path))
    for name, entry in listed.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            found.append((name, "the manifest names a file outside of the bundle"))
        elif name not in present:
            found.append((name, "missing"))
        elif (fault := _change(bundle.path / name, entry)) is not None:
            found.append((name, fault))
    return found + [(name, "extra, the manifest does not list it") for name in sorted(present - listed.keys())]


def verify(folder: Path) -> Bundle:
    """Open a bundle and check every file; raises BundleError that names the first problems."""
    bundle = open_bundle(folder)
    check_files(bundle)
    return bundle


def check_files(bundle: Bundle) -> None:
    """Raise BundleError that names the first files that are not what the manifest says."""
    found = problems(bundle)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise BundleError(f"{bundle.path} does not match its manifest: {'; '.join(found[:3])}{more}; build it again")


def newest(build_folder: Path) -> Bundle:
    """The bundle of `build_folder` that was written last; raises BundleError where there is none."""
    folders = _by_age(build_folder)
    if not folders:
        raise BundleError(f"{build_folder} has no bundle; `sis-edge build --profile local` makes one")
    return open_bundle(folders[-1])


def readable(build_folder: Path) -> list[Bundle]:
    """The bundles of `build_folder` that can be read, newest first."""
    bundles = []
    for folder in reversed(_by_age(build_folder)):
        with suppress(BundleError):
            bundles.append(open_bundle(folder))
    return bundles


def _by_age(build_folder: Path) -> list[Path]:
    manifests = (path for path in build_folder.glob(f"*/{MANIFEST}") if not path.parent.name.startswith("."))
    return [path.parent for path in sorted(manifests, key=lambda path: path.stat().st_mtime_ns)]


def _change(path: Path, entry: FileEntry) -> str | None:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):  # opening a pipe waits for ever, reading a device never ends
            return f"{'a link' if stat.S_ISLNK(mode) else 'a pipe, socket or device'}, not a file"
        if (size := path.stat().st_size) != entry.size_bytes:
            return f"changed ({size:,} bytes, the manifest says {entry.size_bytes:,})"
        return arrays.problem(path) if file_sha256(path) == entry.sha256 else "changed (same size, other SHA-256)"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in (MANIFEST, SIGNATURE):
            yield name


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'manifest'}: {first['msg']}"
    return one_line(str(error).partition("\n")[0]) or type(error).__name__
