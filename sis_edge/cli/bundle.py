"""`sis-edge bundle`: make a bundle of networks of one's own, look at one, check it, sign it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, given, options
from sis_edge.cli.command import command, group

if TYPE_CHECKING:
    from sis_edge.build.given.request import GivenRequest

app, _bundle = group("bundle", "Make bundles of your own networks; show bundles, check and sign them.")


@command(_bundle)
@given.models
def make(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the new bundle.")],
    own: "GivenRequest | None" = None,
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Profile of the board: a name, which `deploy` takes by default, or a TOML file.",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = "local",
    as_json: options.Json = False,
) -> None:
    """Make a bundle of ONNX or TFLite models of your own, with their inputs and expected outputs."""
    from sis_edge import profiles
    from sis_edge.build.given import bundle as making
    from sis_edge.cli import build, console
    from sis_edge.cli.documents.bundles import shown
    from sis_edge.errors import UsageError

    if own is None:
        raise UsageError("no model to make a bundle of; name one with --onnx FILE or --tflite FILE")
    profiles.load(profile)
    made = making.make(replace(own, profile=profile), output, console.say)
    if as_json:
        console.document(shown(made))
    else:
        build.show(made)


@command(_bundle)
def verify(path: options.Bundle, as_json: options.Json = False) -> None:
    """Find every changed, missing or extra file of a bundle, and name the programs in it."""
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
        for library in sound.libraries:
            whose = "made on this machine" if library.is_ours else "NOT made on this machine"
            console.out.print(f"{library.path} is a program that runs as you, {whose}", soft_wrap=True)
        signed = f"signed by {sound.signed_by}" if sound.signed_by else sound.reasons["signed_by"]
        console.out.print(f"signature: {signed}", soft_wrap=True)


@command(_bundle)
def sign(
    path: options.Bundle,
    key: Annotated[
        Path,
        typer.Option("--key", "-k", metavar="FILE", help="SSH key: a private one, or a public one of ssh-agent's."),
    ],
    as_json: options.Json = False,
) -> None:
    """Sign a bundle with an SSH key, so that others can run its programs without --trust."""
    from sis_edge.bundles import signatures
    from sis_edge.bundles.verify import verify
    from sis_edge.cli import console
    from sis_edge.cli.documents.bundles import SignDocument

    bundle = verify(path)
    file = signatures.sign(bundle, key)
    if as_json:
        console.document(SignDocument(path=str(path), bundle_id=bundle.id, signature=str(file)))
        return
    console.out.print(
        f"{file} signs the bundle. Whoever has the key's public half in allowed_signers runs the bundle without "
        f'--trust; a line of it is: NAME namespaces="{signatures.NAMESPACE}" KEY',
        soft_wrap=True,
    )


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
