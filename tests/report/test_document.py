import shlex

import pytest
from results.factory import facts, network_entry, network_record, stored_run, tensorrt_run

from report.conftest import RUNS, sections
from sis_agent.schema import ClockLock, Preprocess, Problem, Resize
from sis_edge.board.jobs import LENGTHS
from sis_edge.bundles.own_images import OwnImages
from sis_edge.errors import RecordError
from sis_edge.report.charts import charts, svg
from sis_edge.report.document import document, section
from sis_edge.report.layouts import GIVEN, LAYOUTS
from sis_edge.report.runtimes import SPEED_UPS
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.results.rows.fields import NAMES
from sis_edge.results.schema import StoredRun


def test_every_value_of_a_row_is_in_a_table_or_names_the_run() -> None:
    shown = {
        name
        for columns in (*(layout.columns for layout in (*LAYOUTS.values(), *GIVEN.values())), SPEED_UPS)
        for column in columns
        for name in column.fields
    }
    elsewhere = {"run_id", "stored_at", "profile", "board", "simulated", "emulated", "dataset", "is_dense"}
    elsewhere |= {"batch_size", "threads", "rounds", "macs_live", "verdict", "verdict_reasons", "verdict_version"}
    elsewhere |= {"verdict_unseen"}
    elsewhere |= {"accuracy_drop_is_paired", "device_accuracy_drop_is_paired"}  # a finding says "the same images"
    elsewhere |= {"base_network", "form", "precision"}  # of which the network's name is made
    assert set(NAMES) == shown | elsewhere


@pytest.mark.parametrize("name", RUNS)
def test_notes_explain_every_letter(name) -> None:
    for table in sections(name).tables:
        used = {cell.text[3:-1] for cells in table.cells for cell in cells if cell.text.startswith("– [")}
        assert used == {note.split(": ")[0] for note in table.notes}


def test_several_runs_are_one_document() -> None:
    runs = [RUNS["alone"], RUNS["nothing"]]
    report = document(runs)
    assert report.title == "SiS against the dense NiN: 2 runs"
    assert [found.run for found in report.sections] == runs
    assert document(runs[:1]).title == report.sections[0].title


def test_nothing_to_report_is_an_error() -> None:
    with pytest.raises(RecordError, match="sis-edge deploy"):
        document([])


def test_findings_say_speed_accuracy_and_what_they_cannot_tell() -> None:
    found = dict(sections("plain").findings)
    assert set(found) == {"cifar10-sis1", "cifar10-sis2", "cifar10-sis3"}
    assert "the speed of nin (95% interval" in found["cifar10-sis3"]
    assert "450 test images; not paired: this run has how many" in found["cifar10-sis2"]
    assert found["cifar10-sis2"].endswith("), not significant.")
    assert "not significant" not in found["cifar10-sis3"]


@pytest.mark.parametrize(("gain", "word"), [(1.2, "with"), (1.0, "without")])
def test_which_of_two_engines_to_use_is_a_finding_with_its_reason(gain: float, word: str) -> None:
    found = section(tensorrt_run(gain)).findings
    (sentence,) = [text for name, text in found if name == "cifar10-sis1 fp16" and text.startswith("use the engine")]
    assert sentence.startswith(
        f"use the engine {word} sparse kernels: TensorRT took sparse kernels for 2 of 2 eligible"
    )
    assert f"runs {gain:.3f}× (95% interval" in sentence


def test_the_runtime_on_a_gpu_is_named_again() -> None:
    (measure,) = [line for line in section(tensorrt_run()).reproduce if "bench" in line or "deploy" in line]
    assert "--backend tensorrt" in measure
    assert not [line for line in sections("plain").reproduce if "--backend" in line]


