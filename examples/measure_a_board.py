"""Two networks in a bundle, measured and compared: on a Raspberry Pi 5 by its name, or on a simulated Jetson Nano."""

import sys

import sis_edge

host = sys.argv[1] if len(sys.argv) > 1 else None
profile = "raspberry-pi-5" if host else "local"  # a simulated board runs this machine's programs

# Trained on a few images only, so that the example is quick: what is shown here is the measuring.
graphs = {"nin": sis_edge.form("nin"), "small": sis_edge.form(t_c=0.1, t_p=0.25)}
networks = {name: sis_edge.train(graph, "digits", epochs=1, limit=64) for name, graph in graphs.items()}
bundle = sis_edge.bundle(networks, profile=profile, reference="nin", name="example")
print(bundle)

if host is None:
    runs = sis_edge.measure(bundle, board="nano-sim", length="quick", threads=1)
else:
    runs = sis_edge.measure(bundle, host, profile=profile)
print(runs)

for network, speed_up in runs[0].speed_ups().items():
    print(f"{network}: speed-up {speed_up} over dense NiN")
print(f"report: {sis_edge.compare(runs).report('reports/example')}")
