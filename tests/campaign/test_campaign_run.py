"""``seisflow run``: what a campaign file may say, and that its stages are run as they stand."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import Cluster, Ended, Launcher, differences, receipts, wait_until
from toy_models import made

import seisflow
from seisflow.campaign.reading import read_campaign
from seisflow.campaign.tables import tables
from seisflow.core import shipped
from seisflow.errors import ConfigError
from seisflow.formats.listing import list_files
from seisflow.stages.learn.artifact import save_model

INGEST = '[ingest]\nraw = ["scene/waveforms"]\nstations = "scene/stations.csv"\n'
LABEL = '[label]\nselect = ["ZG.R010[12].*.*"]\n'

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, scene: Path) -> Write:
    """Write a campaign file beside the scene."""
    (tmp_path / "scene").symlink_to(scene)

    def write(*tables: str, head: str = 'folder = "products"\n') -> Path:
        path = tmp_path / "campaign.toml"
        path.write_text(head + "".join(tables))
        return path

    return write


@pytest.fixture
def run(launcher: Launcher, cluster: Cluster) -> Callable[..., Ended]:
    """Run a campaign on the shared cluster, typed somewhere else."""

    def run(path: Path, *options: str) -> Ended:
        if "[cluster]" not in path.read_text():
            path.write_text(f'{path.read_text()}[cluster]\nprofile = "{cluster.address}"\n')
        ended = launcher.run("run", path, *options)
        assert "Traceback" not in ended.err
        return ended

    return run


def test_tables_have_the_options_of_their_stages() -> None:
    keys = {stage: [key.dashed for key in table.keys] for stage, table in tables().items()}
    assert keys["ingest"] == ["raw", "select", "start", "end", "stations", "rate"]
    assert {"method", "alpha-rn", "clip-counts", "block", "device"} <= {*keys["label"]}
    assert {"arrivals", "events", "split", "per-class", "predict"} <= {*keys["assemble"]}
    assert {"network", "rate", "batch-size", "augment", "noise-snr", "ranks"} <= {*keys["train"]}
    assert {"from-model", "layers"} <= {*keys["train"]}
    running = ["precision", "batch", "block", "device"]
    assert keys["infer"] == ["select", "start", "end", "time-scale", *running]
    assert {"min-nodes", "moveout-s", "max-lag-s", "low-hz", "figures"} <= {*keys["detect"]}
    expected = {
        "reference",
        "tolerance-s",
        "arrivals",
        "predict",
        "baselines",
        "waveforms",
        "equal",
    }
    assert {*keys.pop("compare")} == expected
    assert keys["report"] == ["title"]
    no_business = {
        "workers",
        "detach",
        "detached",
        "dry-run",
        "json",
        "as-json",
        "waveforms",
        "output",
    }
    assert not no_business & {key for names in keys.values() for key in names}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("folder = ", "is not TOML that can be read"),
        ('folder = "p"\n[label]\nmethd = "x"\n', "table [label] has no key 'methd'; allowed: "),
        ('folder = "p"\n[label]\nmethd = "x"\n', "method, precision, clip-counts"),
        ('folder = "p"\n[lable]\n', "a campaign has no table [lable]; allowed: folder, "),
        ('folder = "p"\n[lable]\n', "[ingest] [label]"),
        ('folder = "p"\nmodle = "m"\n', "has no key 'modle'"),
        ('folder = "p"\nlabel = 3\n', "label = 3: found a value, a table [label] is meant"),
        ("[ingest]\nraw = ['a']\n", "folder is missing: give it"),
        ('folder = "p"\n[ingest]\n', "raw is missing: give it"),
        ('folder = "p"\n[ingest]\nraw = []\n', "at least 1 item"),
        ('folder = "p"\n[label]\ndevice = "gpu"\n', "device: found 'gpu'"),
        ('folder = "p"\n[infer]\nprecision = "float8"\n', "precision: found 'float8'"),
        ('folder = "p"\n[infer]\nstart = "yesterday"\n', "start: found 'yesterday'"),
        ('folder = "p"\n[compare]\nreference = "r"\nequal = "new"\n', "give baselines too"),
        ('folder = "p"\n[detect]\nmin-nodes = 1\n', "min_nodes: found 1"),
        (
            'folder = "p"\n[detect]\nlow-hz = 30\nhigh-hz = 5\n',
            "low_hz = 30 must lie below",
        ),
        ('folder = "p"\n[detect]\nslowest-velocity-m-s = -1\n', "greater than 0"),
        ('folder = "p"\n[label]\nmethod = "mine"\n', "'calibrated' or 'reference'"),
        ('folder = "p"\n[label]\nalpha-rn = 2\n', "alpha_rn = 2"),
        ('folder = "p"\n[assemble]\narrivals = "a"\nsplit = "groups"\n', "split: found 'groups'"),
        ('folder = "p"\n[train]\noptimiser = "best"\n', "optimiser: found 'best'"),
        ('folder = "p"\n[infer]\nbatch = "many"\n', "batch: found 'many'"),
        ('folder = "p"\nmodel = "m"\n[train]\n', "/m' and [train] are both there"),
        ('folder = "p"\n[archive]\nstations = 3\n', "days is missing"),
        ("folder = 5\n", "folder: found 5: a path is text"),
        ('folder = "p"\nwaveforms = ["a"]\n[label]\n', "waveforms: found ['a']: a path is text"),
        ('folder = "zz://p"\n', "zz://p cannot be used"),
        ('folder = "p"\nwaveforms = "w"\n[archive]\nstations = 3\ndays = 1\nrate-hz = 9\n', "are"),
    ],
)
def test_a_wrong_file_is_one_clear_error(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_campaign(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_unknown_keys_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('folder = "p"\n[label]\nmethd = "x"\n[infer]\nbatsh = 1\n')
    with pytest.raises(ConfigError, match=r"(?s)'methd'.*'batsh'"):
        read_campaign(path)


def test_all_wrong_values_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('folder = "p"\n[label]\nblock = 0\nprecision = "x"\n[cluster]\nworkers = 0\n')
    with pytest.raises(ConfigError) as caught:
        read_campaign(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}: table [cluster]:"
    assert lines[1].startswith("workers: found 0: ")
    assert lines[2] == "table [label]:"
    assert [line.partition(":")[0] for line in lines[3:]] == ["precision", "block"]


@pytest.mark.parametrize("table", ["label", "detect"])
def test_a_table_says_what_the_command_and_python_say(
    table: str, tmp_path: Path, launcher: Launcher
) -> None:
    """The same text of a bad value, wherever it stands."""
    name, value = {"label": ("block", "0"), "detect": ("min-nodes", "1")}[table]
    path = tmp_path / "c.toml"
    path.write_text(f'folder = "p"\n[{table}]\n{name} = "{value}"\n')
    with pytest.raises(ConfigError) as of_file:
        read_campaign(path)
    said = str(of_file.value).splitlines()[1]
    arguments = ["a"] * (2 if table == "label" else 3)
    with pytest.raises(ConfigError) as of_python:
        getattr(seisflow, table)(*arguments, **{name.replace("-", "_"): value})
    assert str(of_python.value) == said
    ended = launcher.run(table, *arguments, f"--{name}", value)
    assert ended.code == 2
    assert ended.err.strip() == f"error: {said}"


def test_nothing_runs_before_a_later_table_is_right(write: Write, run: Callable) -> None:
    path = write(INGEST, LABEL, "[detect]\nthreshhold = 0.8\n")
    ended = run(path)
    assert ended.code == 2
    assert "table [detect] has no key 'threshhold'" in ended.err
    assert not (path.parent / "products").exists()


def test_nothing_runs_before_all_inputs_are_there(write: Write, run: Callable) -> None:
    assemble = '[assemble]\narrivals = "none.csv"\n'
    head = 'folder = "products"\n'
    path = write('[ingest]\nraw = ["scene/waveform", "scene/*.sac"]\n', LABEL, assemble, head=head)
    ended = run(path)
    assert ended.code == 2
    assert f"[assemble] arrivals: {path.parent / 'none.csv'} does not exist" in ended.err
    assert f"'{path.parent}/scene/waveform' does not exist" in ended.err
    assert f"glob '{path.parent}/scene/*.sac' matches no file" in ended.err
    assert not (path.parent / "products").exists()
    path = write(INGEST, '[cluster]\nprofile = "tcp://127.0.0.1:1"\nworkers = 3\n')
    ended = run(path)
    assert ended.code == 2
    assert "--workers 3 asked with --cluster tcp://127.0.0.1:1" in ended.err
    path = write(INGEST, '[cluster]\nprofile = "none.toml"\n')
    ended = run(path)
    assert ended.code == 2
    assert f"--cluster {path.parent / 'none.toml'}: no such profile" in ended.err


def test_a_folder_is_no_glob(tmp_path: Path) -> None:
    folder = tmp_path / "camp[1]*"
    (folder / "raw [2]").mkdir(parents=True)
    files = [folder / name for name in ("raw [2]/a.mseed", "b.mseed", "c[1].mseed")]
    for file in files:
        file.touch()
    (folder / "c.toml").write_text(
        'folder = "p"\n[ingest]\nraw = ["raw [2]", "[a-b].mseed", "c[1].mseed"]\n'
    )
    campaign = read_campaign(folder / "c.toml")
    campaign.refuse_missing()
    assert list_files(campaign.config_of("ingest").raw) == files[1:] + files[:1]


def test_stages_that_are_left_out(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "MODELS", Path("none"))
    detect = "[infer]\n[detect]\n"
    stages, left_out = read_campaign(write(INGEST, LABEL, detect, "[report]\n")).stages()
    assert stages == ["ingest", "label", "report"]
    assert left_out == {
        "assemble": "no table [assemble]",
        "train": "no table [train]",
        "infer": "no model in this campaign",
        "detect": "no scores in this campaign",
        "compare": "no table [compare]",
    }
    stages, _ = read_campaign(
        write(INGEST, detect, head='folder = "products"\nmodel = "m"\n')
    ).stages()
    assert stages == ["ingest", "infer", "detect"]
    stages, _ = read_campaign(
        write(LABEL, "[report]\n", head='folder = "products"\nwaveforms = "w.zarr"\n')
    ).stages()
    assert stages == ["label", "report"]
    assert read_campaign(write("[report]\n")).stages()[0] == []


@pytest.fixture
def universal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship a model of that name with this installation."""
    monkeypatch.setattr(shipped, "MODELS", tmp_path / "seisflow" / "models")
    folder = shipped.MODELS / shipped.DEFAULT_MODEL
    save_model(folder, made("compact").classifier, made("compact").document)
    return folder


