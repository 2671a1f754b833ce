"""The one-machine SLURM, brought up, used and taken down; the examples of profiles."""

import os
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import DEPLOY, accepts, refuses, tool

from seisflow.engine.profiles import Pool, Profile, read_profile

SLURM = DEPLOY / "slurm"
PORT = "18817"


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which the commands of SLURM find two nodes of this machine."""
    # munge wants a short path that only its owner can write
    folder = Path(tempfile.mkdtemp(prefix="sf-slurm-", dir="/tmp"))
    env = {**os.environ, "SLURM_SANDBOX": str(folder), "SLURM_SANDBOX_PORT": PORT}
    up = subprocess.run(
        [SLURM / "up.sh"], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    try:
        if up.returncode == 3:
            pytest.skip(f"Debian's packages of SLURM cannot be had: {up.stderr[-300:]}")
        assert up.returncode == 0, up.stderr
        exported = dict(
            line.removeprefix("export ").split("=", 1) for line in up.stdout.splitlines()
        )
        assert set(exported) == {"SLURM_CONF", "SLURM_SANDBOX"}
        yield {**env, **exported}
    finally:
        subprocess.run([SLURM / "down.sh", "--purge"], env=env, timeout=120, check=True)
    assert not folder.exists()


def run(slurm: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=slurm, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_a_job_runs_on_both_nodes(slurm: dict[str, str]) -> None:
    ended = run(slurm, "srun", "-N2", "-n2", "bash", "-c", "echo $SLURMD_NODENAME")
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.split()) == ["sf1", "sf2"]


@pytest.mark.slow
def test_what_a_pool_asks_for_is_taken_and_more_is_refused(slurm: dict[str, str]) -> None:
    asked = ["--test-only", "-p", "debug", "-n", "1", "--mem", "1G", "-t", "00:10:00"]
    taken = run(slurm, "sbatch", *asked, "--wrap", "true")
    assert taken.returncode == 0, taken.stderr
    assert "to start at" in taken.stderr
    refused = run(slurm, "sbatch", *asked, "--mem", "900G", "--wrap", "true")
    assert refused.returncode != 0
    assert "not available" in refused.stderr


@pytest.mark.slow
def test_up_may_be_said_again(slurm: dict[str, str]) -> None:
    before = run(slurm, "scontrol", "show", "config").stdout
    again = run(slurm, str(SLURM / "up.sh"))
    assert again.returncode == 0, again.stderr
    assert "started" not in again.stderr
    assert "SlurmctldPort           = 18817" in before


def test_down_is_quiet_where_nothing_is_up(tmp_path: Path) -> None:
    env = {**os.environ, "SLURM_SANDBOX": str(tmp_path / "none")}
    ended = run(env, str(SLURM / "down.sh"), "--purge")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["cpu", "cpu-and-gpu"])
def test_examples_of_profiles_are_profiles(name: str) -> None:
    profile = read_profile(str(SLURM / f"{name}.toml"))
    assert profile.kind == "slurm"
    assert profile.cpu is not None
    assert (profile.gpu is not None) == ("gpu" in name)
    assert profile.driver is not None
    assert profile.driver.walltime_s > profile.cpu.walltime_s


def test_no_other_file_is_an_example() -> None:
    assert {path.stem for path in SLURM.glob("*.toml")} == {"cpu", "cpu-and-gpu"}


def test_examples_show_every_key_there_is() -> None:
    content = tomllib.loads((SLURM / "cpu-and-gpu.toml").read_text())
    more = tomllib.loads((SLURM / "cpu.toml").read_text())
    pools = [table for table in (*content.values(), *more.values()) if isinstance(table, dict)]
    assert set().union(*pools) == set(Pool.model_fields)
    known = set(Profile.model_fields) - {"name", "workers", "address", "tls"}  # of other kinds
    assert set(content) | set(more) == known


@pytest.mark.parametrize("script", ["up.sh", "down.sh"])
def test_scripts_are_what_shellcheck_accepts(script: str, tmp_path: Path) -> None:
    shellcheck = tool("shellcheck")
    accepts(shellcheck, SLURM / script)
    wrong = tmp_path / script
    wrong.write_text((SLURM / script).read_text() + "rm -rf $ROOT/*\n")
    refuses(shellcheck, wrong)
