"""Networks beside the paper's: by name, from a TOML file, from a torch module.

layers.py         a network's layers as they are added: what each reads, widths and sides, and whether they fit
architectures.py  networks of the literature by name; `registries.NETWORKS` lists them
files.py          a network in a TOML file
find.py           either of them by what `--network` says
torch_module.py   a network from a torch module: steps.py, operations.py and pooling.py say what a step
                  becomes, report.py shows it
"""

from sis_edge.networks.layers import LayerList, parameter_count

__all__ = ["LayerList", "parameter_count"]
