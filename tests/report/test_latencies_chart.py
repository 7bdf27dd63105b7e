import re

import numpy as np
import pytest
from results.factory import network_record, stored_run

from report.conftest import sections
from report.picture import SPACE, parsed, texts, words
from sis_edge.report.charts import charts
from sis_edge.report.charts.latencies import EVERY_SAMPLE
from sis_edge.report.document import section


def latencies_of(run):
    return next(chart for chart in charts(section(run).rows, None, "", run) if chart.name == "latencies")


def run_of(latencies_s):
    """Dense NiN with these latencies, ten in each round, over as many seconds."""
    record = network_record("nin", rounds=len(latencies_s) // 10, per_round=10)
    rounds = [
        turn._replace(latencies_s=list(latencies_s[10 * at : 10 * at + 10])) for at, turn in enumerate(record.rounds)
    ]
    return stored_run([record._replace(rounds=rounds)], names=("nin",))


def marked(root) -> dict[str, float]:
    """Where each percentile's line is, by the name right of it."""
    at = {text.words: text.box.left - 3 for text in texts(root) if re.fullmatch(r"p\d\d", text.words)}
    lines = [float(each.get("x1")) for each in root.iter(f"{SPACE}line") if each.get("stroke-width") == "1.3"]
    assert all(min(abs(x - line) for line in lines) < 0.2 for x in at.values())
    return at


def tick(root, words_: str) -> float:
    (found,) = [(text.box.left + text.box.right) / 2 for text in texts(root) if text.words == words_]
    return found


def test_percentiles_are_where_the_axis_says() -> None:
    values = np.random.default_rng(3).permutation(np.linspace(0.9e-3, 1.1e-3, 1000))
    root = parsed(latencies_of(run_of(values)))
    found = marked(root)
    per_percent = (tick(root, "5") - tick(root, "0")) / 5
    assert found["p50"] == pytest.approx(tick(root, "0"), abs=0.3)
    assert (found["p90"] - found["p50"]) / per_percent == pytest.approx(8, abs=0.1)
    assert "p50 1.00 ms, p90 1.08 ms, p99 1.10 ms (n = 1,000)" in words(root)


def test_a_long_tail_is_on_a_logarithmic_scale_and_what_is_beyond_is_said() -> None:
    values = np.full(1000, 1e-3)
    values[::20] = 1e-2
    values[7] = 0.5
    root = parsed(latencies_of(run_of(np.random.default_rng(1).permutation(values))))
    assert tick(root, "10") - tick(root, "5") == pytest.approx(tick(root, "2") - tick(root, "1"), abs=0.3)
    assert any("1 beyond, up to 500×" in text for text in words(root))
    assert any("log scale" in text for text in words(root))


def test_few_samples_are_drawn_one_by_one_without_the_percentiles_that_they_do_not_carry() -> None:
    chart = latencies_of(run_of(np.linspace(1e-3, 2e-3, 40)))
    root = parsed(chart)
    (bars,) = [each.get("d") for each in root.iter(f"{SPACE}path")]
    assert bars.count("V") == 40 < EVERY_SAMPLE
    assert "p90" not in " ".join(words(root))
    assert "one by one" in chart.caption


def test_a_histogram_is_as_tall_as_its_counts() -> None:
    values = np.concatenate([np.full(300, 1.0e-3), np.full(100, 1.05e-3)])
    root = parsed(latencies_of(run_of(values)))
    (outline,) = [each.get("d") for each in root.iter(f"{SPACE}path")]
    foot = float(re.match(r"M[\d.]+ ([\d.]+)", outline)[1])
    heights = sorted({foot - float(y) for y in re.findall(r"V([\d.]+)", outline)})
    assert heights == pytest.approx([0, 12, 36], abs=0.1)


def test_no_more_networks_than_an_eye_compares(monkeypatch) -> None:
    from sis_edge.report.charts import latencies, timeline

    for module in (latencies, timeline):
        monkeypatch.setattr(module, "MOST", 2)
    found = sections("plain")
    for chart in charts(found.rows, None, "", found.run):
        if chart.name in ("latencies", "timeline"):
            assert "Not drawn: cifar10-sis2, cifar10-sis3." in chart.caption
            assert "cifar10-sis2" not in words(parsed(chart))