def test_infer_takes_the_shipped_model_where_there_is_no_other(
    write: Write, universal: Path
) -> None:
    campaign = read_campaign(write(INGEST, "[infer]\n[detect]\n"))
    stages, left_out = campaign.stages()
    assert stages == ["ingest", "infer", "detect"]
    assert left_out["train"] == "no table [train]; infer takes the shipped model universal"
    assert campaign.config_of("infer").model == campaign.stage("infer").config.model == universal
    campaign.refuse_missing()


def test_a_model_that_is_trained_or_given_comes_first(write: Write, universal: Path) -> None:
    wavelets = '[assemble]\narrivals = "a.csv"\n'
    both = read_campaign(write(INGEST, LABEL, wavelets, "[train]\n[infer]\n"))
    assert both.stages()[0] == ["ingest", "label", "assemble", "train", "infer"]
    own = both.config.folder / "model"
    assert both.config_of("infer").model == both.stage("infer").config.model == own
    lacking = read_campaign(write(INGEST, "[train]\n[infer]\n"))
    assert lacking.stages()[1]["infer"] == "no model in this campaign"
    labels = read_campaign(write(INGEST, LABEL))
    assert labels.stages()[1]["train"] == "no table [train]"
    said = read_campaign(write(INGEST, "[infer]\n", head='folder = "p"\nmodel = "m"\n'))
    assert said.config_of("infer").model == said.path.parent / "m"
    with pytest.raises(
        ConfigError, match="m does not exist; give one that does, or the name of a shipped"
    ):
        said.refuse_missing()


