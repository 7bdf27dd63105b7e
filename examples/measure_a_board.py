"""Two networks in a bundle, measured on a board and compared: on the one named, or on a simulated Raspberry Pi 5."""

import sys

import sis_edge

host = sys.argv[1] if len(sys.argv) > 1 else None
profile = "raspberry-pi-5"

# Trained on a few images only, so that the example is quick: what is shown here is the measuring.
graphs = {"nin": sis_edge.form("nin"), "small": sis_edge.form(t_c=0.1, t_p=0.25)}
networks = {name: sis_edge.train(graph, "digits", epochs=1, limit=64) for name, graph in graphs.items()}
bundle = sis_edge.bundle(networks, profile=profile, reference="nin", name="example")
print(bundle)

if host is None:
    runs = sis_edge.measure(bundle, board="raspberry-pi-5-sim", length="quick", threads=1)
else:
    runs = sis_edge.measure(bundle, host, profile=profile)
print(runs)

for network, (speed_up, low, high) in runs[0].speed_ups().items():
    print(f"{network}: {speed_up:.2f}x the speed of dense NiN, 95% interval {low} to {high}")
print(f"report: {sis_edge.compare(runs).report('reports/example')}")
