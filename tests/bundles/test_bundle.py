"""A bundle and its manifest: every changed, missing or extra file is found."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import tiny_bundle

from sis_edge.bundles.manifest import BUNDLE_VERSION, MANIFEST
from sis_edge.bundles.verify import Bundle, newest, open_bundle, problems, readable, verify
from sis_edge.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny")


def test_a_sound_bundle(bundle: Bundle) -> None:
    assert problems(bundle) == []
    again = verify(bundle.path)
    assert (again.id, again.manifest) == (bundle.id, bundle.manifest)
    assert len(bundle.id) == 16
    on_disk = {path.relative_to(bundle.path).as_posix() for path in bundle.path.rglob("*") if path.is_file()}
    assert {entry.path for entry in bundle.manifest.files} == on_disk - {MANIFEST}


def test_the_id_is_of_the_manifest(bundle: Bundle) -> None:
    text = (bundle.path / MANIFEST).read_text()
    (bundle.path / MANIFEST).write_text(text.replace('"profile": "tiny"', '"profile": "other"'))
    assert open_bundle(bundle.path).id != bundle.id


def test_every_single_change_is_found(bundle: Bundle) -> None:
    for entry in bundle.manifest.files:
        path = bundle.path / entry.path
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert problems(bundle) == [f"{entry.path}: changed (same size, other SHA-256)"]
        path.write_bytes(content + b"x")
        (found,) = problems(bundle)
        assert found.startswith(f"{entry.path}: changed ({entry.size_bytes + 1:,} bytes, the manifest says")
        path.unlink()
        assert problems(bundle) == [f"{entry.path}: missing"]
        path.write_bytes(content)
    assert problems(bundle) == []


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_flipped_bit_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    bundle = tiny_bundle(tmp_path_factory.mktemp("flip") / "tiny")
    path = bundle.path / data.draw(st.sampled_from([entry.path for entry in bundle.manifest.files]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert len(problems(bundle)) == 1


@pytest.mark.parametrize(
    "name", ["extra", "networks/dense/more.bin", ".hidden", "new/folder/file", "data/manifest.json"]
)
def test_an_extra_file_is_found(bundle: Bundle, name: str) -> None:
    (bundle.path / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle.path / name).touch()
    assert problems(bundle) == [f"{name}: extra, the manifest does not list it"]


def test_links_are_no_files_of_a_bundle(bundle: Bundle, tmp_path: Path) -> None:
    name = bundle.manifest.networks[0].model
    outside = tmp_path / "outside.onnx"
    (bundle.path / name).rename(outside)
    (bundle.path / name).symlink_to(outside)
    (bundle.path / "dangling").symlink_to(tmp_path / "nowhere")
    assert problems(bundle) == [f"{name}: a link, not a file", "dangling: extra, the manifest does not list it"]


def test_verify_names_the_first_problems_and_counts_the_rest(bundle: Bundle) -> None:
    for entry in bundle.manifest.files:
        (bundle.path / entry.path).unlink()
    with pytest.raises(BundleError) as raised:
        verify(bundle.path)
    assert str(raised.value).count(": missing") == 3
    assert f"and {len(bundle.manifest.files) - 3} more; build it again" in str(raised.value)


def edit(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> Path:
    path = bundle.path / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    return bundle.path


@pytest.mark.parametrize("outside", ["../outside", "data/../../outside", "/etc/passwd"])
def test_a_path_outside_of_the_folder(bundle: Bundle, tmp_path: Path, outside: str) -> None:
    (tmp_path / "outside").touch()
    entry = {"path": outside, "sha256": "0" * 64, "size_bytes": 0}
    opened = open_bundle(edit(bundle, lambda manifest: manifest["files"].append(entry)))
    assert problems(opened) == [f"{outside}: the manifest names a file outside of the bundle"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda m: m.update(bundle_version=99),
            f"has bundle version 99, this sis-edge reads up to {BUNDLE_VERSION}; build it",
        ),
        (lambda m: m.pop("bundle_version"), "has bundle version None"),
        (lambda m: m.pop("networks"), "is damaged (networks: Field required)"),
        (lambda m: m.update(colour="red"), "is damaged (colour: Extra inputs"),
        (lambda m: m.update(networks=[]), "a bundle has one network or more"),
        (lambda m: m["networks"].append(m["networks"][0]), "each name once"),
        (lambda m: m["networks"][0].update(synapses="many"), "is damaged (networks.0.synapses: Input should be"),
        (lambda m: m["files"][0].update(sha256="0" * 63), "is damaged (files.0.sha256: String should match"),
        (lambda m: m["files"][0].update(size_bytes=-1), "is damaged (files.0.size_bytes"),
        (lambda m: m["networks"][0].update(model="../x.onnx"), "../x.onnx is named and not listed among the files"),
        (lambda m: m.update(test_labels="no.npy"), "no.npy is named and not listed"),
        (lambda m: m["networks"][0]["parity"].update(max_abs_difference=float("nan")), "is damaged ("),
    ],
)
def test_a_damaged_manifest(bundle: Bundle, change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(BundleError) as raised:
        open_bundle(edit(bundle, change))
    assert str(raised.value).startswith(str(bundle.path / MANIFEST))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b'"text"', b"[" * 100])
def test_a_manifest_that_is_none(bundle: Bundle, text: bytes) -> None:
    (bundle.path / MANIFEST).write_bytes(text)
    with pytest.raises(BundleError, match=r"manifest\.json is damaged \(.*\); build the bundle again"):
        open_bundle(bundle.path)


def test_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(
            BundleError, match=r"is not a bundle: manifest\.json cannot be read .*`sis-edge build` makes one"
        ):
            open_bundle(path)


def test_the_newest_is_the_last_written_and_never_a_hidden_one(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", ".old.part", ".new.old")):
        made = tiny_bundle(tmp_path / name)
        stamp = (0, 10**18 - age * 10**9) if not name.startswith(".") else (0, 2 * 10**18)
        os.utime(made.path / MANIFEST, ns=stamp)
    (tmp_path / "no bundle").mkdir()
    assert newest(tmp_path).path == tmp_path / "new"
    os.utime(tmp_path / "old" / MANIFEST, ns=(0, 10**18 + 1))
    assert newest(tmp_path).path == tmp_path / "old"


def test_readable_bundles_are_listed_newest_first_and_damaged_ones_left_out(tmp_path: Path) -> None:
    for age, name in enumerate(("b", "a", "damaged", "c")):
        made = tiny_bundle(tmp_path / name)
        if name == "damaged":
            (made.path / MANIFEST).write_text("{")
        os.utime(made.path / MANIFEST, ns=(0, 10**18 - age * 10**9))
    assert [bundle.path.name for bundle in readable(tmp_path)] == ["b", "a", "c"]


@pytest.mark.parametrize("folder", [".", "none"])
def test_no_newest(tmp_path: Path, folder: str) -> None:
    with pytest.raises(BundleError, match=r" has no bundle; `sis-edge build --profile local` makes one"):
        newest(tmp_path / folder)
