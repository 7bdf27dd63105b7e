"""Whether a bundle may be run: every file is what the manifest says, and its programs are of known origin.

A bundle may hold programs: libraries of native kernels, and engines of TensorRT, which can load code as well. Whoever
measures the bundle runs them with all that he may do, here or as his login on the board. They are run where this
machine made them, where the bundle is signed by somebody whom the user allows, or where he says that he trusts it.
Everything that runs a bundle calls `check`.
"""

from sis_edge.bundles import signatures
from sis_edge.bundles.manifest import FileEntry
from sis_edge.bundles.verify import Bundle, check_files
from sis_edge.errors import BundleError
from sis_edge.files import own_programs

MOST_NAMED = 2


def check(bundle: Bundle, trusted: bool = False) -> None:
    """Raise BundleError for a bundle that is not what its manifest says, or with a program that nobody vouches for.

    `trusted`: the user vouches for it.
    """
    check_files(bundle)
    strange = foreign(bundle)
    if not strange or trusted:
        return
    signature = signatures.read(bundle)
    if signature is None or signature.signer is None:
        named = ", ".join(entry.path for entry in strange[:MOST_NAMED])
        more = f" and {len(strange) - MOST_NAMED} more" if len(strange) > MOST_NAMED else ""
        why_not = "it is not signed" if signature is None else signature.why_not
        raise BundleError(
            f"{bundle.path} holds programs of unknown origin ({named}{more}), which would run as you, and {why_not}; "
            "build it here, give --trust if you trust its source, or have it signed with `sis-edge bundle sign`"
        )


def foreign(bundle: Bundle) -> tuple[FileEntry, ...]:
    """The programs in a bundle that were not made on this machine."""
    return tuple(entry for entry in programs(bundle) if not own_programs.is_own(entry.sha256))


def programs(bundle: Bundle) -> tuple[FileEntry, ...]:
    """The files that are programs: what the manifest names as libraries or engines, and any .so."""
    named = {path for network in bundle.manifest.networks for path in network.programs}
    return tuple(entry for entry in bundle.manifest.files if entry.path in named or entry.path.endswith(".so"))
