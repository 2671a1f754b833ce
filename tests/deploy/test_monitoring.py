"""Rules and dashboard, against the numbers that a run really shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed import DEPLOY, accepts, load, metrics, refuses, tool
from deployed_tasks import Question, answer

from seisflow.engine.connect import connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import read_profile

FOLDER = DEPLOY / "monitoring"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "seisflow.json"
NAMES = re.compile(r"\b(?:dask|seisflow|process|python)_\w+|\bup\b|\bseisflow:\w+")
SELECTORS = re.compile(r"\b([a-zA-Z_:]\w*)\{([^}]*)\}")
MATCHERS = re.compile(r'(\w+)(=~|=)"([^"]*)"')
OF_THE_SCRAPE = {"instance", "job"}
"""Labels that Prometheus itself puts on everything it asks for."""

Shown = dict[str, set[frozenset[tuple[str, str]]]]


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    """What the scheduler and a worker of a run of one's own answer to Prometheus."""
    with connect(read_profile("local", 1)) as session:
        list(drive(session, answer, [Question(str(i), (), ()) for i in range(3)], stage="label"))
        [worker] = session.client.scheduler_info()["workers"].values()
        of_worker = metrics(f"http://127.0.0.1:{worker['services']['dashboard']}")
        yield metrics(session.dashboard) | {
            name: found for name, found in of_worker.items() if name.startswith("dask_worker_")
        }


def rules() -> list[dict[str, Any]]:
    return [rule for group in load("monitoring/rules.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> list[str]:
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


def unknown(expression: str, shown: Shown) -> list[str]:
    """Say which metrics, labels and values an expression asks for that no run shows."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = {*shown, *recorded, "up"}
    wrong = [name for name in NAMES.findall(expression) if name not in known]
    for name, matchers in SELECTORS.findall(expression):
        labels = {pair for labels in shown.get(name, set()) for pair in labels}
        for label, how, value in MATCHERS.findall(matchers):
            if label in OF_THE_SCRAPE:
                continue
            wanted = value.split("|") if how == "=~" else [value]
            wrong += [f"{name}{{{label}={v}}}" for v in wanted if (label, v) not in labels]
    for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
        seen = {label for rows in shown.values() for row in rows for label, _ in row}
        wrong += [la for la in labels.split(", ") if la not in seen | OF_THE_SCRAPE]
    return wrong


@pytest.mark.parametrize("expression", expressions())
def test_what_rules_and_panels_ask_for_is_there(expression: str, shown: Shown) -> None:
    assert unknown(expression, shown) == []
    assert NAMES.search(expression)


def test_what_is_not_there_is_found(shown: Shown) -> None:
    for expression, wrong in (
        ("rate(seisflow_task_done_total[10m])", "seisflow_task_done_total"),
        ("rate(seisflow_tasks_done[10m])", "seisflow_tasks_done"),
        ('dask_scheduler_tasks{state="quued"}', "dask_scheduler_tasks{state=quued}"),
        ('dask_scheduler_tasks{status="queued"}', "dask_scheduler_tasks{status=queued}"),
        ("sum by (stages) (seisflow_tasks_done_total)", "stages"),
    ):
        assert unknown(expression, shown) == [wrong]


def test_every_counter_of_seisflow_is_drawn(shown: Shown) -> None:
    own = {n for n in shown if n.startswith("seisflow_") and not n.endswith("_created")}
    assert len(own) == 4
    drawn = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    assert own <= set(NAMES.findall(drawn))


def test_the_dashboard_is_one_that_grafana_can_lay_out() -> None:
    content = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        xs, ys = (
            range(place["x"], place["x"] + place["w"]),
            range(place["y"], place["y"] + place["h"]),
        )
        cells = {(x, y) for x in xs for y in ys}
        assert not cells & taken, panel["title"]
        assert max(xs) < 24
        taken |= cells
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] in {"short", "bytes", "s"}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    variables = {variable["name"] for variable in content["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(content))) - {"__all"} == variables


def test_grafana_is_told_where_things_are() -> None:
    [source] = load("monitoring/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    [provider] = load("monitoring/grafana/provisioning/dashboards/seisflow.yml")["providers"]
    services = load("compose.yaml")["services"]
    assert source["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in services["prometheus"]["ports"]
    mounts = dict(v.rsplit(":", 1)[0].split(":", 1) for v in services["grafana"]["volumes"])
    inside = {there: DEPLOY / here for here, there in mounts.items()}
    assert DASHBOARD.parent == inside[provider["options"]["path"]]
    assert (inside["/etc/grafana/provisioning"] / "datasources").is_dir()
    [targets] = load("monitoring/prometheus.yml")["scrape_configs"][0]["static_configs"]
    [target] = targets["targets"]
    host, port = target.split(":")
    assert (
        port
        in services[host]["command"][services[host]["command"].index("--dashboard-address") + 1]
    )


def test_every_rule_has_a_test_of_its_own() -> None:
    tests = load("monitoring/rules_test.yml")["tests"]
    tried = {rule["alertname"] for test in tests for rule in test.get("alert_rule_test", [])}
    tried |= {rule["expr"] for test in tests for rule in test.get("promql_expr_test", [])}
    assert tried == {rule.get("alert") or rule["record"] for rule in rules()}
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"warning", "critical"}
            assert rule["annotations"]["summary"]


def test_prometheus_takes_them(tmp_path: Path) -> None:
    promtool = tool("promtool")
    accepts(promtool, "check", "config", FOLDER / "prometheus.yml")
    accepts(promtool, "test", "rules", FOLDER / "rules_test.yml")
    for name in ("rules.yml", "rules_test.yml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    wrong = (tmp_path / "rules.yml").read_text().replace("* 3600 / 86400", "* 3600")
    (tmp_path / "rules.yml").write_text(wrong)
    refuses(promtool, "test", "rules", tmp_path / "rules_test.yml")
