"""Base and candidate in one bundle: one job measures both, and nothing of them is lost or mixed up."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from recordings import old_bundle
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge.board.jobs import job_for
from sis_edge.bundles import trust
from sis_edge.bundles.verify import Bundle, check_files, file_entries, open_bundle, write_manifest
from sis_edge.errors import BundleError, UsageError
from sis_edge.gate.joined import join
from sis_edge.gate.pairing import NetworkNames, pair


@pytest.fixture
def base(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "old")


def copy(bundle: Bundle, place: Path, **changes: object) -> Bundle:
    """The same bundle elsewhere, its manifest written anew for the files that are there."""
    shutil.copytree(bundle.path, place, dirs_exist_ok=True)
    return write_manifest(place, bundle.manifest.model_copy(update={"files": file_entries(place)} | changes))


def test_both_are_there_under_their_own_paths_and_one_job_has_all(base: Bundle, tmp_path: Path) -> None:
    candidate = copy(base, tmp_path / "new")
    joined = join(base, candidate, pair(base.manifest.names, candidate.manifest.names), tmp_path / "joined")
    assert joined.networks == (
        NetworkNames("base/dense", "candidate/dense"),
        NetworkNames("base/sparse", "candidate/sparse"),
    )
    check_files(open_bundle(tmp_path / "joined"))
    job = job_for(joined.bundle, tiny_profile())
    assert job.reference == "base/dense"
    by_name = {network.name: network for network in job.networks}
    assert set(by_name) == {"base/dense", "base/sparse", "candidate/dense", "candidate/sparse"}
    assert by_name["base/sparse"].model == "base/networks/sparse/model.onnx"
    assert by_name["candidate/sparse"].golden_logits == "candidate/networks/sparse/golden_logits.npy"
    assert job.test_images == "candidate/data/test_images.npy"  # once, since both have the same
    for side, bundle in (("base", base), ("candidate", candidate)):
        for name in ("dense", "sparse"):
            path = f"networks/{name}/model.onnx"
            assert (tmp_path / "joined" / side / path).read_bytes() == (bundle.path / path).read_bytes()


def test_kernels_and_other_precisions_come_along(tmp_path: Path) -> None:
    """An older bundle has native kernels and INT8; every file that a network names is below its own side."""
    old = open_bundle(old_bundle(tmp_path))
    joined = join(old, old, pair(old.manifest.names, old.manifest.names), tmp_path / "joined").bundle
    programs = [entry.path for entry in trust.programs(joined)]
    assert programs == [f"{side}/native/aarch64/libsis_edge.so" for side in ("base", "candidate")]
    for network in joined.manifest.networks:
        side = network.name.partition("/")[0]
        named = [network.model, network.graph, network.sparse.network.model, network.sparse.network.library]
        named += [path for each in network.variants for path in (each.model, each.golden_logits)]
        assert {path.partition("/")[0] for path in named} == {side}


def test_only_what_is_compared_is_taken(base: Bundle, tmp_path: Path) -> None:
    joined = join(base, base, pair(["dense"], ["sparse"]), tmp_path / "joined")
    assert joined.bundle.manifest.names == ["base/dense", "candidate/sparse"]
    assert not (tmp_path / "joined/base/networks/sparse").exists()
    assert not (tmp_path / "joined/base/data").exists()


def test_other_test_images_are_refused(base: Bundle, tmp_path: Path) -> None:
    shutil.copytree(base.path, tmp_path / "new")
    np.save(tmp_path / "new/data/test_labels.npy", np.zeros(8, dtype=np.int64))
    candidate = copy(base, tmp_path / "new2")
    shutil.copyfile(tmp_path / "new/data/test_labels.npy", tmp_path / "new2/data/test_labels.npy")
    candidate = write_manifest(
        candidate.path, candidate.manifest.model_copy(update={"files": file_entries(candidate.path)})
    )
    with pytest.raises(BundleError, match="base and candidate have other test labels, so one job cannot measure both"):
        join(base, candidate, pair(["dense"], ["dense"]), tmp_path / "joined")


def test_another_data_set_is_refused(base: Bundle, tmp_path: Path) -> None:
    candidate = copy(base, tmp_path / "new", dataset="cifar10")
    with pytest.raises(BundleError, match=r"differ in dataset \(digits and cifar10\)"):
        join(base, candidate, pair(["dense"], ["dense"]), tmp_path / "joined")


def test_a_file_that_changed_since_it_was_checked_is_found(base: Bundle, tmp_path: Path) -> None:
    (base.path / "networks/dense/model.onnx").write_bytes(b"something else")
    with pytest.raises(BundleError, match=r"does not match its manifest: base/networks/dense/model\.onnx: changed"):
        join(base, base, pair(["dense"], ["sparse"]), tmp_path / "joined")


def test_networks_of_the_same_name_belong_together() -> None:
    found = pair(["nin", "old"], ["new", "nin"])
    assert found.networks == (NetworkNames("nin", "nin"),)
    assert found.notes == (
        "only the base has old, which is not compared",
        "only the candidate has new, which is not compared",
    )
    assert pair(["v1"], ["v2"]).networks == (NetworkNames("v1", "v2"),)
    assert pair(["a", "b"], ["b", "a"], only=["a"]).networks == (NetworkNames("a", "a"),)


@pytest.mark.parametrize(
    ("base", "candidate", "only", "words"),
    [
        (["a", "b"], ["c"], None, "base and candidate have no network in common: a, b and c"),
        (["a"], ["a"], ["d"], "unknown network in base and candidate 'd'"),
        (["a"], ["a", "b"], ["b"], "no network in common: none and b"),
    ],
)
def test_nothing_to_compare(base: list[str], candidate: list[str], only: list[str] | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pair(base, candidate, only)
