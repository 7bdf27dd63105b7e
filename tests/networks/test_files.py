"""A network in a TOML file: what is read, and what is refused by file, line and layer."""

from pathlib import Path

import pytest

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, form
from sis_edge.networks.files import load
from sis_edge.spec import LayerSpec, NetworkSpec, nin

SMALL = """\
side = 16
channels = 1
[[layer]]
type = "conv"
filters = 8
kernel = 3
stride = 2
padding = 0
group = "MP"
[[layer]]
type = "depthwise"
name = "depth"
kernel = 3
activation = "relu6"
[[layer]]
type = "conv"
filters = 8
kernel = 1
norm = false
activation = "none"
add = "conv1"
t = 0.5
[[layer]]
type = "pool"
pooling = "average"
size = 2
[[layer]]
type = "linear"
filters = 20
from = "conv2"
[[layer]]
type = "linear"
filters = 4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_a_file_says_what_the_layers_are(tmp_path: Path) -> None:
    network = load(written(tmp_path, SMALL))
    assert network.densities == {"conv2": 0.5}
    assert network.spec == NetworkSpec(
        "small",
        1,
        16,
        (
            LayerSpec("conv1", "MP", 1, 8, 3, 16, stride=2, padding=0),
            LayerSpec("depth", "CL", 8, 8, 3, 7, groups=8, activation="relu6"),
            LayerSpec(
                "conv2", "MP", 8, 8, 1, 7, pool=2, pooling="average", has_norm=False, activation="none", adds="conv1"
            ),
            LayerSpec("linear1", "MP", 8, 20, 3, 3, padding=0),
            LayerSpec("linear2", "MP", 20, 4, 1, 1, is_class_layer=True),
        ),
    )


def test_a_layer_s_own_density_is_formed(tmp_path: Path) -> None:
    network = load(written(tmp_path, SMALL))
    graph = form(network.spec, network.formation(Formation(micro="kernel")))
    counts = {layer.spec.name: (layer.synapse_count, layer.spec.synapse_count) for layer in graph.layers}
    assert counts.pop("conv2") == (32, 64)
    assert all(formed == dense for formed, dense in counts.values())


def test_the_paper_s_network_can_be_written_so(tmp_path: Path) -> None:
    text = 'name = "nin"\nside = 32\n'
    for layer in nin().layers:
        text += f'[[layer]]\ntype = "conv"\nname = "{layer.name}"\nfilters = {layer.filters}\nkernel = {layer.kernel}\n'
        text += f'[[layer]]\ntype = "pool"\nsize = {layer.pool}\n' if layer.pool > 1 else ""
    text += '[[layer]]\ntype = "pool"\npooling = "global"\n'
    assert load(written(tmp_path, text)).spec == nin()


def test_global_pooling_makes_one_pixel_for_the_next_layer(tmp_path: Path) -> None:
    text = SMALL.replace('pooling = "average"\nsize = 2', 'pooling = "global"')
    assert load(written(tmp_path, text)).spec.layers[3] == LayerSpec("linear1", "MP", 8, 20, 1, 1, global_pool=True)


def test_windows_of_max_pooling_may_overlap(tmp_path: Path) -> None:
    text = SMALL.replace('pooling = "average"\nsize = 2', "size = 3\nstride = 2\npadding = 1")
    layer = load(written(tmp_path, text)).spec.layers[2]
    assert (layer.pool, layer.pool_kernel, layer.pool_padding, layer.out_side) == (2, 3, 1, 4)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('add = "conv1"', 'add = "conv9"', "line 15: layer conv2: unknown earlier layer 'conv9'"),
        ("kernel = 1\n", "kernel = 1\ngroups = 3\n", "line 15: layer conv2: 3 groups do not divide its 8 inputs"),
        ("stride = 2\n", "stride = 2\nsize = 2\n", "line 3, layer.0: a conv layer has no size; it has: name, filters"),
        ("filters = 8\nkernel = 3", "filters = 8", "line 3, layer.0: a conv layer needs kernel"),
        ("size = 2", "", "line 23, layer.3: a pool layer needs size"),
        ("size = 2", "size = 20", "line 23: layer conv2 cannot be pooled by 20: its map is 7 x 7"),
        ('"average"', '"global"', "line 23, layer.3: global pooling has no size"),
        (
            "size = 2",
            "size = 3\nstride = 2",
            "line 23: layer conv2: pooling of 3 x 3 with stride 2 and padding 0; only max",
        ),
        ("t = 0.5", "t = 1.5", "line 22, layer.2.t: it is 1.5, and must be less than or equal to 1"),
        ("stride = 2", "strides = 2", "line 7, layer.0.strides: there is no such field; known here: type, name"),
        ("side = 16", "", "line 1, side: it is missing"),
        ('"depthwise"', '"dense"', "line 11, layer.1.type: it is \"dense\", and must be 'conv', 'depthwise'"),
        ("filters = 4", 'filters = 4\nadd = "linear1"', "layer linear2: it adds 20 channels of linear1 to its 4"),
        ("filters = 4", "filters = 4\nnorm = true", "layer linear2 is the last and gives the class scores"),
        ('name = "depth"', 'name = "conv1"', "line 10: layer conv1 is there twice"),
        ("[[layer]]", "[layer", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_layer(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    assert old in SMALL
    path = written(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load(path)
    assert str(refused.value).startswith(f"the network {path}")
    assert sentence in str(refused.value)


def test_the_global_pooling_is_read_by_the_layer_after_it(tmp_path: Path) -> None:
    text = SMALL.replace('pooling = "average"\nsize = 2', 'pooling = "global"').replace('"conv2"', '"depth"')
    with pytest.raises(UsageError, match="layer linear1 reads depth, and the global pooling before it is of conv2"):
        load(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the network .*none\.toml cannot be read \(No such file"):
        load(tmp_path / "none.toml")
