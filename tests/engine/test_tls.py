"""A scheduler and a worker that ask for certificates."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from drive_tasks import Item, shout
from programs import Cluster, Launcher, start_cluster, tls_options, tls_profile, wait_until

from seisflow.engine.certificates import temporary_tls, write_certificates
from seisflow.engine.connect import connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import read_profile
from seisflow.errors import ClusterError


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("tls")
    with start_cluster(folder, 1, options=tls_options(folder)) as own:
        yield own


@pytest.mark.slow
def test_a_task_runs_with_the_certificates(secure: Cluster, tmp_path: Path) -> None:
    assert secure.address.startswith("tls://")
    with connect(read_profile(tls_profile(tmp_path, secure.address, secure.folder))) as session:
        assert session.address == secure.address
        assert [result for _, result in drive(session, shout, [Item("quake")])] == ["QUAKE"]


@pytest.mark.slow
def test_other_certificates_and_none_are_refused(
    secure: Cluster, tmp_path: Path, launcher: Launcher
) -> None:
    write_certificates(tmp_path)
    other = tls_profile(tmp_path, secure.address, tmp_path)
    for cluster in (other, secure.address, secure.address.replace("tls://", "tcp://")):
        ended = launcher.run("synth", tmp_path / "scene", "--cluster", cluster)
        assert ended.code == 2, ended.err
        assert ended.err.count("error: ") == 1
        assert "Traceback" not in ended.err
        assert "cannot speak to a Dask scheduler at" in ended.err
        assert "ca_file, cert_file and key_file in the table [tls]" in ended.err
    assert not (tmp_path / "scene").exists()


@pytest.mark.slow
def test_a_certificate_the_scheduler_does_not_know_is_refused(
    secure: Cluster, tmp_path: Path
) -> None:
    """The client trusts the scheduler, which does not trust it."""
    write_certificates(tmp_path)
    (tmp_path / "ca.pem").write_bytes((secure.folder / "ca.pem").read_bytes())
    with (
        pytest.raises(ClusterError, match="cannot speak to a Dask scheduler"),
        connect(read_profile(tls_profile(tmp_path, secure.address, tmp_path))),
    ):
        pass


def test_certificates_of_a_run_are_for_the_user_alone_and_go(tmp_path: Path) -> None:
    with temporary_tls(tmp_path, secure=True) as security:
        assert security is not None
        key = Path(security.tls_worker_key)
        assert key.parent.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in key.parent.iterdir()} == {0o600}
        assert "PRIVATE KEY" in key.read_text()
    wait_until(lambda: not key.parent.exists(), 60, "the removal")
    with temporary_tls(tmp_path, secure=False) as security:
        assert security is None
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from seisflow.engine.certificates import temporary_tls
with temporary_tls(Path(sys.argv[1]), secure=True):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_certificates_of_a_killed_run_go_at_the_next(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith("tls-")
    here = f"tls-{socket.gethostname()}-"
    others = {tmp_path / left.name.replace(here, f"{here}7-"), tmp_path / f"{here}x-y"}
    for other in others:
        other.mkdir()
    with (
        temporary_tls(tmp_path, secure=True) as one,
        temporary_tls(tmp_path, secure=True) as two,  # the first belongs to a process that runs
    ):
        assert one is not None
        assert two is not None
        runs = {Path(security.tls_worker_key).parent for security in (one, two)}
        assert {*tmp_path.iterdir()} == runs | others
        assert len(runs) == 2
