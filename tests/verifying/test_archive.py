"""Archives of runs: complete, the same bytes each time, every changed byte found, and hostile ones refused."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from results.factory import stored_run
from sshd import require

from sis_edge.bundles import signatures
from sis_edge.cli import run as command
from sis_edge.errors import RecordError, UsageError
from sis_edge.results import store
from sis_edge.verifying import archive, readme, received, sums
from sis_edge.verifying.export import export
from tests.cli.test_json import check
from verifying.measured import Measured, flip

Stage = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("anna", "eve"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True)
    allowed = folder / "allowed_signers"
    allowed.write_text(f'anna@example.com namespaces="sis-edge-run" {(folder / "anna.pub").read_text()}')
    allowed.chmod(0o600)
    return folder


@pytest.fixture
def written(made: Measured, tmp_path: Path) -> Path:
    return export(made.path, made.bundle, tmp_path / "a.tar")


def changes(path: Path, nowhere: Path, signers: Path | None = None) -> list[str]:
    with received.unpacked(path, nowhere, signers=signers) as there:
        return [each.subject for each in there.found.changed]


def test_a_whole_archive(made: Measured, written: Path, tmp_path: Path) -> None:
    again = export(made.path, made.bundle, tmp_path / "b.tar")
    assert again.read_bytes() == written.read_bytes()
    with received.unpacked(written, tmp_path) as there:
        assert {each.subject for each in there.found.unchecked} == {"data set"}
        assert not there.found.changed
        assert there.found.not_signed == received.NOT_SIGNED
    with tarfile.open(written) as read:
        assert {name.partition("/")[0] for name in read.getnames()} == {
            "FORMAT",
            "README.md",
            "SHA256SUMS",
            "run",
            "bundle",
        }
        read.extractall(tmp_path / "by-hand", filter="data")
    require("sha256sum")
    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path / "by-hand", check=True)


def test_any_byte(written: Path, made: Measured, keys: Path, tmp_path: Path) -> None:
    signed = export(made.path, made.bundle, tmp_path / "s.tar", manifest_only=True, key=keys / "anna")
    assert changes(signed, tmp_path, keys / "allowed_signers") == []
    size = written.stat().st_size
    for path, places in (
        (written, [*range(0, 512, 11), size - 1, size - 1024, *np.random.default_rng(0).integers(0, size, 30)]),
        (signed, list(range(*_signature_bytes(signed.read_bytes()), 31))),
    ):
        for at in places:
            flip(path, int(at))
            try:
                found = changes(path, tmp_path, keys / "allowed_signers")
            except RecordError:
                pass
            else:
                assert found, (path, at)
            flip(path, int(at))


def _signature_bytes(data: bytes) -> tuple[int, int]:
    start = data.index(b"-----BEGIN SSH")
    return start, data.index(b"\0", start)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: data[:5000]])
def test_a_cut_or_longer_archive(change: Callable[[bytes], bytes], written: Path, tmp_path: Path) -> None:
    written.write_bytes(change(written.read_bytes()))
    with pytest.raises(RecordError, match=r"a\.tar"):
        changes(written, tmp_path)


def test_signed_by_whom(made: Measured, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signers = keys / "allowed_signers"
    for name, signer in (("anna", "anna@example.com"), ("eve", None)):
        path = export(made.path, made.bundle, tmp_path / f"{name}.tar", key=keys / name)
        with received.unpacked(path, tmp_path, signers=signers) as there:
            assert (there.found.signer, there.found.changed) == (signer, ())
            states = {each.subject: each.state for each in there.found.links}
            assert states["signature"] == ("ok" if signer else "not checked")
    for_bundles = signers.read_text().replace("sis-edge-run", "sis-edge-bundle")
    (tmp_path / "others").write_text(for_bundles)
    (tmp_path / "others").chmod(0o600)
    with received.unpacked(tmp_path / "anna.tar", tmp_path, signers=tmp_path / "others") as there:
        assert there.found.signer is None
    monkeypatch.setenv("PATH", "/nowhere")
    with received.unpacked(tmp_path / "anna.tar", tmp_path, signers=signers) as there:
        assert "ssh-keygen" in str(there.found.not_signed)


def test_a_signature_of_another_archive(made: Measured, keys: Path, tmp_path: Path) -> None:
    signed = export(made.path, made.bundle, tmp_path / "s.tar", key=keys / "anna")
    archive.unpack(signed, tmp_path / "out" if (tmp_path / "out").mkdir() is None else tmp_path)
    out = tmp_path / "out"
    (out / "README.md").write_text("forged")
    names = [path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file()]
    listed = {name: _sha256(out / name) for name in names if name not in (archive.SUMS, archive.SIGNATURE)}
    (out / archive.SUMS).write_bytes(sums.text(listed))
    forged = tmp_path / "forged.tar"
    ordered = sorted(names, key=lambda name: name != archive.FORMAT)
    forged.write_bytes(b"".join(archive.pieces(archive.ArchiveFile(name, out / name) for name in ordered)))
    assert changes(forged, tmp_path, keys / "allowed_signers") == ["signature"]
    assert signatures.NAMESPACE != "sis-edge-run"


def test_bits_of_base64_that_mean_nothing() -> None:
    frame = b"-----BEGIN SSH SIGNATURE-----\n%b\n-----END SSH SIGNATURE-----\n"
    assert [received._is_plain(frame % body) for body in (b"QQ==", b"QR==", b"QQ=", b"QQ=\n=")] == [1, 0, 0, 0]
    assert not received._is_plain(b"nonsense")


def _sha256(path: Path) -> str:
    from sis_edge.files.hashing import file_sha256

    return file_sha256(path)


def _tar(tmp_path: Path, *infos: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> Path:
    path = tmp_path / "hostile.tar"
    first = tarfile.TarInfo(archive.FORMAT)
    first.size = len(archive.VERSION)
    with tarfile.open(path, "w", format=form) as made:
        made.addfile(first, io.BytesIO(archive.VERSION))
        for info, data in infos:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return path


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b"" if kind != tarfile.REGTYPE else b"x"


def _hostile() -> Iterator[tuple[str, list[tuple[tarfile.TarInfo, bytes]]]]:
    for name in ("../x", "/tmp/x", "bundle/../../x", "bundle//x", "run/a/b", "other/x", "bundle/a\nb", "bundle/."):
        yield name, [_member(name)]
    yield "a link", [_member("bundle/x", tarfile.SYMTYPE, "/etc/passwd")]
    yield "a hard link", [_member("bundle/x", tarfile.LNKTYPE, "FORMAT")]
    yield "through a link", [_member("bundle/x", tarfile.SYMTYPE, "/tmp"), _member("bundle/x/y")]
    yield "a device", [_member("bundle/x", tarfile.CHRTYPE)]
    yield "a pipe", [_member("bundle/x", tarfile.FIFOTYPE)]
    yield "a folder", [_member("bundle/x", tarfile.DIRTYPE)]
    yield "twice", [_member("bundle/x"), _member("bundle/x")]
    yield "a file and a folder", [_member("bundle/x"), _member("bundle/x/y")]
    yield "a folder and a file", [_member("bundle/x/y"), _member("bundle/x")]
    setuid, data = _member("bundle/x")
    setuid.mode = 0o4755
    yield "setuid", [(setuid, data)]


@pytest.mark.parametrize(("why", "members"), list(_hostile()), ids=[why for why, _ in _hostile()])
def test_hostile_members(why: str, members: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path) -> None:
    path, out = _tar(tmp_path, *members), tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(RecordError, match=r"hostile\.tar is not an archive"):
        archive.unpack(path, out)
    inside = {found for found in tmp_path.rglob("*") if found.is_file()}
    assert inside <= {path, out / "FORMAT", out / "bundle/x", out / "bundle/x/y"}


def test_a_header_that_claims_much(tmp_path: Path) -> None:
    """A file of terabytes in a few bytes, a name that comes in an extension, too many names."""
    path = _tar(tmp_path)
    whole = path.read_bytes()[:1024]
    path.write_bytes(whole + archive._header("bundle/x", 8**11 - 1) + b"x")
    with pytest.raises(RecordError, match="too early"):
        archive.unpack(path, _new(tmp_path / "1"))
    with pytest.raises(RecordError, match="not a plain file"):
        archive.unpack(_tar(tmp_path, _member("bundle/" + "x" * 300), form=tarfile.PAX_FORMAT), _new(tmp_path / "2"))


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    members = [archive.ArchiveFile(f"bundle/{number}", b"") for number in range(4)]
    (tmp_path / "a.tar").write_bytes(
        b"".join(archive.pieces([archive.ArchiveFile("FORMAT", archive.VERSION), *members]))
    )
    with pytest.raises(RecordError, match="more than 3 files"):
        archive.unpack(tmp_path / "a.tar", _new(tmp_path / "1"))


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_what_cannot_be_exported(mine: Measured, tmp_path: Path) -> None:
    out = tmp_path / "a.tar"
    with pytest.raises(UsageError, match="with --bundle"):
        export(mine.path, tmp_path / "nothing", out)
    flip(mine.bundle.path / "networks/nin/model.onnx", 3)
    with pytest.raises(RecordError, match=r"is not exported.*model\.onnx: changed"):
        export(mine.path, mine.bundle, out)
    assert not out.exists()


def test_the_commands(mine: Measured, capsys: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(mine.place)

    def document(*words: str) -> dict[str, object]:
        assert command([*words, "--json"]) == 0, capsys.readouterr().err
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    check("export-run", document("export-run", "latest", "-o", "a.tar"))
    assert command(["export-run", "latest", "-o", "a.tar"]) == 2
    assert check("verify", document("verify", "a.tar"))["is_unchanged"]
    there = check("import-run", document("import-run", "a.tar", "--runs-dir", "theirs", "--bundle", "new/b"))
    assert (there["was_there"], Path(there["path"]).read_bytes()) == (False, mine.path.read_bytes())
    assert check("import-run", document("import-run", "a.tar", "--runs-dir", "theirs"))["was_there"]
    assert command(["verify", "latest", "--runs-dir", "theirs", "--bundle", "new/b"]) == 0
    assert sorted(Path("new").iterdir()) == [Path("new/b")]
    flip(Path("a.tar"), Path("a.tar").stat().st_size // 2)
    assert command(["verify", "a.tar"]) == 9
    assert command(["import-run", "a.tar", "--runs-dir", "others"]) == 9
    assert command(["import-run", str(mine.path)]) == 9
    flip(Path("a.tar"), Path("a.tar").stat().st_size // 2)
    flip(Path("a.tar"), Path("a.tar").read_bytes().index(b"measured on"))
    assert command(["import-run", "a.tar", "--runs-dir", "others"]) == 9
    assert "README.md: changed" in capsys.readouterr().err
    assert not Path("others").exists()


def test_only_the_manifest(mine: Measured, tmp_path: Path) -> None:
    path = export(mine.path, mine.bundle, tmp_path / "a.tar", manifest_only=True)
    with received.unpacked(path, tmp_path / "nothing") as there:
        found = {each.subject: each.state for each in there.found.links}
    assert (found["manifest"], found["bundle"], found["archive"]) == ("ok", "not checked", "ok")
    with received.unpacked(path, mine.place / "build") as there:
        assert {each.subject for each in there.found.links if each.state != "ok"} == {"data set"}
    with pytest.raises(UsageError, match="only the bundle's manifest"):
        received.keep(path, tmp_path / "runs", tmp_path / "b")
    kept, was_there = received.keep(path, tmp_path / "others", None)
    assert (store.load(kept), was_there) == (mine.run, False)


@pytest.mark.parametrize(
    ("is_simulated", "is_emulated", "said"),
    [(False, False, "measured on QEMU"), (True, False, "on a simulated board"), (True, True, "on an emulated board")],
)
def test_the_readme_says_what_kind_of_board_it_was(is_simulated: bool, is_emulated: bool, said: str) -> None:
    run = stored_run()
    facts = run.record.facts_before._replace(model="QEMU", emulated=is_emulated)
    run = run.model_copy(update={"record": run.record._replace(simulated=is_simulated, facts_before=facts)})
    assert said in readme.text(run, is_signed=False, manifest_only=True).decode()
