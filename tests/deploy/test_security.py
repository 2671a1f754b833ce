"""What SECURITY.md says: who can listen, and that data never run."""

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import psutil
import pytest
from deployed import ROOT

from seisflow.archive.store import open_array
from seisflow.engine.connect import connect
from seisflow.engine.profiles import read_profile
from seisflow.errors import DataError
from seisflow.stages.learn.checkpoints import CHECKPOINT, read_checkpoint

UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
HARMLESS = {"pickle.UnpicklingError"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def listening() -> set[tuple[str, int]]:
    """Return what this process and its children listen on."""
    here = psutil.Process()
    return {
        (connection.laddr.ip, connection.laddr.port)
        for process in (here, *here.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_a_cluster_of_ones_own_listens_on_loopback_alone() -> None:
    before = listening()  # of clusters of other tests
    with connect(read_profile("local", 1)) as session:
        assert session.dashboard.startswith("http://127.0.0.1:")
        found = {ip for ip, _ in listening() - before}
    assert found == {"127.0.0.1"}


def unsafe(source: str) -> list[str]:
    """Say what in a module could run code that came as data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if names[0].partition(".")[0] in UNSAFE_MODULES and not HARMLESS & set(names):
                found.append(node.module)
        elif isinstance(node, ast.Call):
            found += _unsafe_call(node)
    return [name for name in found if name not in HARMLESS]


def _unsafe_call(node: ast.Call) -> list[str]:
    name = ast.unparse(node.func)
    said = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if name in UNSAFE_CALLS:
        return [name]
    if name == "torch.load" and said.get("weights_only") != "True":
        return [name]
    if said.get("allow_pickle", "False") != "False" or said.get("shell", "False") != "False":
        return [name]
    return [name] if name in {"yaml.load", "yaml.unsafe_load", "os.system"} else []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "eval(document['network'])",
        "subprocess.run(command, shell=True)",
    ],
)
def test_the_search_finds_what_runs_data(source: str) -> None:
    assert unsafe(source)


def test_no_module_runs_data() -> None:
    modules = sorted((ROOT / "seisflow").rglob("*.py"))
    assert len(modules) > 100
    found = {str(m.relative_to(ROOT)): unsafe(m.read_text()) for m in modules}
    assert {name: why for name, why in found.items() if why} == {}


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.file,)


def test_the_trap_closes_where_pickles_are_read(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_a_checkpoint_that_holds_code_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"epoch": Trap(tmp_path / "sprung")}, tmp_path / CHECKPOINT)
    with pytest.raises(DataError, match="cannot be read"):
        read_checkpoint(tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("dtype", "fill", "filters", "compressor"),
    [
        ("|O", 0, [{"id": "pickle"}], None),
        ("<i4", 0, None, {"id": "pickle"}),
        ("|O", "", [{"id": "vlen-utf8"}, {"id": "pickle"}], None),
    ],
)
def test_an_array_that_holds_code_is_refused(
    dtype: str, fill: object, filters: object, compressor: object, tmp_path: Path
) -> None:
    folder = tmp_path / "waveform"
    folder.mkdir()
    about = {
        "zarr_format": 2,
        "shape": [1],
        "chunks": [1],
        "dtype": dtype,
        "fill_value": fill,
        "order": "C",
        "filters": filters,
        "compressor": compressor,
    }
    (folder / ".zarray").write_text(json.dumps(about))
    (folder / "0").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises((ValueError, RuntimeError)):
        np.asarray(open_array(tmp_path, "waveform")[:])
    assert not (tmp_path / "sprung").exists()