def test_a_campaign_names_a_shipped_model(write: Write, universal: Path) -> None:
    head = 'folder = "universal"\nmodel = "universal"\n'
    campaign = read_campaign(write(INGEST, "[infer]\n", head=head))
    assert campaign.config.folder == campaign.path.parent / "universal"
    assert campaign.config_of("infer").model == universal
    wavelets = '[assemble]\narrivals = "a.csv"\n[train]\nfrom-model = "universal"\n'
    path = write(INGEST, LABEL, wavelets)
    assert read_campaign(path).config_of("train").from_model == universal
    (path.parent / "universal").mkdir()  # a path, where there is one, counts from the file
    assert read_campaign(path).config_of("train").from_model == path.parent / "universal"


def test_examples_need_neither_labels_nor_arrivals(write: Write) -> None:
    """The word none, and not a file of that name beside the campaign."""
    assemble = '[assemble]\narrivals = "scene/arrivals.csv"\n'
    stages, left_out = read_campaign(write(INGEST, assemble, "[train]\n")).stages()
    assert (stages, left_out["assemble"]) == (["ingest"], "no labels in this campaign")
    campaign = read_campaign(write(INGEST, f'{assemble}labels = "none"\n', "[train]\n"))
    assert campaign.stages()[0] == ["ingest", "assemble", "train"]
    assert campaign.config_of("assemble").labels is None
    campaign = read_campaign(write(INGEST, LABEL, '[assemble]\narrivals = "none"\n'))
    assert campaign.stages()[0] == ["ingest", "label", "assemble"]
    assert campaign.config_of("assemble").arrivals is None
    campaign.refuse_missing()
    with pytest.raises(ConfigError, match="labels and arrivals are both none"):
        read_campaign(write(INGEST, '[assemble]\narrivals = "none"\nlabels = "none"\n'))


