"""The bundle that a run measured: its manifest, then its weights, graphs, data and programs file by file."""

from pathlib import Path

from sis_edge.bundles import signatures, verify
from sis_edge.bundles.manifest import MANIFEST, Manifest, NetworkEntry
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BundleError, UsageError
from sis_edge.formation.graph import SynapticGraph
from sis_edge.results.schema import StoredRun
from sis_edge.verifying.link import ChainLink, changed, of_faults, ok, unchecked
from sis_edge.verifying.run_file import manifest_id


def find(run: StoredRun, build_dir: Path) -> Bundle | ChainLink:
    """The run's bundle among those here; the link that says why it cannot be checked, where there is none."""
    for bundle in verify.readable(build_dir):
        if bundle.id == run.bundle_id:
            return bundle
    missing = f"bundle {run.bundle_id} is not in {build_dir}; name its folder with --bundle"
    named = build_dir / run.manifest.name
    if "/" in run.manifest.name or not (named / MANIFEST).exists():
        return unchecked("bundle", missing)
    try:
        other = verify.open_bundle(named)
    except BundleError as error:
        return changed("bundle", f"{named} may be it, and cannot be opened: {error}")
    return _other(run, other) if _is_same_build(run, other) else unchecked("bundle", missing)


def of_bundle(run: StoredRun, bundle: Bundle) -> list[ChainLink]:
    """Everything about a bundle that is here."""
    if bundle.id != run.bundle_id:
        return [_other(run, bundle)]
    if bundle.manifest != run.manifest:
        return [changed("manifest", "the run's is not the bundle's, which has the id that the run names")]
    faults = verify.faults(bundle)
    found = [ok("manifest", f"the run's is the bundle's, whose SHA-256 is the id {bundle.id}")]
    for subject, names in _kinds(bundle.manifest).items():
        if names:
            here = [f"{name}: {fault}" for name, fault in faults if name in names]
            found.append(of_faults(subject, here, f"{_count(names)} as the manifest says, by SHA-256"))
    known = {entry.path for entry in bundle.manifest.files}
    if extra := [f"{name}: {fault}" for name, fault in faults if name not in known]:
        found.append(changed("other files", "; ".join(extra)))
    damaged = {name for name, _ in faults}
    found += [_synapses(bundle, entry) for entry in bundle.manifest.networks if entry.graph not in damaged]
    return found + _signature(bundle)


def without(run: StoredRun, manifest: Bundle | None = None) -> ChainLink:
    """What can be said of the manifest where the bundle is not here, or its manifest only."""
    if manifest is not None and (manifest.id != run.bundle_id or manifest.manifest != run.manifest):
        return changed("manifest", f"the run's is not the one of bundle {manifest.id} that came with it")
    if manifest is not None or manifest_id(run.manifest) == run.bundle_id:
        return ok("manifest", f"its SHA-256 is the bundle's id, {run.bundle_id}")
    return unchecked("manifest", "another version of sis-edge wrote it, so that its SHA-256 needs the bundle itself")


def _kinds(manifest: Manifest) -> dict[str, set[str]]:
    """The files that the manifest lists, by what they are."""
    graphs = {entry.graph for entry in manifest.networks}
    programs = {path for entry in manifest.networks for path in entry.programs}
    rest = {entry.path for entry in manifest.files} - graphs - programs
    weights = {path for path in rest if Path(path).suffix in (".onnx", ".tflite")}
    weights |= {path for entry in manifest.given for path in (entry.model, *entry.external_data)}
    return {"weights": weights, "graphs": graphs, "data": rest - weights, "programs": programs}


def _synapses(bundle: Bundle, entry: NetworkEntry) -> ChainLink:
    """A graph's synapses, whose SHA-256 the run names, too."""
    try:
        found = SynapticGraph.load(bundle.path / entry.graph).digest()
    except UsageError as error:
        return changed(f"graph of {entry.name}", str(error))
    if found != entry.graph_sha256:
        return changed(f"graph of {entry.name}", f"its synapses have SHA-256 {found}, the run {entry.graph_sha256}")
    return ok(f"graph of {entry.name}", f"its synapses have SHA-256 {found}")


def _signature(bundle: Bundle) -> list[ChainLink]:
    found = signatures.read(bundle)
    if found is None:
        return []
    if found.is_false:
        return [changed("bundle's signature", str(found.why_not))]
    if found.signer is None:
        return [unchecked("bundle's signature", str(found.why_not))]
    return [ok("bundle's signature", f"signed by {found.signer}")]


def _is_same_build(run: StoredRun, other: Bundle) -> bool:
    ours, theirs = run.manifest, other.manifest
    same = ours.provenance.created_at == theirs.provenance.created_at
    return same and ours.build_key == theirs.build_key


def _other(run: StoredRun, bundle: Bundle) -> ChainLink:
    return changed("bundle", f"{bundle.path} is bundle {bundle.id}, the run measured {run.bundle_id}")


def _count(names: set[str]) -> str:
    return f"{len(names)} file{'' if len(names) == 1 else 's'}"
