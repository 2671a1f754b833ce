"""Cluster profiles: what names one, what it may say, and how a wrong one is refused."""

from pathlib import Path

import pytest

from seisflow.engine.profiles import Pool, read_profile
from seisflow.errors import ConfigError

SLURM = """
kind = "slurm"
[cpu]
queue = "batch"
account = "quakes"
cores = 16
memory = "64GB"
walltime = "1-08:00:00"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has no profile yet; return the folder where they would be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "seisflow" / "clusters"
    folder.mkdir(parents=True)
    return folder


def profile(tmp_path: Path, text: str) -> str:
    file = tmp_path / "profile.toml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize(
    "address",
    ["", "here", "tcp://", "tcp://127.0.0.1", "tcp://:8786", "http://a:1", "127.0.0.1:8786"],
)
def test_what_is_no_profile_is_refused_with_what_is_allowed(address: str) -> None:
    with pytest.raises(ConfigError, match="tcp://host:8786") as caught:
        read_profile(address)
    assert f"--cluster {address}: no such profile; give local, slurm" in str(caught.value)


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.7:8786", "tls://head.cluster:1", "tcp://[::1]:1"]
)
def test_addresses_are_taken(address: str) -> None:
    found = read_profile(address)
    assert (found.kind, found.address) == ("address", address)


def test_local_and_slurm_need_no_file() -> None:
    assert read_profile("local").kind == "local"
    assert read_profile("local", 3).workers == 3
    found = read_profile("slurm")
    assert (found.kind, found.workers, found.secure) == ("slurm", None, True)
    assert found.pool("gpu") is found.pool("cpu") is found.cpu


@pytest.mark.parametrize("workers", [0, -1, 5000])
def test_a_number_of_workers_out_of_range_is_refused(workers: int) -> None:
    with pytest.raises(ConfigError, match=f"workers: found {workers}"):
        read_profile("local", workers)


def test_workers_are_of_local_clusters_only(tmp_path: Path) -> None:
    for cluster, kind, said in (
        (profile(tmp_path, SLURM), "slurm", "jobs and cores of its profile"),
        ("tcp://10.0.0.7:8786", "address", "whoever started it"),
    ):
        with pytest.raises(ConfigError, match=f"of kind '{kind}'") as caught:
            read_profile(cluster, 3)
        assert f"--workers 3 asked with --cluster {cluster}, which is" in str(caught.value)
        assert said in str(caught.value)
        assert "leave out --workers" in str(caught.value)


def test_a_name_is_a_file_in_the_folder_of_the_user(home: Path) -> None:
    with pytest.raises(ConfigError, match="there is none yet"):
        read_profile("frontera")
    (home / "frontera.toml").write_text(SLURM)
    (home / "desk.toml").write_text('kind = "local"\nworkers = 2\n')
    assert read_profile("frontera").name == "frontera"
    assert (read_profile("desk").workers, read_profile("desk", 1).workers) == (2, 1)
    with pytest.raises(ConfigError, match=r"\(desk, frontera\)") as caught:
        read_profile("fronterra")
    assert str(home) in str(caught.value)


def test_a_pool_of_jobs(tmp_path: Path) -> None:
    found = read_profile(profile(tmp_path, SLURM + "[gpu]\ngpus = 4\ncores = 32\n"))
    cpu, gpu = found.pool("cpu"), found.pool("gpu")
    assert (cpu.queue, cpu.processes, cpu.walltime_s) == ("batch", 16, 32 * 3600)
    assert (gpu.gpus, gpu.processes) == (4, 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = slurm", "is not TOML that can be read: Invalid value"),
        ('kind = "pbs"', "kind: found 'pbs'"),
        ("workers = 2", "kind is missing: give it"),
        ('kind = "local"\nthreads = 2', "threads: no such option; allowed: name, kind"),
        ('kind = "local"\naddress = "tcp://a:1"', "'address' is for, and needed by"),
        ('kind = "address"', "'address' is for, and needed by"),
        ('kind = "address"\naddress = "a:1"', "address: found 'a:1'"),
        ('kind = "address"\naddress = "tcp://a:1"\nworkers = 3', "'workers' is for kind = 'local'"),
        ('kind = "address"\naddress = "tcp://a:1"\n[cpu]\n', "are pools of kind = 'slurm'"),
        ('kind = "slurm"', "needs a table [cpu]"),
        ('kind = "slurm"\n[cpu]\nnodes = 3', "cpu.nodes: found 3"),
        ('kind = "slurm"\n[cpu]\nwalltime = "4h"', "hours:minutes:seconds, such as 08:00:00"),
        ('kind = "slurm"\n[cpu]\nwalltime = "00:00:00"', "to SLURM 00:00:00 has no end"),
        ('kind = "slurm"\n[cpu]\nmemory = "32"', "a number and a unit, such as 32GB"),
        ('kind = "slurm"\n[cpu]\ncores = 0', "cpu.cores: found 0"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = profile(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_profile(file)
    assert said in str(caught.value)
    assert file in str(caught.value)


def test_certificates_are_files_and_of_tls_addresses_only(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    tls = '[tls]\nca_file = "ca.pem"\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'
    address = 'kind = "address"\naddress = "tls://a:1"\n'
    found = read_profile(profile(tmp_path, address + tls))
    assert found.tls is not None
    assert found.tls.key_file == tmp_path / "key.pem"  # beside the profile
    with pytest.raises(ConfigError, match="begin with tls://"):
        read_profile(profile(tmp_path, address.replace("tls://", "tcp://") + tls))
    (tmp_path / "key.pem").unlink()
    with pytest.raises(ConfigError, match=r"key_file: found '.*no such file; give the PEM file"):
        read_profile(profile(tmp_path, address + tls))


def test_the_default_pool_is_small() -> None:
    assert (Pool().jobs, Pool().processes, Pool().memory, Pool().walltime_s) == (2, 1, "4GB", 14400)
