"""``--detach``, ``jobs``, ``logs`` and ``cancel``, with programs that answer as SLURM does."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from programs import Ended
from small_archive import waveforms
from toy_models import made

from seisflow.cli.detaching import without_detach
from seisflow.cli.register import Detached, keep_detached, register_folder, registered
from seisflow.engine.profiles import Pool, Profile
from seisflow.errors import ConfigError
from seisflow.stages.learn.artifact import save_model
from seisflow.stages.train.ranks import place_ranks

Run = Callable[..., Ended]

PROGRAMS = {
    "sbatch": 'cp "${@: -1}" script; [ "$1" = --test-only ] || { echo "$PWD" > asked; echo 4711; }',
    "squeue": "cat queue 2> /dev/null; true",
    "scancel": 'echo "$@" > cancelled',
    "sacct": "exit 1",
    "scontrol": 'echo "ClusterName             = $(cat cluster 2> /dev/null || echo alice)"',
}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are what SLURM's programs say and were told."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in PROGRAMS.items():
        program = folder / name
        program.write_text(f'#!/bin/bash\ncd "$(dirname "$0")"\n{text}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "p.toml").write_text('kind = "slurm"\n[cpu]\nqueue = "long"\n')
    monkeypatch.chdir(tmp_path)
    return folder


SYNTH = ["synth", "my scene", "--nodes", "2", "--rate", "20", "--cluster", "p.toml"]


def test_the_same_line_runs_in_the_job(slurm: Path, run: Run, tmp_path: Path) -> None:
    ended = run(*SYNTH, "--detach", "--json")
    assert ended.code == 0, ended.err
    line = shlex.join([sys.executable, "-m", "seisflow", *SYNTH, "--json"])
    script = (slurm / "script").read_text()
    assert f"{line} &\n" in script
    assert f"cd -- {tmp_path} || exit 2\n" in script
    assert "#SBATCH --partition=long\n" in script
    (kept,) = registered()
    beside = tmp_path / "seisflow-logs" / f"{kept.name}.sh"
    assert beside.read_text() == script  # to be read, and submitted again
    assert not (tmp_path / "my scene").exists()
    shown = json.loads(ended.out)
    assert shown["id"] == "4711"
    assert shown["product"] == str(tmp_path / "my scene" / "truth.zarr")
    for words in (
        f"seisflow status '{tmp_path}/my scene/truth.zarr'",
        "seisflow logs 4711",
        "seisflow cancel 4711",
        "the log has its ssh line as soon as the command runs",
    ):
        assert words in shown["watch"].values() or words + " --follow" in shown["watch"].values()
        assert words.split("'")[0] in ended.err
    assert kept == Detached(**{k: v for k, v in shown.items() if k != "watch"})
    assert kept.line == shlex.join(["seisflow", *SYNTH, "--json"])
    assert list(register_folder().iterdir()) == [register_folder() / f"4711-{kept.name}.json"]
    assert kept.name.startswith("seisflow-synth-truth.zarr-")
    assert kept.cluster == "alice"


def test_only_options_are_taken_away() -> None:
    line = ["ingest", "--detach", "raw", "--", "--detach", "out"]
    assert without_detach(line) == ("ingest", "raw", "--", "--detach", "out")


@pytest.mark.parametrize("cluster", ["local", "tcp://127.0.0.1:8786"])
def test_detaching_needs_slurm(cluster: str, run: Run, slurm: Path) -> None:
    ended = run(*SYNTH[:-1], cluster, "--detach")
    assert ended.code == 2
    assert f"--detach asked with --cluster {cluster}" in ended.err
    assert "kind = 'slurm'" in ended.err
    assert not (slurm / "script").exists()


def test_workers_are_refused_before_anything_is_submitted(slurm: Path, run: Run) -> None:
    ended = run(*SYNTH, "--workers", "3", "--detach")
    assert ended.code == 2
    assert "--workers 3 asked with --cluster p.toml" in ended.err
    assert not (slurm / "script").exists()


def test_a_refusal_of_slurm_is_one_message(slurm: Path, run: Run) -> None:
    (slurm / "sbatch").write_text("#!/bin/bash\necho 'sbatch: error: no account' >&2; exit 1\n")
    ended = run(*SYNTH, "--detach")
    assert ended.code == 2
    assert ended.err.strip() == "error: SLURM refuses the job: sbatch: error: no account"
    assert registered() == []


def test_what_cannot_be_done_is_told_at_once(slurm: Path, run: Run) -> None:
    ended = run("synth", "scene", "--noise", "loud", "--cluster", "p.toml", "--detach")
    assert ended.code == 2
    assert not (slurm / "script").exists()


def test_a_dry_run_is_not_detached(slurm: Path, run: Run) -> None:
    ended = run(*SYNTH, "--detach", "--dry-run")
    assert ended.code == 0, ended.err
    assert "nothing was written" in ended.err
    assert not (slurm / "script").exists()


def test_a_product_that_is_being_made_is_refused(slurm: Path, run: Run) -> None:
    run(*SYNTH, "--detach")
    name = registered()[0].name
    for line, code in ((f"4711|RUNNING|1:00|None|{name}", 2), (f"4711|FAILED|1:00|None|{name}", 0)):
        (slurm / "queue").write_text(line)
        ended = run(*SYNTH, "--detach")
        assert ended.code == code, ended.err
    (slurm / "queue").write_text("4711|RUNNING|1:00|None|somebody else's")
    assert run(*SYNTH, "--detach").code == 0


def keep(number: int, **changed: str) -> Detached:
    content = {
        "id": str(number),
        "name": "seisflow-label-l.zarr",
        "command": "label",
        "line": "seisflow label w.zarr 'l 1.zarr'",
        "folder": "/data/my campaign",
        "product": "/data/l.zarr",
        "log": f"/data/{number}.log",
        "submitted": f"2026-01-01T00:00:{number:02}+00:00",
        "profile": "alice",
    }
    detached = Detached(**{**content, **changed})
    keep_detached(detached)
    return detached


def test_jobs_shows_state_and_progress(slurm: Path, run: Run, labels: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "history.json").write_text("[{}, {}, {}]")
    keep(1, product=str(labels))
    keep(2, command="train", product=str(model))
    keep(3)
    keep(4)
    name = "seisflow-label-l.zarr"
    queue = [f"2|RUNNING|1:02:03|None|{name}", f"3|PENDING|0:00|Resources|{name}"]
    (slurm / "queue").write_text("\n".join([*queue, "4|RUNNING|0:10|None|of somebody else"]))
    (register_folder() / "5.json").write_text("{}")
    ended = run("jobs", "--json")
    assert ended.code == 0, ended.err
    rows = {row["id"]: row for row in json.loads(ended.out)}
    assert [rows[i]["state"] for i in "1234"] == [
        "ENDED",
        "RUNNING",
        "PENDING (Resources)",
        "ENDED",
    ]
    assert rows["1"]["progress"].startswith("2 of 2 ")
    assert rows["2"]["progress"] == "3 epochs"
    assert rows["3"]["progress"] == "-"
    assert rows["2"]["has run"] == "1:02:03"
    (model / "model.json").touch()
    assert json.loads(run("jobs", "--json").out)[1]["progress"] == "3 epochs, finished"
    for number in range(6, 40):
        keep(number)
    assert len(json.loads(run("jobs", "--json").out)) == 30
    assert len(json.loads(run("jobs", "--all", "--json").out)) == 38


def test_jobs_of_two_clusters_with_one_number_are_told_apart(slurm: Path, run: Run) -> None:
    for cluster in ("alice", "bob"):
        (slurm / "cluster").write_text(cluster)
        (slurm / "queue").write_text(f"1|RUNNING|0:10|None|{cluster}s")
        log = slurm / f"{cluster}.log"
        log.write_text(f"of {cluster}\n")
        keep(1, name=f"{cluster}s", cluster=cluster, log=str(log))
    for cluster in ("alice", "bob"):
        (slurm / "cluster").write_text(cluster)
        (slurm / "queue").write_text(f"1|RUNNING|0:10|None|{cluster}s")
        (row,) = json.loads(run("jobs", "--json").out)
        assert (row["state"], row["log"]) == ("RUNNING", str(slurm / f"{cluster}.log"))
        assert run("logs", "1").out == f"of {cluster}\n"
        assert "is cancelled" in run("cancel", "1").err


def test_where_numbers_began_anew_the_later_job_is_meant(slurm: Path, run: Run) -> None:
    keep(1, name="before", submitted="2025-01-01T00:00:00+00:00")
    keep(1, name="after", log=str(slurm / "queue"))
    (slurm / "queue").write_text("1|RUNNING|0:10|None|after")
    assert [r["state"] for r in json.loads(run("jobs", "--json").out)] == ["ENDED", "RUNNING"]
    assert run("logs", "1").out.endswith("after")
    assert "is cancelled" in run("cancel", "1").err


def test_what_an_earlier_version_kept_is_read(slurm: Path, run: Run) -> None:
    keep(1)
    (file,) = register_folder().iterdir()
    content = json.loads(file.read_text())
    del content["cluster"]
    file.rename(register_folder() / "1.json").write_text(json.dumps(content))
    assert [row["id"] for row in json.loads(run("jobs", "--json").out)] == ["1"]


def test_without_jobs_it_says_how_to_have_one(slurm: Path, run: Run) -> None:
    ended = run("jobs", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, [])
    assert "use --detach" in ended.err


def test_without_slurm_jobs_are_not_known(
    slurm: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(1)
    monkeypatch.setenv("PATH", "/nowhere")
    ended = run("jobs")
    assert ended.code == 2
    assert "squeue is not on this machine" in ended.err


@pytest.mark.parametrize("command", ["logs", "cancel"])
def test_unknown_numbers_are_refused_with_what_is_there(
    command: str, slurm: Path, run: Run
) -> None:
    ended = run(command, "7")
    assert ended.code == 2
    assert "job '7' is none that was detached here; there is none yet" in ended.err
    keep(1)
    ended = run(command, "../1")
    assert ended.code == 2
    assert "there are 1 (label): see 'seisflow jobs'" in ended.err


def test_logs_prints_the_last_lines(slurm: Path, run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {i}\n" for i in range(100)) + "é, and no end")
    keep(1, log=str(log))
    assert run("logs", "1").out.splitlines()[0] == "line 61"
    assert run("logs", "1", "--lines", "2").out == "line 99\né, and no end"
    assert len(run("logs", "1", "--lines", "0").out.splitlines()) == 101


def test_logs_can_be_followed_to_the_end(slurm: Path, run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    detached = keep(1, log=str(log))
    # at the first question it runs and goes on to speak; at the second it is gone
    told = f'[ -e asked ] && exit; touch asked; echo three >> {log}; echo "1|RUNNING|1|None|$NAME"'
    text = f"#!/bin/bash\ncd {slurm}\nNAME={detached.name}\n{told}\n"
    (slurm / "squeue").write_text(text)
    with pytest.MonkeyPatch.context() as context:
        context.setattr("seisflow.cli.jobs.ASK_EVERY_S", 0.1)
        context.setattr("seisflow.cli.jobs.LOOK_EVERY_S", 0.05)
        ended = run("logs", "1", "--follow", "--lines", "1")
    assert ended.code == 0, ended.err
    assert ended.out == "two\nthree\n"


def test_a_job_that_waits_has_no_log_yet(slurm: Path, run: Run) -> None:
    (slurm / "queue").write_text(f"1|PENDING|0:00|Priority|{keep(1).name}")
    ended = run("logs", "1")
    assert (ended.code, ended.out) == (0, "")
    assert "job 1 is PENDING (Priority) and has no log yet" in ended.err


def test_cancel_ends_it_and_says_how_to_go_on(slurm: Path, run: Run) -> None:
    (slurm / "queue").write_text(f"1|RUNNING|0:10|None|{keep(1).name}")
    ended = run("cancel", "1", "--json")
    assert ended.code == 0, ended.err
    assert (slurm / "cancelled").read_text() == "1\n"
    assert "what is done of /data/l.zarr is kept" in ended.err
    again = "cd '/data/my campaign' && seisflow label w.zarr 'l 1.zarr'"
    assert again in ended.err
    assert json.loads(ended.out)["again"] == again


@pytest.mark.parametrize(
    ("queue", "code", "said"),
    [
        ("", 0, "job 1 has ended (ENDED) already"),
        ("1|RUNNING|0:10|None|another", 2, "another job has the number now"),
    ],
)
def test_cancel_touches_no_other_job(
    queue: str, code: int, said: str, slurm: Path, run: Run
) -> None:
    keep(1)
    (slurm / "queue").write_text(queue)
    ended = run("cancel", "1")
    assert ended.code == code
    assert said in ended.err
    assert not (slurm / "cancelled").exists()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A minute of WAVEFORMS, and a model for them."""
    folder = tmp_path_factory.mktemp("records")
    minute = np.random.default_rng(1).integers(-99, 99, 60 * 40, dtype=np.int32)
    source = waveforms(folder, {"XX.A..HHZ": [("2020-02-28T00:00", minute)]}, 40)
    model = made("compact")
    save_model(folder / "model", model.classifier, model.document)
    return str(source), str(folder / "model")