def test_a_finding_without_a_difference_says_so() -> None:
    dense = network_record("nin")._replace(accuracy=None)
    same = network_record("nin", seed=9)._replace(name="cifar10-sis1", network="cifar10-sis1", accuracy=None)
    better = (
        network_entry("nin"),
        network_entry(
            "cifar10-sis1", training=network_entry("nin").training.model_copy(update={"host_accuracy": 0.99})
        ),
    )
    found = dict(section(stored_run([dense, same], entries=better)).findings)["cifar10-sis1"]
    assert "ceiling 2.08×), not significant; accuracy" in found
    assert "accuracy on the host 1.67 points above nin (95%" in found


def test_broken_runs_say_what_broke() -> None:
    broken = sections("broken")
    found = dict(broken.findings)
    assert "no speed-up, since the model needs opset 13" in found["cifar10-sis1"]
    assert "no interval: insufficient (5 rounds, an interval needs 6)" in found["cifar10-sis3"]
    assert found["cifar10-sis2"].startswith("no speed-up, since it does not compute the same function as on the host")
    assert found["cifar10-sis2"].count("its logits differ") == 1
    assert broken.verdict.reasons[0].code == "wrong-function"
    assert any("nin: the model needs opset 13" in note for note in sections("nothing").notes)
    assert dict(sections("alone").findings)["cifar10-sis1"].startswith("no speed-up, since the run has no dense")


def test_an_unsteady_warm_up_is_said() -> None:
    run = stored_run([network_record("nin")._replace(warmup_steady=False)])
    assert any("warm-up of nin ended before" in note for note in section(run).notes)


def test_the_training_note_knows_the_papers_data_sets() -> None:
    assert any("for orientation only" in note for note in sections("paper").notes)
    assert any("1,297 images of digits for 4 epochs: not comparable" in note for note in sections("plain").notes)


def test_unknown_facts_are_said_to_be_unknown() -> None:
    bare = facts(
        model=None, cpu_model=None, governor=None, cpu_frequency_hz=[None], temperatures_c={"x": None},
        load_average_1min=None, memory_available_bytes=None, memory_total_bytes=None, cpu_count=None, runners={},
    )  # fmt: skip
    found = section(stored_run(facts_before=bare))
    assert "x86_64" in found.title
    assert {before for _, before, _ in found.environment} == {"unknown"}
    assert dict(found.board)["Memory"] == dict(found.board)["Runtimes"] == dict(found.board)["CPU cores"] == "unknown"


def test_runtimes_are_listed_with_what_the_board_said_about_each() -> None:
    found = section(stored_run(facts_before=facts(runners={"tensorrt": "not installed", "onnxruntime": "available"})))
    assert dict(found.board)["Runtimes"] == "onnxruntime; not on this board: tensorrt"


def test_rounds_that_a_problem_ended_say_so() -> None:
    run = stored_run(problem=Problem("time", "the board went away"))
    run = run.model_copy(update={"record": run.record._replace(ended_by="problem")})
    assert dict(section(run).method)["Rounds"].endswith("of every network in each, until a problem ended them")


def test_turns_that_were_measured_again_are_counted() -> None:
    run = stored_run()
    networks = [
        network._replace(
            rounds=[turn._replace(preempted=int(turn.round == 4), process=turn.round % 3) for turn in network.rounds]
        )
        for network in run.record.networks
    ]
    changed = run.model_copy(update={"record": run.record._replace(networks=networks)})
    text = dict(section(changed).method)["Worker processes"]
    assert text == "3, which share the rounds; 4 of 124 turns were disturbed by other programs and measured again"


