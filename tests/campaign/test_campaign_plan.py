"""``seisflow plan``: rates, sizes, and a plan beside what a run then made."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from planned import refuse_less
from programs import Cluster, Launcher
from toy_models import made as model_made

import seisflow
from seisflow.campaign.config import ArchiveSize
from seisflow.campaign.planner import Planner
from seisflow.campaign.rates import Rate, Rates, cache_file, keep_rates, read_rates
from seisflow.campaign.reading import read_campaign
from seisflow.campaign.records import made_up_scans, records_of_plan, records_of_waveforms
from seisflow.errors import ConfigError, DataError
from seisflow.stages.ingest.stage import Ingest, lay_out
from seisflow.stages.learn.artifact import save_model

ROOT = Path(__file__).parents[2]
CLUSTER = 'kind = "slurm"\n[cpu]\njobs = 4\ncores = 8\nmemory = "8GB"\nwalltime = "01:00:00"\n'


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rate(work: str, rate_hz: float, cpu_s: float) -> Rate:
    return Rate(
        work=work, unit="station-day", rate_hz=rate_hz, cpu_s=cpu_s, benchmark=f"b{cpu_s:g}"
    )


def test_rates_between_and_beyond_what_was_measured() -> None:
    rates = Rates({"label": [rate("label", 500, 40), rate("label", 100, 10)]}, "")
    assert rates.get("label", 100) == (10, "b10")
    assert rates.get("label", 300) == (25, "b40")
    assert rates.get("label", 1000) == (80, "b40")
    assert rates.get("label", 50) == (5, "b10")
    assert rates.get("infer", 500) is None
    assert Rates({"detect": [rate("detect", 0, 3)]}, "").get("detect", 500) == (3, "b3")


def test_every_packaged_rate_has_its_benchmark() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    rates = read_rates()
    assert "--measure" in rates.note
    for points in rates.known.values():
        for point in points:
            assert point.benchmark in readme
            module = point.benchmark.replace(".", "/") + ".py"
            assert point.benchmark == "plan --measure" or (ROOT / module).exists()


def test_rates_of_this_machine_are_used_and_kept() -> None:
    keep_rates([rate("ingest", 500, 3)], "2026-01-01")
    keep_rates([rate("infer compact", 100, 2), rate("ingest", 500, 4)], "2026-01-02")
    rates = read_rates()
    assert rates.get("ingest", 500) == (4, "b4")
    assert rates.get("infer compact", 200) == (4, "b2")
    assert rates.get("label reference", 500) is not None
    assert "on 2026-01-02: ingest, infer compact; kept in " in rates.note
    content = json.loads(cache_file().read_text())
    cache_file().write_text(json.dumps(content | {"host": "another"}))
    assert "benchmarks/README.md" in read_rates().note
    cache_file().write_text("{")
    with pytest.raises(DataError, match="remove it and measure again"):
        read_rates()


def test_a_made_up_archive_is_laid_out_as_one_that_is_there() -> None:
    size = ArchiveSize.build({"stations": 3, "days": 2, "rate_hz": 50, "bytes_per_sample": 2})
    config = Ingest.Config.build({"raw": ("none",), "waveforms": "none"})
    plan = lay_out(config, made_up_scans(size))
    assert len(plan.tasks) == 6
    assert plan.needs.unit == "station-days"
    assert plan.needs.read_bytes == 3 * 2 * 86_400 * 50 * 2
    records = records_of_plan(plan)
    assert records.station_days == 6
    assert records.rate_hz == 50


@pytest.mark.slow
def test_records_of_waveforms_that_are_there(waveforms: Path) -> None:
    records = records_of_waveforms(waveforms)
    assert records.n_samples == 4 * 3600 * 20
    assert len(records.stations) == 4
    assert records.places[0].longitude < -116


Plan = Callable[..., dict]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Plan in this process, which has the environment of the test."""

    def plan(text: str, *, folder: Path = tmp_path, measure: bool = False) -> dict:
        path = folder / "plan.toml"
        path.write_text(text)
        return dict(seisflow.plan(path, measure, progress=False).summary)

    return plan


SIZE = """folder = "products"
[cluster]
profile = "cluster.toml"
[archive]
stations = 100
days = 3
rate-hz = 100
[ingest]
raw = ["none"]
select = ["no.such.station.*"]
start = "1990-01-01"
"""


