"""What users configure for Dask, matplotlib, zarr and Numba changes no result and stops nothing."""

import os
import subprocess
import sys
from pathlib import Path

import dask.config
import pytest
from programs import Cluster, Ended, Launcher, differences, start_cluster

from seisflow.core.files import whole_file
from seisflow.engine.connect import connect
from seisflow.engine.dask_isolation import dashboard_link, own_settings, users_settings
from seisflow.engine.profiles import Pool, read_profile
from seisflow.engine.settings import DASK_SETTINGS, WORKER_ENVIRONMENT
from seisflow.engine.slurm_jobs import job_script

SITE = """
distributed:
  dashboard: {link: "{JUPYTERHUB_SERVICE_PREFIX}proxy/{port}/status"}
  logging-file-config: /nonexistent/logging.ini
  scheduler:
    allowed-failures: 0
    idle-timeout: 1s
    preload: [no_such_module]
    worker-ttl: 1s
    http: {routes: []}
    active-memory-manager: {start: true, policies: [{class: no.such.Policy}]}
  worker:
    preload: [no_such_module]
    lifetime: {duration: 2s, stagger: 0s, restart: false}
    multiprocessing-method: fork
    memory: {target: 0.01, spill: 0.01, pause: 0.01, terminate: 0.02}
  nanny: {preload: [no_such_module], environ: {PYTHONPATH: /nonexistent}}
  client: {preload: [no_such_module], heartbeat: 1ms}
  comm: {default-scheme: tls, compression: no-such, timeouts: {connect: 1ms, tcp: 1ms}}
  admin: {event-loop: uvloop, tick: {interval: 1ms, limit: 1ms}}
scheduler-address: tcp://127.0.0.1:1
scheduler: no-such-scheduler
temporary-directory: /nonexistent/scratch
jobqueue:
  slurm:
    interface: ib7
    queue: users
    job-directives-skip: ["--mem"]
    job-extra: ["--exclusive"]
    shebang: "#!/bin/tcsh"
    worker-command: no.such.module
"""
PRIVATE = """
distributed:
  comm: {require-encryption: true}
  client: {security-loader: no.such.loader}
"""
"""What a user may ask of the clients of schedulers; it is no matter of a cluster of our own."""
MATPLOTLIBRC = """
text.usetex: True
font.family: serif
font.size: 30
savefig.dpi: 30
savefig.bbox: tight
savefig.facecolor: red
savefig.format: pdf
figure.autolayout: True
axes.formatter.use_locale: True
axes.facecolor: black
image.origin: lower
image.cmap: gray
date.epoch: 0000-12-31
date.autoformatter.minute: %M
timezone: US/Pacific
lines.linewidth: 9
path.sketch: 10, 10, 10
axes.unicode_minus: False
xtick.labelsize: 20
nonsense
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with all that can be wrong in it, for programs other than seisflow."""
    home = tmp_path / "home"
    for name in ("dask", "matplotlib", "zarr"):
        (home / ".config" / name).mkdir(parents=True)
    (home / ".config/dask/site.yaml").write_text(SITE)
    (home / ".config/dask/broken.yaml").write_text("distributed: {worker: [\n")
    (home / ".config/matplotlib/matplotlibrc").write_text(MATPLOTLIBRC)
    (home / ".config/zarr/own.yaml").write_text("{array: {order: F}, json_indent: 7}")
    return home


