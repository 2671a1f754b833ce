"""The image, the compose file, and the commands of its services run as processes."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import dask
import pytest
import yaml
from deployed import DEPLOY, ROOT, accepts, interpolated, load, refuses, standing, tool
from deployed_tasks import Question, answer

from seisflow.engine.connect import connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import read_profile
from seisflow.engine.settings import DASK_SETTINGS, WORKER_ENVIRONMENT

COMPOSE = DEPLOY / "compose.yaml"
CONTAINER = DEPLOY / "container"
OURS = ("scheduler", "worker", "seisflow")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE.read_text()))["services"]
    return found


def test_the_compose_file_keeps_to_its_specification(tmp_path: Path) -> None:
    check = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    accepts(*check, COMPOSE)
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only:", "readonly:"))
    refuses(*check, wrong)


def test_yaml_is_tidy_and_no_key_is_there_twice(tmp_path: Path) -> None:
    check = [tool("yamllint"), "--strict", "-c", DEPLOY / ".yamllint"]
    accepts(*check, DEPLOY)
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text() + "volumes:\n  more:\n")
    refuses(*check, wrong)


@pytest.mark.parametrize("name", OURS)
def test_numbers_of_the_environment_are_those_of_the_package(
    services: dict[str, Any], name: str
) -> None:
    assert services[name]["environment"] == WORKER_ENVIRONMENT


def test_settings_of_dask_are_those_of_the_package() -> None:
    written = load("container/dask.yaml")
    asked = dict(DASK_SETTINGS)
    found = {key: dask.config.get(key, config=written) for key in asked}
    assert found == asked
    assert leaves(written) == leaves(asked)  # and there are no others


def leaves(tree: dict[str, Any], above: str = "") -> list[str]:
    found: list[str] = []
    for key, value in tree.items():
        name = f"{above}{key}"
        found += leaves(value, f"{name}.") if isinstance(value, dict) else [name]
    return sorted(found)


def test_only_this_machine_sees_what_is_published(services: dict[str, Any]) -> None:
    published = {name: s.get("ports", []) for name, s in services.items()}
    assert published["scheduler"] == ["127.0.0.1:8787:8787"]  # and never 8786
    for ports in published.values():
        assert all(str(port).startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_services_have_no_rights_they_do_not_need(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service  # that of the image
    assert service["volumes"][1].endswith(":/raw:ro")


@pytest.mark.slow
def test_commands_of_the_services_make_a_cluster(services: dict[str, Any], tmp_path: Path) -> None:
    scheduler, worker = services["scheduler"], services["worker"]
    question = Question("q", tuple(WORKER_ENVIRONMENT), tuple(DASK_SETTINGS))
    with (
        standing(
            [*scheduler["entrypoint"], *scheduler["command"]],
            [*worker["entrypoint"], *worker["command"]],
            worker["environment"],
            tmp_path,
        ) as (address, dashboard),
        connect(read_profile(address)) as session,
    ):
        [(_, (environment, settings))] = list(drive(session, answer, [question]))
        assert session.n_threads() == 1
        health = [a.replace("http://127.0.0.1:8787", dashboard) for a in scheduler_health(services)]
        accepts(*health)
        refuses(*[a.replace(dashboard, "http://127.0.0.1:9") for a in health])
    assert environment == WORKER_ENVIRONMENT
    assert settings == DASK_SETTINGS


def scheduler_health(services: dict[str, Any]) -> list[str]:
    kind, python, *rest = services["scheduler"]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python3")
    return [sys.executable, *rest]


def test_the_containerfile_is_what_hadolint_accepts(tmp_path: Path) -> None:
    accepts(tool("hadolint"), CONTAINER / "Containerfile")
    wrong = tmp_path / "Containerfile"
    wrong.write_text((CONTAINER / "Containerfile").read_text() + "USER root\n")
    refuses(tool("hadolint"), wrong)


def instructions() -> list[tuple[str, str]]:
    text = (CONTAINER / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_image_ends_as_a_user_with_a_number() -> None:
    users = [value for word, value in instructions() if word == "USER"]
    assert users == ["10001:10001"]  # numbers, so that 'runAsNonRoot' can be checked
    assert [word for word, _ in instructions()][-3:] == ["USER", "ENTRYPOINT", "CMD"]
    assert ("ENTRYPOINT", '["seisflow"]') in instructions()


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    copied = [value.split()[:-1] for word, value in instructions() if word == "COPY"]
    sources = {source for row in copied for source in row}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == sources
    assert all((ROOT / source).exists() for source in sources)


def test_what_the_image_installs_is_pinned() -> None:
    script = CONTAINER / "runtime_requirements.py"
    command = [sys.executable, str(script), str(ROOT / "pyproject.toml")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    (every,) = extras["all"]
    names = every.removeprefix("seisflow[").removesuffix("]").split(",")
    assert extras.keys() - names == {"all", "dev"}
    assert shown == [*project["dependencies"], *(one for name in names for one in extras[name])]
    pins = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    assert {name.partition(">=")[0] for name in shown} <= pins
    assert not {"pytest", "ruff", "mypy"} & {name.partition(">=")[0] for name in shown}


def test_scripts_can_be_run() -> None:
    assert shutil.which("up.sh", path=str(DEPLOY / "slurm"))
    assert all(os.access(script, os.X_OK) for script in DEPLOY.rglob("*.sh"))