GPUS = '[gpu]\nqueue = "fast"\ngpus = 2\n'


@pytest.mark.parametrize(
    ("device", "gpus", "queue"),
    [("auto", GPUS, "fast"), ("cuda", GPUS, "fast"), ("cpu", GPUS, "long"), ("auto", "", "long")],
)
def test_auto_takes_the_jobs_with_gpus_where_there_are_any(
    device: str, gpus: str, queue: str, slurm: Path, run: Run, records: tuple[str, str]
) -> None:
    (slurm / "sbatch").write_text("#!/bin/bash\necho 'sbatch: error: not now' >&2; exit 1\n")
    with Path("p.toml").open("a") as profile:
        profile.write(gpus)
    for line in (["label", records[0]], ["infer", *records]):
        ended = run(*line, f"{line[0]}.zarr", "--device", device, "--cluster", "p.toml")
        assert ended.code == 2
        assert f"SLURM refuses the jobs (queue {queue}, " in ended.err


CPU, GPU = Pool(cores=4), Pool(cores=8, gpus=4)
SLURM = Profile(name="alice", kind="slurm", cpu=CPU, gpu=GPU)


@pytest.mark.parametrize(
    ("asked", "each", "total", "pool"),
    [
        ((1, 2, "auto"), 4, 8, GPU),
        ((2, 1, "cuda"), 2, 2, GPU),
        ((3, 2, "cpu"), 3, 6, CPU),
        ((1, 1, "cpu"), 1, 1, CPU),
    ],
)
def test_ranks_are_gpus_or_what_was_asked_for(
    asked: tuple[int, int, str], each: int, total: int, pool: Pool
) -> None:
    ranks = place_ranks(SLURM, *asked)
    assert (ranks.each, ranks.total, ranks.pool) == (each, total, pool)
    with pytest.raises(ConfigError, match="add --detach"):
        ranks.refuse_login({})
    with pytest.raises(ConfigError, match="in a job of 7 nodes"):
        ranks.refuse_login({"SLURM_JOB_NUM_NODES": "7"})
    ranks.refuse_login({"SLURM_JOB_NUM_NODES": str(asked[1])})


def test_ranks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="gives 4 GPUs"):
        place_ranks(SLURM, 5, 1, "auto")
    with pytest.raises(ConfigError, match="gives 4 cores"):
        place_ranks(SLURM, 5, 1, "cpu")
    with pytest.raises(ConfigError, match=r"no table \[gpu\]"):
        place_ranks(SLURM.model_copy(update={"gpu": None}), 1, 1, "cuda")
    for profile in ({"kind": "local"}, {"kind": "address", "address": "tcp://h:1"}):
        with pytest.raises(ConfigError, match="of kind"):
            place_ranks(Profile.build({"name": "x", **profile}), 1, 2, "auto")
    local = place_ranks(Profile(name="local", kind="local"), 3, 1, "auto")
    assert (local.total, local.pool) == (3, None)
    local.refuse_login({})