def test_a_plan_for_a_size_reads_nothing(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text(CLUSTER)
    text = SIZE + "[label]\n"
    text += '[assemble]\narrivals = "picks.csv"\n[train]\n[infer]\n'
    made = plan(text)
    stages = {s["stage"]: s for s in made["stages"]}
    assert list(stages) == ["ingest", "label", "infer"]
    assert any("assemble and train are not planned" in note for note in made["notes"])
    assert made["profile"].startswith("4 jobs x 8 workers")
    assert (stages["ingest"]["tasks"], stages["label"]["tasks"]) == (300, 150)
    assert stages["label"]["unit"] == "blocks of 2 station-days"
    assert stages["label"]["cpu_s"] == pytest.approx(300 * 2.64)
    assert stages["label"]["wall_s"] == pytest.approx(5 * 2 * 2.64)  # 150 tasks on 32 workers
    assert stages["label"]["sources"] == ["benchmarks.label_accuracy"]
    assert not (tmp_path / "products").exists()
    made = plan(text.replace("rate-hz = 100\n", "rate-hz = 100\narrivals = 5000\n"))
    stages = {s["stage"]: s for s in made["stages"]}
    assert stages["assemble"]["tasks"] == -(-75_000 // 2048)
    assert stages["train"]["cpu_s"] == pytest.approx(75_000 * 0.7 * 0.75 * 30 * 0.000579 / 5)


def test_examples_without_arrivals_or_balance_are_planned_by_class(
    plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "cluster.toml").write_text(CLUSTER)
    size = SIZE.replace("rate-hz = 100\n", "rate-hz = 100\narrivals = 5000\n")
    found = {}
    for name, said in (
        ("noise", 'arrivals = "none"\nper-class = 9000\n'),
        ("all", 'arrivals = "picks.csv"\nbalance = false\nper-class = 30000\n'),
        ("balanced", 'arrivals = "picks.csv"\nper-class = 30000\n'),
        ("endless", 'arrivals = "picks.csv"\nbalance = false\n'),
    ):
        made = plan(f"{size}[label]\n[assemble]\n{said}")
        found[name] = {s["stage"]: s["tasks"] for s in made["stages"]}.get("assemble")
    assert found == {
        "noise": -(-18_000 // 2048),
        "all": -(-90_000 // 2048),
        "balanced": -(-75_000 // 2048),
        "endless": None,
    }


def test_what_does_not_fit_the_jobs_is_noted(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text(CLUSTER.replace("8GB", "2GB"))
    text = '[label]\nmethod = "reference"\n'
    many = SIZE.replace("= 100\n", "= 1000\n", 1)
    made = plan(f'{many}{text}block = 100\ndevice = "cuda"\n')
    assert any("label: a worker needs about" in note for note in made["notes"])
    label = made["stages"][1]
    assert (label["on_gpu"], label["cpu_s"], label["wall_s"]) == (True, None, None)
    (tmp_path / "cluster.toml").write_text(CLUSTER.replace("01:00:00", "00:01:00"))
    made = plan(SIZE + text)
    assert any("label: a task takes 24.4 s, more than a tenth" in note for note in made["notes"])


def test_a_model_to_go_on_from_says_what_is_trained(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text(CLUSTER)
    base = model_made("recurrent")
    save_model(tmp_path / "base", base.classifier, base.document)
    text = SIZE + '[label]\n[assemble]\narrivals = "none"\nper-class = 9\n[infer]\n'
    text += '[train]\nfrom-model = "base"\n'
    plan(text)
    planner = Planner(read_campaign(tmp_path / "plan.toml"))
    assert planner.method_and_network() == ("calibrated", "recurrent")
    network, model = planner._model()
    assert (network, model.rate_hz) == ("recurrent", 40)
    with pytest.raises(ConfigError, match="--network: asked compact, it has recurrent"):
        plan(text + 'network = "compact"\n')


@pytest.mark.parametrize("stage", ["label", "infer"])
def test_auto_is_planned_on_the_pool_it_takes(stage: str, plan: Plan, tmp_path: Path) -> None:
    text = SIZE + '[label]\ndevice = "auto"\n[assemble]\narrivals = "picks.csv"\nper-class = 9\n'
    text += '[train]\n[infer]\ndevice = "auto"\n'
    for gpu in ("", "[gpu]\ngpus = 2\n"):
        (tmp_path / "cluster.toml").write_text(CLUSTER + gpu)
        stages = {s["stage"]: s for s in plan(text)["stages"]}
        assert stages[stage]["on_gpu"] == bool(gpu)


def test_a_plan_needs_records(plan: Plan) -> None:
    with pytest.raises(ConfigError, match="says nothing of records"):
        plan('folder = "p"\n[label]\n')


@pytest.mark.slow
def test_a_plan_of_files_bounds_what_is_made(
    plan: Plan, scene: Path, waveforms: Path, cluster: Cluster, launcher: Launcher, tmp_path: Path
) -> None:
    """By workers that have done nothing else: what others imported counts as theirs."""
    folder, products = scene.parent, (tmp_path / "waveforms.zarr", tmp_path / "labels.zarr")
    read = ("ingest", scene / "waveforms", products[0], "--stations", scene / "stations.csv")
    for command in (read, ("label", *products, "--select", "ZG.R010[12].*.*")):
        ended = launcher.run(*command, "--workers", "1")
        assert ended.code == 0, ended.err
    head = f'folder = "p"\n[cluster]\nprofile = "{cluster.address}"\n'
    text = head + '[ingest]\nraw = ["scene/waveforms"]\nstations = "scene/stations.csv"\n'
    text += '[label]\nselect = ["ZG.R010[12].*.*"]\n'
    made = plan(text, folder=folder)
    for stage, product in zip(made["stages"], products, strict=True):
        refuse_less(stage, product)
        assert stage["wall_s"] is None
    assert "whose workers only it knows" in made["profile"]
    there = plan(f'waveforms = "waveforms.zarr"\n{head}[label]\n', folder=folder)
    (label,) = there["stages"]
    assert (label["stage"], label["tasks"]) == ("label", 4)


@pytest.mark.slow
def test_measured_rates(plan: Plan) -> None:
    text = SIZE.replace("cluster.toml", "local").replace("rate-hz = 100", "rate-hz = 40")
    text = text.replace("no.such.station.*", "*.*.*.*")
    made = plan(text + '[label]\nmethod = "calibrated"\n', measure=True)
    assert [s["sources"] for s in made["stages"]] == [["plan --measure"], ["plan --measure"]]
    assert all(s["cpu_s"] > 0 for s in made["stages"])
    content = json.loads(cache_file().read_text())
    works = {"ingest", "label calibrated", "assemble scan", "assemble arrivals", "assemble cut"}
    works |= {"train compact", "infer compact", "compare baselines"}
    assert {row["work"] for row in content["rates"]} == works
    assert all(row["cpu_s"] > 0 for row in content["rates"])
