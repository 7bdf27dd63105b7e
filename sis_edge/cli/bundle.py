"""`sis-edge bundle`: look at a bundle."""

from sis_edge.cli import options
from sis_edge.cli.command import command, group

app, _bundle = group("bundle", "Show bundles and check them.")


@command(_bundle)
def verify(path: options.Bundle, as_json: options.Json = False) -> None:
    """Find every changed, missing or extra file of a bundle."""
    from sis_edge.bundles.verify import open_bundle, problems
    from sis_edge.cli import console
    from sis_edge.cli.documents.bundles import verified
    from sis_edge.errors import BundleError

    bundle = open_bundle(path)
    found = problems(bundle)
    for sentence in found:
        (console.log if as_json else console.out).print(sentence, soft_wrap=True)
    if found:
        files = "1 file differs" if len(found) == 1 else f"{len(found)} files differ"
        raise BundleError(f"{path} does not match its manifest: {files}; build it again")
    sound = verified(bundle)
    if as_json:
        console.document(sound)
    else:
        console.out.print(f"{path} is sound: {sound.files} files, {sound.size_bytes / 1e6:.1f} MB", soft_wrap=True)


@command(_bundle)
def show(path: options.Bundle, as_json: options.Json = False) -> None:
    """Show a bundle's networks."""
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli import build, console
    from sis_edge.cli.documents.bundles import shown

    bundle = open_bundle(path)
    if as_json:
        console.document(shown(bundle))
    else:
        build.show(bundle)