@pytest.mark.parametrize(
    ("board", "options"),
    [
        ("local", []),
        ("pi@host.lan:2222", ["--host", "host.lan", "--port", "2222", "--user", "pi"]),
        ("pi@[fe80::1]:22", ["--host", "fe80::1", "--port", "22", "--user", "pi"]),
        ("host", ["--host", "host"]),
        ("simulated nano-sim", ["--board", "nano-sim"]),
        ("simulated nano-sim as shelf", ["--host", "shelf"]),
    ],
)
def test_the_commands_that_reproduce_a_run(board, options) -> None:
    build, deploy = map(shlex.split, section(stored_run(board=board)).reproduce)
    assert build[:2] == ["sis-edge", "build"]
    assert build[build.index("--networks") + 1] == "nin,cifar10-sis1,cifar10-sis2,cifar10-sis3"
    assert build[build.index("--limit") + 1] == "1297"
    command = "deploy" if "--host" in options else "bench"
    assert deploy == [
        "sis-edge",
        command,
        *options,
        "--seed",
        "0",
        "--threads",
        "1",
        "--batch-size",
        "1",
        "--processes",
        "1",
    ]


@pytest.mark.parametrize("board", ["local", "pi@host:22"])
def test_a_short_run_is_reproduced_as_short(board: str) -> None:
    run = stored_run(board=board)
    changes, _ = LENGTHS["quick"]
    job = run.record.job._replace(**{name: value for name, value in changes.items() if name != "processes"})
    assert section(run.model_copy(update={"record": run.record._replace(job=job)})).reproduce[-1].endswith(" --quick")


def test_the_command_asks_for_what_the_job_had() -> None:
    run = stored_run(board="pi@host:22")
    job = run.record.job._replace(
        target_ci=0.015,
        cores=[0, 2],
        lock_clocks=True,
        min_time_s=60,
        min_inferences=1024,
        memory_repeats=5,
        threads=4,
        sampler_pairs=100,
        processes=5,
    )
    changed = run.model_copy(update={"record": run.record._replace(job=job)})
    words = shlex.split(section(changed).reproduce[1])
    assert words[words.index("--threads") + 1] == "4"
    assert words[words.index("--target-ci") + 1] == "1.5%"
    assert words[words.index("--cores") + 1] == "0,2"
    assert words[words.index("--processes") + 1] == "5"
    assert words[-2:] == ["--lock-clocks", "--strict"]


def own_images_run() -> StoredRun:
    own = OwnImages(
        source_name="my insects",
        source="The user's own images in my insects.",
        split_by="seed",
        split_seed=3,
        test_share=0.25,
        skipped=("ant/1.png",),
        flip=True,
    )
    run = stored_run(dataset="my-insects")
    preprocess = Preprocess([0.5] * 3, [0.25] * 3, Resize(32, 32))
    changes = {"own_images": own, "preprocess": preprocess, "test_image_count": 20}
    return run.model_copy(update={"manifest": run.manifest.model_copy(update=changes)})


def test_own_images_are_named_again() -> None:
    run = own_images_run()
    assert StoredRun.model_validate_json(run.model_dump_json()).manifest == run.manifest
    words = shlex.split(section(run).reproduce[0])
    options = {"--data": "my insects", "--resize": "32x32", "--test-share": "0.25", "--split-seed": "3"}
    assert {option: words[words.index(option) + 1] for option in options} == options
    assert words[-2:] == ["--skip-damaged", "--flip"]
    assert "--dataset" not in words
    assert dict(section(run).provenance)["Own images"].endswith("in my insects. Left out: ant/1.png")


def test_the_commands_of_a_report_are_the_command_lines_own() -> None:
    from typer.main import get_command

    from sis_edge.cli import app

    commands = get_command(app).commands
    runs = [stored_run(board=board) for board in ("pi@host:22", "local", "simulated nano-sim")]
    runs.append(own_images_run())
    for line in (line for run in runs for line in section(run).reproduce):
        _, name, *words = shlex.split(line)
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_the_verdict_and_its_reasons_are_words() -> None:
    busy, throttled, quiet = sections("busy").verdict, sections("throttled").verdict, sections("board").verdict
    assert headline(busy).startswith("SUSPECT: ")
    assert any("Other programs kept 1.16 cores busy" in line for line in verdict_lines(busy))
    assert headline(throttled).startswith("INVALID: ")
    assert "cool the board." in verdict_lines(throttled)[0]
    assert headline(quiet).startswith("VALID as far as seen: ")
    assert verdict_lines(quiet) == (
        "Not checked, because this board does not report them: signs of throttling, time taken by other machines "
        "(steal).",
    )


