"""Scripts of jobs, run under a shell as SLURM would; and what is said where SLURM is not."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import wait_until

from seisflow.engine.batch import (
    BatchJob,
    JobState,
    address_of,
    cancel_job,
    driver_pool,
    job_script,
    job_states,
    run_on_nodes,
    submit,
)
from seisflow.engine.profiles import Pool, Profile
from seisflow.errors import ClusterError, ConfigError

ODD = 'it\'s 100% «odd» $HOME `x` "y"'


def job(folder: Path, *command: str, **options: object) -> BatchJob:
    pool = options.pop("pool", Pool())
    return BatchJob("seisflow-label-l.zarr", command, folder, pool, **options)  # type: ignore[arg-type]


def directives(script: str) -> list[str]:
    lines = [line.removeprefix("#SBATCH ") for line in script.splitlines()]
    return [line for line in lines if line.startswith("--")]


def test_every_wish_of_a_pool_is_a_directive(tmp_path: Path) -> None:
    pool = Pool(
        queue="long",
        account="geo",
        constraint="ib&big",
        cores=3,
        memory="2GiB",
        walltime="1-02:00:00",
        gpus=2,
        directives=("--exclude=node13", "--signal=B:USR1@600"),
        prologue=("module load python",),
    )
    script = job_script(job(tmp_path, "true", pool=pool, n_nodes=4))
    found = directives(script)
    assert found == [
        "--requeue",
        "--job-name=seisflow-label-l.zarr",
        f"--output={tmp_path}/seisflow-logs/seisflow-label-l.zarr-%j.log",
        "--open-mode=append",
        "--signal=B:USR1@120",
        "--nodes=4",
        "--ntasks-per-node=1",
        "--cpus-per-task=3",
        "--mem=2048M",
        "--time=1-02:00:00",
        "--gres=gpu:2",
        "--partition=long",
        "--account=geo",
        "--constraint='ib&big'",
        "--exclude=node13",
        "--signal=B:USR1@600",  # the user's word comes last and counts
    ]
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    assert lines.index("module load python") < lines.index(f"cd -- {tmp_path} || exit 2")


def test_what_is_not_asked_is_left_to_the_cluster(tmp_path: Path) -> None:
    found = directives(job_script(job(tmp_path, "true")))
    names = {line.partition("=")[0] for line in found}
    assert names.isdisjoint({"--partition", "--account", "--constraint", "--gres"})
    assert "--mem=3815M" in found  # 4 GB, and SLURM's M is 2**20 bytes


def test_the_log_of_an_odd_folder_is_quoted_for_sbatch(tmp_path: Path) -> None:
    found = directives(job_script(job(tmp_path / ODD, "true")))
    (output,) = [line for line in found if line.startswith("--output=")]
    log = tmp_path / ODD.replace("%", "%%") / "seisflow-logs" / "seisflow-label-l.zarr-%j.log"
    assert shlex.split(output) == [f"--output={log}"]


def test_a_warning_comes_before_a_quarter_of_a_short_walltime(tmp_path: Path) -> None:
    short = Pool(walltime="00:02:00")
    assert "--signal=B:USR1@30" in directives(job_script(job(tmp_path, "true", pool=short)))


def test_a_line_break_in_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line break"):
        job_script(job(tmp_path / "a\nb", "true"))


def test_odd_names_are_replaced_for_slurm(tmp_path: Path) -> None:
    odd = BatchJob(f"seisflow-label-{ODD}", ("true",), tmp_path, Pool())
    assert set(odd.safe_name) < set("abcdefghijklmnopqrstuvwxyzHOME0123456789_-.")
    assert odd.log_of("7") == tmp_path / "seisflow-logs" / f"{odd.safe_name}-7.log"


def test_a_driver_is_small_where_the_profile_does_not_say() -> None:
    cpu = Pool(queue="q", account="a", cores=32, memory="100GB", walltime="08:00:00")
    profile = Profile(name="p", kind="slurm", cpu=cpu)
    pool = driver_pool(profile)
    assert (pool.cores, pool.memory) == (1, "4GB")
    assert (pool.queue, pool.account, pool.walltime) == ("q", "a", "08:00:00")
    own = Pool(cores=2)
    assert driver_pool(profile.model_copy(update={"driver": own})) == own


def fake(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


class Shell:
    """A job's script under bash, with a scontrol that writes down what it is asked."""

    def __init__(self, folder: Path, script: str, **environment: str) -> None:
        self.asked = folder / "asked"
        fake(folder / "bin", "scontrol", f'echo "$@" >> {shlex.quote(str(self.asked))}')
        own = {"SLURM_JOB_ID": "12", "SLURMD_NODENAME": "n1", **environment}
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **own, "PATH": path},
        )
        assert self.process.stdin is not None
        (folder / "script.sh").write_text(script)
        self.process.stdin.write(f"source {shlex.quote(str(folder / 'script.sh'))}\n")
        self.process.stdin.close()

    def end(self) -> tuple[int, str]:
        assert self.process.stdout is not None
        with self.process:
            said = self.process.stdout.read()
        return self.process.returncode, said

    def requeued(self) -> bool:
        return self.asked.exists() and self.asked.read_text() == "requeue 12\n"


