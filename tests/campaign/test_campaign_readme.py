"""The campaigns of the README: their files are right, and the plan is what the command prints."""

import re
from pathlib import Path

import pytest

import seisflow
from seisflow.campaign.reading import read_campaign
from seisflow.campaign.tables import tables

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
FILES = [block for block in BLOCKS if block.startswith("folder = ")]
CLUSTER = 'kind = "slurm"\n[cpu]\njobs = 40\ncores = 32\nmemory = "64GB"\n'


def test_the_small_campaign_has_every_stage(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(FILES[0])
    assert read_campaign(path).stages() == ([*tables()], {})


@pytest.mark.slow
def test_the_plan_of_the_full_archive_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "cluster.toml").write_text(CLUSTER)
    path = tmp_path / "campaign.toml"
    path.write_text(FILES[1])
    assert "# kind = " in FILES[1]
    for said in CLUSTER.split("\n[cpu]\n")[1].splitlines():
        assert said in FILES[1]
    assert repr(seisflow.plan(path, progress=False)) in README