def hostile(home: Path) -> dict[str, str]:
    found = {name: v for name, v in os.environ.items() if not name.startswith(("DASK_", "MPL"))}
    found |= {"HOME": str(home), "MPLBACKEND": "no-such", "OMP_NUM_THREADS": "7"}
    found |= {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:9", "DASK_SCHEDULER__PORT": "x"}
    found |= {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    found |= {"NUMBA_DISABLE_JIT": "1", "NUMBA_NUM_THREADS": "0"}
    found |= {"ZARR_ARRAY__WRITE_EMPTY_CHUNKS": "True", "ZARR_DEFAULT_ZARR_FORMAT": "2"}
    return found


def run(program: list[str], *argv: str | Path, env: dict[str, str], cwd: Path) -> Ended:
    line = [*program, *map(str, argv)]
    done = subprocess.run(line, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_products_and_figures_are_the_same(
    home: Path,
    scene: Path,
    waveforms: Path,
    labels: Path,
    launcher: Launcher,
    tmp_path: Path,
) -> None:
    (home / ".config/dask/private.yaml").write_text(PRIVATE)
    program = [str(Path(sys.executable).with_name("seisflow"))]
    env, w, n = hostile(home), tmp_path / "waveforms.zarr", ["--workers", "1"]
    ended = run(program, "ingest", scene / "waveforms", w, "--stations", scene / "stations.csv",
                *n, env=env, cwd=tmp_path)  # fmt: skip
    assert ended.code == 0, ended.err
    assert "dashboard http://127.0.0.1:" in ended.err
    assert ended.err.count("broken.yaml") == 1
    assert "Traceback" not in ended.err
    assert differences(w, waveforms) == []
    made, select = tmp_path / "labels.zarr", ["--select", "ZG.R010[12].*.*"]
    ended = run(program, "label", w, made, *select, *n, env=env, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert differences(made, labels) == []
    day = ["--day", "2014-05-29", "-o"]
    ended = run(program, "plot", made, *day, tmp_path / "day.png", env=env, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert launcher.run("plot", labels, *day, tmp_path / "clean.png").code == 0
    assert (tmp_path / "day.png").read_bytes() == (tmp_path / "clean.png").read_bytes()


@pytest.mark.slow
def test_a_matplotlibrc_that_is_no_text_stops_nothing(
    labels: Path, home: Path, tmp_path: Path
) -> None:
    for place in (tmp_path, home / ".config/matplotlib"):
        (place / "matplotlibrc").write_bytes(b"font.family: Caf\xe9\n")
    program = [sys.executable, "-m", "seisflow", "plot", str(labels), "-o", str(tmp_path / "x.png")]
    ended = run(program, env=hostile(home), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "x.png").exists()


@pytest.mark.slow
def test_a_users_settings_do_not_reach_the_client_of_a_scheduler(
    home: Path, scene: Path, waveforms: Path, cluster: Cluster, tmp_path: Path
) -> None:
    args = ["--stations", str(scene / "stations.csv"), "--cluster", cluster.address]
    program = [sys.executable, "-m", "seisflow", "ingest", str(scene / "waveforms")]
    ended = run(program, tmp_path / "w.zarr", *args, env=hostile(home), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "dashboard http://127.0.0.1:" in ended.err
    assert differences(tmp_path / "w.zarr", waveforms) == []


@pytest.mark.slow
def test_the_worker_of_a_job_has_our_settings_alone(home: Path, tmp_path: Path) -> None:
    """The script is run by a shell on this machine; SLURM would do the same on a node."""
    with start_cluster(tmp_path, 0) as own:
        script = job_script(Pool(jobs=1, logs=tmp_path, prologue=("export OF_USER=1",)), None)
        script = script.replace("tcp://scheduler:0", own.address)
        with (tmp_path / "job.log").open("wb") as log, subprocess.Popen(
            ["bash", "-c", script], env=hostile(home), cwd=tmp_path, stdout=log, stderr=log
        ) as job:  # fmt: skip
            try:
                with connect(read_profile(own.address)) as session:
                    (found,) = session.client.run(dask.config.get, "distributed").values()
                    there = {
                        name: next(iter(session.client.run(os.getenv, name).values()))
                        for name in WORKER_ENVIRONMENT
                    }
                    session.client.retire_workers(close_workers=True)
            finally:
                job.terminate()
    config = {"distributed": found}
    assert {name: dask.config.get(name, config=config) for name in DASK_SETTINGS} == DASK_SETTINGS
    assert found["worker"]["preload"] == []
    assert found["worker"]["lifetime"]["duration"] != "2s"
    assert there == WORKER_ENVIRONMENT


def test_a_job_asks_slurm_for_what_its_profile_says(tmp_path: Path) -> None:
    users = {"jobqueue.slurm.queue": "users", "jobqueue.slurm.shebang": "#!/bin/tcsh"}
    users |= {"jobqueue.slurm.job-directives-skip": ["--mem"], "jobqueue.slurm.interface": "ib7"}
    with dask.config.set(users), own_settings(DASK_SETTINGS, {}):
        script = job_script(Pool(logs=tmp_path), None)
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "#SBATCH --mem=4G" in script
    assert not any(word in script for word in ("#SBATCH -p", "ib7", "tcsh"))


def test_settings_and_variables_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_FOO", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with dask.config.set({"distributed.scheduler.allowed-failures": 9, "mine": 1}):
        with own_settings({"distributed.scheduler.allowed-failures": 5}, WORKER_ENVIRONMENT):
            assert dask.config.get("distributed.scheduler.allowed-failures") == 5
            assert dask.config.get("mine", None) is None
            assert "DASK_FOO" not in os.environ
            assert os.environ["OMP_NUM_THREADS"] == "1"
        assert dask.config.get("distributed.scheduler.allowed-failures") == 9
        assert dask.config.get("mine") == 1
    assert os.environ["DASK_FOO"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("template", "link"),
    [
        ("https://hub{PREFIX}proxy/{port}/status", "https://hub/user/a/proxy/7/status"),
        ("{JUPYTERHUB_SERVICE_PREFIX}proxy/{port}", "http://1.2.3.4:7/status"),
        ("{0}:{port}", "http://1.2.3.4:7/status"),
        ("{port.none}", "http://1.2.3.4:7/status"),
        ("{port", "http://1.2.3.4:7/status"),
        (17, "http://1.2.3.4:7/status"),
    ],
)
def test_a_link_that_cannot_be_made_is_the_plain_one(
    template: object, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    monkeypatch.setenv("PREFIX", "/user/a/")
    assert dashboard_link({"distributed.dashboard.link": template}, "1.2.3.4", 7) == link


def test_a_scheduler_without_a_dashboard_has_no_link() -> None:
    assert dashboard_link({}, "1.2.3.4", None) == "none"


def test_of_the_users_settings_only_those_for_clients_are_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("DASK_CONFIG", raising=False)
    (home / ".config/dask/tls.yaml").write_text("distributed: {comm: {tls: {ca-file: /ca.pem}}}")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "True")
    assert users_settings() == {
        "distributed.dashboard.link": "{JUPYTERHUB_SERVICE_PREFIX}proxy/{port}/status",
        "distributed.comm.tls": {"ca-file": "/ca.pem"},
        "distributed.comm.require-encryption": True,
    }
    (line,) = caplog.messages
    assert line.startswith(f"the configuration of Dask in {home}/.config/dask/broken.yaml is left")
    assert "\n" not in line


def test_text_is_utf_8_in_every_locale(tmp_path: Path) -> None:
    code = "from seisflow.core.files import whole_file\nfrom pathlib import Path\n"
    code += f"with whole_file(Path({str(tmp_path / 'x')!r}), 'w') as file: file.write('\\u00b5\\n')"
    env = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert (tmp_path / "x").read_bytes() == "µ\n".encode()
    with whole_file(tmp_path / "y", "w") as file:
        file.write("µ")
    assert (tmp_path / "y").read_bytes() == "µ".encode()
