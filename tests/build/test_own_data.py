"""A bundle of a user's own images: what it records, and that nothing is built where they do not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import SPEC, images
from tiny_build import plan_in

from sis_agent.schema import Resize
from sis_edge.build import pipeline
from sis_edge.build.networks import PlannedNetwork, plan_networks
from sis_edge.build.plan import build_key
from sis_edge.datasets import OwnData
from sis_edge.errors import UsageError
from sis_edge.formation import Formation, form
from sis_edge.profiles import load

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of four classes, 40 x 48, one of them damaged."""
    root = tmp_path_factory.mktemp("own") / "quarters"
    made = images(120)
    for number, (image, label) in enumerate(zip(made.images, made.labels, strict=True)):
        path = root / f"class {'abcd'[label]}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).resize((48, 40)).save(path)
    (root / "class a" / "torn.png").write_bytes(b"no image")
    return root


def test_a_bundle_of_own_images(folder: Path, tmp_path: Path) -> None:
    own = OwnData(folder, Resize(32, 32), seed=3, skip_damaged=True, flip=True)
    data = own.load(cache_dir=tmp_path / "cache", progress=False)
    network = PlannedNetwork("small", form(SPEC, Formation()))
    plan = plan_in(tmp_path / "build", dataset=data.name, data=data, train_limit=None, epochs=1)
    plan = replace(plan, networks=(network,))
    bundle = pipeline.build(plan).bundle
    manifest = bundle.manifest
    assert manifest.dataset == "quarters"
    assert manifest.classes == ("class a", "class b", "class c", "class d")
    assert manifest.preprocess is not None
    assert manifest.preprocess.resize == Resize(32, 32, "fit-bilinear")
    assert manifest.preprocess.mean == list(data.mean)
    assert manifest.own_images is not None
    assert manifest.own_images.model_dump(exclude={"source"}) == {
        "source_name": "quarters",
        "split_by": "seed",
        "split_seed": 3,
        "test_share": 0.2,
        "skipped": ("class a/torn.png",),
        "flip": True,
    }
    assert manifest.golden_images == len(data.test) == manifest.test_image_count < 32
    assert (np.load(bundle.path / "data/test_images.npy") == data.test.images).all()
    assert len(np.load(bundle.path / "data/golden_inputs.npy")) == len(data.test)
    assert pipeline.build(plan).was_done
    other = replace(own, seed=4).load(cache_dir=tmp_path / "cache", progress=False)
    assert build_key(replace(plan, data=other), {}, None) != build_key(plan, {}, None)


def test_images_of_another_size_or_other_classes_are_refused_first(folder: Path, tmp_path: Path) -> None:
    profile = load("local")
    own = OwnData(folder, skip_damaged=True).load(cache_dir=tmp_path / "cache", progress=False)
    plan = plan_in(tmp_path / "build", dataset=own.name, data=own)
    with pytest.raises(UsageError, match=r"small takes images of 32 x 32, quarters has 40 x 48; .* --resize 32"):
        pipeline.build(plan)
    resized = OwnData(folder, Resize(32, 32), skip_damaged=True).load(cache_dir=tmp_path / "cache", progress=False)
    with pytest.raises(UsageError, match="small has 10 outputs, quarters has 4 classes"):
        pipeline.build(plan_in(tmp_path / "build", dataset=resized.name, data=resized))
    assert not (tmp_path / "build" / "tiny").exists()
    (network,) = plan_networks(["nin"], profile.networks, len(resized.classes))
    assert (network.name, network.graph.spec.classes) == ("nin-4-classes", 4)
    assert plan_networks(["nin-4-classes"], profile.networks, 4)[0].graph.digest() == network.graph.digest()