def test_the_command_runs_where_it_was_typed_with_its_own_words(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    tell = "import os, json, sys; print(json.dumps([os.getcwd(), *sys.argv[1:]]))"
    words = (ODD, "", "*", "--start=2014-05-29", "a;b", "-")
    code, said = Shell(tmp_path, job_script(job(folder, sys.executable, "-c", tell, *words))).end()
    first, last = said.splitlines()
    assert code == 0
    assert first == "job 12 on n1, start 1"
    assert json.loads(last) == [str(folder), *words]


PATIENT = """
import signal, sys, time
def end(*_):
    time.sleep(0.3)
    print("ended in good order", flush=True)
    sys.exit(int(sys.argv[2]))
signal.signal(signal.SIGTERM, end)
open(sys.argv[1], "w").close()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("number", "code", "is_requeued"),
    [
        (signal.SIGUSR1, 130, True),
        (signal.SIGUSR1, 0, False),
        (signal.SIGTERM, 130, False),
    ],
)
def test_a_warned_command_ends_in_good_order_and_the_job_is_requeued(
    number: int, code: int, is_requeued: bool, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    command = (sys.executable, "-c", PATIENT, str(begun), str(code))
    shell = Shell(tmp_path, job_script(job(tmp_path, *command)))
    wait_until(begun.exists, 60, "the command")
    time.sleep(0.2)
    shell.process.send_signal(number)
    found, said = shell.end()
    assert "ended in good order" in said  # the shell waited for it
    assert found == code
    assert shell.requeued() == is_requeued


@pytest.mark.parametrize(
    ("code", "is_retried", "starts", "is_requeued"),
    [
        (4, True, 0, True),
        (4, True, 2, True),
        (4, True, 3, False),
        (2, True, 0, False),
        (4, False, 0, False),
        (0, True, 0, False),
    ],
)
def test_what_ended_incomplete_is_tried_again_three_times(
    code: int, is_retried: bool, starts: int, is_requeued: bool, tmp_path: Path
) -> None:
    script = job_script(job(tmp_path, "bash", "-c", f"exit {code}", is_retried=is_retried))
    shell = Shell(tmp_path, script, SLURM_RESTART_COUNT=str(starts))
    found, said = shell.end()
    assert found == code
    assert said.startswith(f"job 12 on n1, start {starts + 1}\n")
    assert shell.requeued() == is_requeued


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    fake(folder, "sacct", "exit 1")
    return folder


def test_without_slurm_each_question_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for ask in (
        lambda: submit(tmp_path / "x.sh", "x"),
        lambda: job_states(["1"]),
        lambda: cancel_job("1"),
        lambda: run_on_nodes(["true"], 1, 1, {}, print),
    ):
        with pytest.raises(ClusterError, match=r"is not on this machine.*login node"):
            ask()


def test_a_refusal_is_told_before_anything_is_submitted(programs: Path) -> None:
    asked = programs / "asked"
    fake(
        programs,
        "sbatch",
        f'echo "$@" >> {asked}; echo "sbatch: error: invalid partition: fast" >&2; exit 1',
    )
    with pytest.raises(ClusterError, match=r"SLURM refuses the job: .*invalid partition: fast"):
        submit(programs / "x.sh", "x")
    assert asked.read_text() == f"--test-only {programs / 'x.sh'}\n"


@pytest.mark.parametrize("said", ["4711", "4711;alice", "welcome to alice\\n4711"])
def test_the_number_is_found_in_what_sbatch_says(said: str, programs: Path) -> None:
    fake(
        programs,
        "sbatch",
        f'[ "$1" = --test-only ] || echo -e "{said}"; echo "$@" >> {programs}/asked',
    )
    assert submit(programs / "x.sh", "label-1f") == "4711"
    asked = (programs / "asked").read_text().splitlines()
    assert asked[1] == f"--parsable --job-name=label-1f {programs / 'x.sh'}"


@pytest.mark.parametrize("end", ["echo 'Socket timed out' >&2; exit 1", "exec sleep 60"])
def test_a_job_whose_answer_is_lost_is_found_by_its_name(
    end: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seisflow.engine.batch.ANSWER_TIMEOUT_S", 1)
    fake(programs, "sbatch", f'[ "$1" = --test-only ] && exit; {end}')
    fake(programs, "squeue", f'echo "$@" > {programs}/asked; echo 4711')
    assert submit(programs / "x.sh", "label-1f") == "4711"
    assert "--name=label-1f" in (programs / "asked").read_text().split()
    fake(programs, "squeue", "true")  # it was not taken
    with pytest.raises(ClusterError, match=r"Socket timed out|not answered"):
        submit(programs / "x.sh", "label-1f")
    fake(programs, "squeue", "exit 1")
    with pytest.raises(ClusterError, match=r"not known.*squeue --me --name=label-1f"):
        submit(programs / "x.sh", "label-1f")


def test_no_number_is_an_error(programs: Path) -> None:
    fake(programs, "sbatch", "echo done")
    with pytest.raises(ClusterError, match="no number of a job; it said: done"):
        submit(programs / "x.sh", "x")


def test_states_come_from_the_queue_and_else_from_the_accounts(programs: Path) -> None:
    queue = ["1|PENDING|0:00|Resources|seisflow-a", "2|RUNNING|1:02:03|None|seisflow|b"]
    queue += ["9|RUNNING|0:01|None|other"]
    fake(programs, "squeue", "\n".join(f"echo '{line}'" for line in queue))
    assert job_states(["1", "2", "3"]) == {
        "1": JobState("PENDING", "0:00", "Resources", "seisflow-a"),
        "2": JobState("RUNNING", "1:02:03", "", "seisflow|b"),
    }
    fake(programs, "sacct", 'echo "$@" > $(dirname $0)/asked; echo "3|CANCELLED by 0|00:01:00|c"')
    found = job_states(["1", "3"])
    assert found["3"] == JobState("CANCELLED", "00:01:00", "", "c")
    assert (programs / "asked").read_text().endswith("--jobs=3\n")
    assert [state.is_active for state in found.values()] == [False, True]


def test_a_queue_that_does_not_answer_is_an_error(programs: Path) -> None:
    fake(programs, "squeue", "echo 'slurm_load_jobs error: Socket timed out' >&2; exit 1")
    with pytest.raises(ClusterError, match=r"squeue failed: .*Socket timed out"):
        job_states(["1"])


def test_addresses_of_interfaces() -> None:
    assert address_of("lo") == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"interface.*'lo'"):
        address_of("ib7")


def test_the_user_is_heard_before_what_is_set_on_nodes(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(programs, "srun", 'echo "$MINE $YOURS"; printf "%s\\n" "$@"; exit 3')
    monkeypatch.setenv("YOURS", "user")
    said: list[str] = []
    own = {"MINE": "own", "YOURS": "own"}
    assert run_on_nodes(["true", "x"], 2, 4, own, said.append) == (3, False)
    lines = [line.rstrip("\n") for line in said]
    assert lines[:2] == ["own user", "--kill-on-bad-exit=1"]
    options = ["--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=4"]
    assert lines[2:] == [*options, "true", "x"]
