"""SiS#3 of the paper at its exact count of synapses: formed from a seed, trained on scanned digits, exported."""

import sis_edge

dense = sis_edge.form("nin")
sis3 = sis_edge.form("cifar10-sis3")
print(sis3)
print(f"{dense.synapse_count:,} synapses in dense NiN, {sis3.synapse_count:,} in SiS#3\n")

# The digits come with scikit-learn; "cifar10" trains the paper's own task (an hour on two cores).
network = sis_edge.train(sis3, "digits", epochs=1, limit=256)
print(network)

exported = sis_edge.export(network, "sis3.onnx")
print(
    f"{exported.path}: same top-1 as PyTorch on {exported.parity.top1_agreement:.0%} of {exported.parity.images} images"
)
