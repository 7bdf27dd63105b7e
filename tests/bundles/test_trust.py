"""Bundles with programs: run where they were made here, signed by an allowed signer, or trusted; refused otherwise."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import sis_edge_here
from PIL import Image
from sshd import require
from tiny_bundle import tiny_bundle, tiny_profile

import sis_edge
from sis_edge import profiles
from sis_edge.board.deploy import deploy
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.bundles import signatures, trust
from sis_edge.bundles.manifest import MANIFEST, RtxEngine, Variant
from sis_edge.bundles.sparse_form import Parity
from sis_edge.bundles.verify import SIGNATURE, Bundle, open_bundle
from sis_edge.errors import BoardError, BundleError, UsageError
from sis_edge.files import own_programs
from sis_edge.transport import LocalTransport

from .test_hostile import forged

PROGRAM = "native/x86_64/libsis_edge.so"
REFUSED = rf"holds programs of unknown origin \({PROGRAM}\), which would run as you, and "


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "SIS_EDGE_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))


def with_program(folder: Path) -> Bundle:
    """A bundle of networks in ONNX, with a program in it."""
    bundle = tiny_bundle(folder)
    (folder / PROGRAM).parent.mkdir(parents=True)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "profile": "local"}))
    return forged(bundle, b"\x7fELF theirs", PROGRAM)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return with_program(tmp_path / "theirs")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys of anna and eve."""
    require("ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("anna", "eve"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True)
    return folder


def allow(keys: Path, name: str = "anna", options: str = 'namespaces="sis-edge-bundle"') -> Path:
    """Let the user's file of allowed signers have this key."""
    path = signatures.allowed_signers()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{name}@example.com {options} {(keys / f'{name}.pub').read_text()}")
    path.chmod(0o600)
    return path


def signed(bundle: Bundle, keys: Path, name: str = "anna") -> Bundle:
    signatures.sign(bundle, keys / name)
    return bundle


@pytest.mark.parametrize(
    "words",
    [
        ("bench", "theirs", "--quick"),
        ("bench", "theirs", "--self-check"),
        ("deploy", "--bundle", "theirs"),
        ("run", "a.png", "--bundle", "theirs"),
    ],
    ids=" ".join,
)
def test_every_command_that_runs_a_bundle_refuses_it(words: tuple[str, ...], bundle: Bundle, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    done = sis_edge_here(*words, cwd=tmp_path)
    assert done.returncode == 4
    assert f"theirs holds programs of unknown origin ({PROGRAM})" in " ".join(done.stderr.split())
    assert "give --trust if you trust its source" in " ".join(done.stderr.split())
    assert not (tmp_path / "XDG_DATA_HOME").exists(), "the board was not troubled"


def test_programs_refuse_it_too_and_nothing_is_sent(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=REFUSED + "it is not signed; build it here, give trust=True if"):
        sis_edge.measure(bundle.path, runs_dir=tmp_path / "runs")
    board = LocalTransport(tmp_path / "board")
    with pytest.raises(BundleError, match=REFUSED):
        deploy(bundle, board, tiny_profile())
    assert not (tmp_path / "board").exists()
    with pytest.raises(BoardError, match="/proc/nowhere"):  # the next thing that is asked for
        deploy(bundle, board, tiny_profile(root="/proc/nowhere"), options=MeasuringOptions(trust=True))


def test_a_changed_file_is_refused_all_the_same(bundle: Bundle) -> None:
    (bundle.path / PROGRAM).write_bytes(b"\x7fELF others")
    with pytest.raises(BundleError, match="does not match its manifest"):
        trust.check(bundle, trusted=True)


def test_a_bundle_without_programs_needs_no_trust(tmp_path: Path) -> None:
    trust.check(tiny_bundle(tmp_path / "plain"))


def test_what_was_made_here_is_known_in_every_copy(bundle: Bundle, tmp_path: Path) -> None:
    made = bundle.path / PROGRAM
    own_programs.remember(made)
    own_programs.remember(made)
    assert len(own_programs.place().read_text().splitlines()) == 1
    shutil.copytree(bundle.path, tmp_path / "copy")
    shutil.rmtree(bundle.path)
    trust.check(open_bundle(tmp_path / "copy"))


def test_what_lies_in_the_cache_is_known_before_it_was_noted(bundle: Bundle, tmp_path: Path) -> None:
    """Libraries of a sis-edge that noted none."""
    cached = tmp_path / "SIS_EDGE_CACHE/native/x86_64-0123/libsis_edge.so"
    cached.parent.mkdir(parents=True)
    shutil.copyfile(bundle.path / PROGRAM, cached)
    trust.check(bundle)


def test_programs_under_another_name_are_found(tmp_path: Path) -> None:
    """A library of a network's INT8 form, and an engine: the manifest says what is loaded, not the name."""
    bundle = tiny_bundle(tmp_path / "tiny")
    network = bundle.manifest.networks[0]
    variant = Variant(
        name="int8-native",
        form="native",
        precision="int8",
        runtime="onnxruntime",
        model=network.model,
        golden_logits=network.golden_logits,
        golden_tolerance=0,
        host_accuracy=1,
        fp32_accuracy=1,
        host_test_images=1,
        agreement=Parity(images=1, max_abs_difference=0, top1_agreement=1),
        library="data/labels.bin",
    )
    engine = RtxEngine(
        precision="fp32",
        plan="data/notes.txt",
        source=network.model,
        golden_logits=network.golden_logits,
        compute_capabilities=("8.6",),
        version="1",
        build_s=1,
    )
    for name in ("data/labels.bin", "data/notes.txt"):
        bundle = forged(bundle, b"\x7fELF", name)
    manifest = json.loads((bundle.path / MANIFEST).read_text())
    for key, entry in (("variants", variant), ("engines", engine)):
        manifest["networks"][0][key] = [json.loads(entry.model_dump_json())]
    (bundle.path / MANIFEST).write_text(json.dumps(manifest))
    found = open_bundle(bundle.path)
    assert [entry.path for entry in trust.programs(found)] == ["data/labels.bin", "data/notes.txt"]
    with pytest.raises(BundleError, match=r"\(data/labels.bin, data/notes.txt\)"):
        trust.check(found)


def test_a_signature_of_an_allowed_signer_is_enough(bundle: Bundle, keys: Path, tmp_path: Path) -> None:
    allow(keys)
    done = sis_edge_here("bundle", "sign", "theirs", "--key", str(keys / "anna"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{SIGNATURE} signs the bundle" in done.stdout
    words = ("bundle", "sign", "theirs", "--key", str(keys / "anna"), "--json")
    assert json.loads(sis_edge_here(*words, cwd=tmp_path).stdout) == {
        **{"document": "bundle-sign", "document_version": 1, "reasons": {}},
        **{"path": "theirs", "bundle_id": bundle.id, "signature": f"theirs/{SIGNATURE}"},
    }
    trust.check(bundle)
    assert signatures.read(bundle) == signatures.Signature("anna@example.com")
    shown = sis_edge_here("bundle", "verify", "theirs", cwd=tmp_path)
    assert f"{PROGRAM} is a program that runs as you, NOT made on this machine" in shown.stdout
    assert "signature: signed by anna@example.com" in shown.stdout
    document = json.loads(sis_edge_here("bundle", "verify", "theirs", "--json", cwd=tmp_path).stdout)
    assert document["signed_by"] == "anna@example.com"
    assert [library["is_ours"] for library in document["libraries"]] == [False]


def test_a_second_signature_takes_the_place_of_the_first(bundle: Bundle, keys: Path) -> None:
    allow(keys)
    trust.check(signed(signed(bundle, keys, "eve"), keys))


@pytest.mark.parametrize(
    ("options", "why_not"),
    [
        ('namespaces="file"', "which .*allowed_signers does not allow"),
        ('valid-before="20200101"', "which .*allowed_signers does not allow"),
        (None, "which .*allowed_signers does not allow"),
    ],
    ids=["for files", "until 2020", "of another"],
)
def test_a_key_that_is_not_allowed(options: str | None, why_not: str, bundle: Bundle, keys: Path) -> None:
    allow(keys, *(("eve",) if options is None else ("anna", options)))
    with pytest.raises(BundleError, match=rf"{REFUSED}it is signed with ED25519 key SHA256:\S+, {why_not}"):
        trust.check(signed(bundle, keys))


def test_allowed_signers_that_are_not_there_or_that_others_write(bundle: Bundle, keys: Path) -> None:
    signed(bundle, keys)
    with pytest.raises(BundleError, match=r"SHA256:\S+, and there is no .*allowed_signers"):
        trust.check(bundle)
    for mode in (0o620, 0o602):
        allow(keys).chmod(mode)
        with pytest.raises(BundleError, match=r"others may write .*allowed_signers"):
            trust.check(bundle)
    allow(keys).chmod(0o644)
    trust.check(bundle)


def test_a_signature_of_another_manifest(bundle: Bundle, keys: Path, tmp_path: Path) -> None:
    """Signed by anna, then a program was exchanged and the manifest made to fit."""
    allow(keys)
    changed = forged(signed(bundle, keys), b"\x7fELF others", PROGRAM)
    with pytest.raises(BundleError, match=f"{SIGNATURE} is not a signature of this manifest; build it here"):
        trust.check(changed)
    done = sis_edge_here("bundle", "verify", "theirs", cwd=tmp_path)
    assert (done.returncode, "is sound" in done.stdout) == (4, False)
    assert "is not a signature of this manifest; was the bundle changed after it was signed?" in done.stderr


@pytest.mark.parametrize("kind", ["pipe", "link", "long", "nonsense"])
def test_what_is_no_signature(kind: str, bundle: Bundle, keys: Path) -> None:
    allow(keys)
    path = bundle.path / SIGNATURE
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"x" * 100_000 if kind == "long" else b"\xff\0 -----BEGIN SSH SIGNATURE-----\n")
    found = signatures.read(bundle)
    assert found is not None
    assert found.is_false
    with pytest.raises(BundleError, match=f"{SIGNATURE} is not a"):
        trust.check(bundle)


def test_without_openssh(bundle: Bundle, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed(bundle, keys)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        BundleError, match="cannot be checked, because `ssh-keygen` is not installed here; build it here"
    ):
        trust.check(bundle)
    with pytest.raises(UsageError, match="nothing was signed: `ssh-keygen` is not installed here"):
        signatures.sign(bundle, keys / "anna")


def test_a_key_that_cannot_sign(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere cannot sign: .*; name a private key"):
        signatures.sign(bundle, tmp_path / "nowhere")
    assert not (bundle.path / SIGNATURE).exists()


def test_a_manifest_that_changed_since_it_was_opened(bundle: Bundle, keys: Path) -> None:
    path = bundle.path / MANIFEST
    path.write_text(path.read_text() + " ")
    with pytest.raises(BundleError, match="has changed while it was read"):
        signatures.sign(bundle, keys / "anna")


@pytest.mark.parametrize("words", ["deploy --bundle", "run a.png --bundle", "audit"])
def test_a_bundle_names_no_file_as_its_profile(words: str, tmp_path: Path) -> None:
    """The file says which program is started as the board's Python, and could come with the bundle."""
    bundle = tiny_bundle(tmp_path / "theirs")
    manifest = json.loads((bundle.path / MANIFEST).read_text())
    (bundle.path / MANIFEST).write_text(json.dumps({**manifest, "profile": "board.toml"}))
    text = (profiles.profile_folder() / "local.toml").read_text()
    (tmp_path / "board.toml").write_text(text.replace('python = "python3"', 'python = "./run-me"'))
    done = sis_edge_here(*words.split(), "theirs", cwd=tmp_path)
    assert done.returncode == 2
    assert "the bundle is for the profile board.toml, which sis-edge does not ship; name its file with --profile" in (
        " ".join(done.stderr.split())
    )
