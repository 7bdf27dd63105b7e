"""Stored runs in a notebook: data frames, a chart as SVG and PDF with its caption, LaTeX. Each `# %%` begins a cell."""

# %%
import importlib.util
import sys

import sis_edge

runs = sis_edge.load_runs(sys.argv[1] if len(sys.argv) > 1 else "runs")

# %% A row for each network of each run; what is unknown is NaN or <NA>, and `reasons` says why.
networks = runs.to_pandas()
print(
    networks[
        ["run_id", "network", "latency_p50_s", "speed_up", "speed_up_low", "speed_up_high", "verdict", "simulated"]
    ]
)

# %% A row for each round: does a network drift?
rounds = runs.to_pandas("rounds")
medians = rounds.groupby(["run_id", "network"])["median_s"]
print(medians.agg(["median", "min", "max"]))

# %% A row for each timed inference.
samples = runs.to_pandas("samples")
print(samples.groupby(["run_id", "network"])["latency_s"].quantile([0.5, 0.99]).unstack())

# %% A chart: a notebook shows it, and its caption stands alone.
chart = runs[-1].charts()["latencies"]
print(chart.caption)
print(chart.save("latencies.svg"))

# %% For a paper: PDF, and tables as LaTeX. This needs the extra `pdf`.
if importlib.util.find_spec("vl_convert"):
    print(chart.save("latencies.pdf"))
    print(runs[-1].report("reports/paper", for_paper=True).parent / "paper" / "all.tex")