def states(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_a_campaign_of_two_stages_and_its_page(
    write: Write, run: Callable, waveforms: Path
) -> None:
    path = write(INGEST, LABEL, '[report]\ntitle = "Two stages"\n')
    products = path.parent / "products"
    ended = run(path, "--json")
    assert ended.code == 0, ended.err
    assert "assemble is left out: no table [assemble]" in ended.err
    assert "infer is left out: no table [infer]" in ended.err
    assert differences(products / "waveforms.zarr", waveforms) == []
    assert "<title>Two stages" in (products / "page.html").read_text()
    summary = json.loads(ended.out)
    assert summary["exit_code"] == 0
    assert [s["stage"] for s in summary["stages"]] == ["ingest", "label", "report"]
    assert [s["done"] for s in summary["stages"]] == [4, 2, 1]
    assert summary["stages"][1]["cpu_hours"] > 0
    assert summary["left_out"]["detect"] == "no table [detect]"
    before = states(products)
    ended = run(path)
    assert ended.code == 0, ended.err
    assert ended.err.count("is finished: nothing to do") == 3
    assert states(products) == before
    (products / "page.html").unlink()
    assert run(path, "--only", "report").code == 0
    assert (products / "page.html").exists()
    (products / "page.html").write_text("of another command")
    assert run(path, "--only", "report").code == 0
    assert "<title>Two stages" in (products / "page.html").read_text()
    ended = run(path, "--until", "infer")
    assert ended.code == 2
    assert "until infer: no such stage in this campaign; it has ingest, label, report" in ended.err


def test_a_changed_table_is_refused_by_its_stage(write: Write, run: Callable) -> None:
    path = write(INGEST)
    assert run(path).code == 0
    ended = run(write(INGEST, "rate = 20\n"))
    assert ended.code == 2
    assert "rate: asked 20.0, found None" in ended.err


@pytest.mark.slow
def test_problems_in_the_data_let_the_rest_run_and_end_with_3(
    write: Write, run: Callable, tmp_path: Path, scene: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(scene / "waveforms", raw)
    file = min(raw.rglob("*.mseed"))
    file.write_bytes(file.read_bytes()[:9000])
    path = write('[ingest]\nraw = ["raw"]\n', LABEL)
    ended = run(path, "--json")
    assert ended.code == 3, ended.err
    summary = json.loads(ended.out)
    assert summary["exit_code"] == 3
    assert [(s["stage"], s["code"]) for s in summary["stages"]] == [("ingest", 3), ("label", 0)]
    assert "problems in the data" in ended.err


def test_an_incomplete_stage_stops_the_campaign_with_4(
    write: Write, run: Callable, tmp_path: Path, waveforms: Path
) -> None:
    products = tmp_path / "products"
    shutil.copytree(waveforms, products / "waveforms.zarr")
    shard = products / "waveforms.zarr" / "waveform" / "c" / "0" / "0"
    shard.write_bytes(b"\0" * shard.stat().st_size)
    path = write(
        LABEL, "[report]\n", head='folder = "products"\nwaveforms = "products/waveforms.zarr"\n'
    )
    ended = run(path, "--json")
    assert ended.code == 4, ended.err
    summary = json.loads(ended.out)
    assert [(s["stage"], s["code"]) for s in summary["stages"]] == [("label", 4)]
    assert f"{path} is incomplete; type the command again" in ended.err
    assert not (products / "page.html").exists()


@pytest.mark.slow
def test_a_campaign_killed_after_a_stage_goes_on_to_the_same_end(
    write: Write, run: Callable, launcher: Launcher, cluster: Cluster
) -> None:
    path = write(INGEST, LABEL)
    assert run(path).code == 0
    products, clean = path.parent / "products", path.parent / "clean"
    products.rename(clean)
    running = launcher.start("run", path)
    labels = products / "labels.zarr"
    wait_until(lambda: running.ended() or labels.exists(), 120, "the second stage")
    running.signal_group(signal.SIGKILL)
    running.wait()
    assert receipts(products / "waveforms.zarr")
    ended = run(path)
    assert ended.code == 0, ended.err
    assert "waveforms.zarr is finished: nothing to do" in ended.err
    for name in ("waveforms.zarr", "labels.zarr"):
        assert differences(products / name, clean / name) == []