def test_an_emulated_board_gets_neither_verdict_nor_speed_up() -> None:
    found = sections("emulated")
    assert headline(found.verdict).startswith("NO VERDICT")
    assert found.mark == "emulated"
    for row in found.rows:
        assert row.speed_up.estimate.value is row.speed_up.share_of_ceiling.value is row.energy.net_j.value is None
        assert "emulated" in row.speed_up.estimate.reason
        assert row.latency.p50_s.value is not None
    assert all("no speed-up, since the board is emulated" in finding for _, finding in found.findings)


def test_every_label_of_energy_says_its_scope() -> None:
    tables = {table.name: table for table in sections("board").tables}
    titles = [column.title for name in ("result", "energy") for column in tables[name].columns]
    assert all("(module)" in title for title in titles if "Gross" in title or "Net energy" in title or "Net (" in title)
    assert "(module)" in tables["energy"].title
    assert {row.energy.scope.value for row in sections("board").rows} == {"module"}


def test_every_label_of_energy_says_the_sensor_s_gain_error_where_it_is_known() -> None:
    run = RUNS["board"]
    first, *others = run.record.power.traces
    power = run.record.power._replace(traces=[first._replace(gain_error=0.005), *others])
    made = section(run.model_copy(update={"record": run.record._replace(power=power)}))
    tables = {table.name: table for table in made.tables}
    label = "(module, sensor gain ±0.5%)"
    assert tables["energy"].title == f"Energy {label}"
    assert any(label in column.title for column in tables["result"].columns)
    assert {row.energy.scope.value for row in made.rows} == {"module"}
    assert all(row.energy.gain_error.value == 0.005 for row in made.rows if row.energy.gross_j.value is not None)


def test_no_sensor_is_said_aloud() -> None:
    tables = {table.name: table for table in sections("busy").tables}
    assert tables["energy"].title == "Energy (unavailable)"
    assert any("unavailable (this board has no power sensor)" in note for note in tables["energy"].notes)
    assert dict(sections("busy").method)["Power"].startswith("unavailable")


def test_how_it_was_measured_names_sensor_harness_and_clocks() -> None:
    method = dict(sections("board").method)
    assert "ina3221, total of scope module: POM_5V_IN; read every 50.0 ms" in method["Power"]
    assert method["Cost of the harness"] == "4.00 µs of each latency (median of 3 calls that compute nothing)"
    assert method["Clocks locked"] == "not requested"
    assert method["Worker processes"] == "3, which share the rounds"
    assert "30, with 34 inferences of every network" in method["Rounds"]
    locked = ClockLock(True, True, settings={"governor": "performance"}, restored=True)
    run = RUNS["board"]
    changed = run.model_copy(update={"record": run.record._replace(clock_lock=locked)})
    assert dict(section(changed).method)["Clocks locked"] == "yes (governor = performance); restored afterwards"


def test_readings_that_no_board_has_are_in_no_chart_and_no_table() -> None:
    run = RUNS["board"]
    first, *others = run.record.power.traces
    power_w = {rail: [52897.0 for _ in values] for rail, values in first.power_w.items()}
    power = run.record.power._replace(traces=[first._replace(power_w=power_w), *others])
    made = section(run.model_copy(update={"record": run.record._replace(power=power)}))
    assert all("more than any board draws" in row.energy.gross_j.reason for row in made.rows)
    shown = [charts(each.rows, None, "", each.run)[-1] for each in (section(run), made)]
    assert ["Power, module (W)" in svg(chart) for chart in shown] == [True, False]
    given_up = run.record.power._replace(status="unavailable", reason="the counter fell")
    made = section(run.model_copy(update={"record": run.record._replace(power=given_up)}))
    assert dict(made.method)["Power"] == "unavailable (the counter fell)"
