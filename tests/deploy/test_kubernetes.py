"""Manifests: against the schemas of Kubernetes and of the Dask operator, and run in part."""

import lzma
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from dask.utils import parse_bytes
from deployed import DEPLOY, load, standing
from deployed_tasks import Question, answer

from seisflow.cli.app import program
from seisflow.engine.connect import connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import read_profile
from seisflow.engine.settings import DASK_SETTINGS, WORKER_ENVIRONMENT
from seisflow.errors import ExitCode

FOLDER = DEPLOY / "kubernetes"
CRDS = Path(__file__).parents[1] / "data" / "dask_operator"
VERSIONS = ("1.29", "1.35")
BUILT_IN = ("namespace", "storage", "network", "job")
OWN = {"cluster": "daskcluster", "gpu-workers": "daskworkergroup"}


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(f"kubernetes/{name}.yaml")
    return found


def pods() -> dict[str, dict[str, Any]]:
    """Return what is said of pods, by what they are."""
    return {
        "scheduler": manifest("cluster")["spec"]["scheduler"]["spec"],
        "worker": manifest("cluster")["spec"]["worker"]["spec"],
        "gpu": manifest("gpu-workers")["spec"]["worker"]["spec"],
        "job": manifest("job")["spec"]["template"]["spec"],
    }


def container(pod: str) -> dict[str, Any]:
    [found] = pods()[pod]["containers"]
    assert isinstance(found, dict)
    return found


def test_every_file_is_of_the_kustomization_or_the_job() -> None:
    kustomization = manifest("kustomization")
    found = {path.name for path in FOLDER.glob("*.yaml")}
    assert set(kustomization["resources"]) == found - {"kustomization.yaml", "job.yaml"}
    assert {path.stem for path in FOLDER.iterdir()} == {*BUILT_IN, *OWN, "kustomization"}
    images = {p["containers"][0]["image"] for name, p in pods().items() if name != "job"}
    [renamed] = kustomization["images"]
    assert images == {renamed["name"]}
    assert container("job")["image"] == f"{renamed['newName']}:{renamed['newTag']}"
    assert manifest("namespace")["metadata"]["name"] == kustomization["namespace"]
    assert manifest("job")["metadata"]["namespace"] == kustomization["namespace"]


def errors_of(content: dict[str, Any], version: str) -> str:
    """Say what the schemas of a version of Kubernetes find wrong; a key not known is wrong."""
    kubernetes = pytest.importorskip("kubernetes_validate")
    try:
        kubernetes.validate(content, version, strict=True)
    except kubernetes.ValidationError as error:
        return str(error.message)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_kinds_of_kubernetes_keep_to_their_schemas(name: str, version: str) -> None:
    content = manifest(name)
    assert errors_of(content, version) == ""
    assert "sepc" in errors_of(content | {"sepc": {}}, version)


@pytest.mark.parametrize("pod", ["scheduler", "worker", "gpu"])
def test_pods_of_the_operators_kinds_are_pods(pod: str) -> None:
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pods()[pod]}
    assert errors_of(whole, VERSIONS[1]) == ""
    whole["spec"]["containers"][0]["imagePullPolcy"] = "Always"
    assert "imagePullPolcy" in errors_of(whole, VERSIONS[1])


def schema(kind: str) -> dict[str, Any]:
    """Return the operator's schema of one of its kinds, strict: what it does not know is wrong."""
    with lzma.open(CRDS / f"{kind}.yaml.xz", "rt") as text:
        [version] = yaml.safe_load(text)["spec"]["versions"]
    assert version["name"] == "v1"
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    for name in ("apiVersion", "kind", "metadata"):  # of all kinds; the API server knows them
        found["properties"].setdefault(name, {})
    forbid_unknown(found)
    return found


def forbid_unknown(tree: Any) -> None:
    if isinstance(tree, list):
        for branch in tree:
            forbid_unknown(branch)
    elif isinstance(tree, dict):
        if isinstance(tree.get("properties"), dict):
            tree.setdefault(
                "additionalProperties", tree.get("x-kubernetes-preserve-unknown-fields", False)
            )
        for branch in tree.values():
            forbid_unknown(branch)


@pytest.mark.parametrize("name", OWN)
def test_kinds_of_the_dask_operator_keep_to_its_schemas(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(schema(OWN[name]))
    assert [error.message for error in check.iter_errors(manifest(name))] == []
    for place, key, value in (
        ((), "replicas", "eight"),
        ((), "replica", 8),
        (("spec",), "containers", None),
        (("spec", "containers", 0), "imagePullPolcy", "Always"),
    ):
        content = manifest(name)
        inner = content["spec"]["worker"]
        for step in place:
            inner = inner[step]
        inner[key] = value
        assert list(check.iter_errors(content)), (key, value)


@pytest.mark.parametrize("pod", ["scheduler", "worker", "gpu", "job"])
def test_pods_have_no_rights_they_do_not_need(pod: str) -> None:
    spec, only = pods()[pod], container(pod)
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001  # that of the image
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert key not in spec
    assert not [v for v in spec["volumes"] if "hostPath" in v]


@pytest.mark.parametrize("pod", ["scheduler", "worker", "gpu", "job"])
def test_pods_see_the_products_and_have_the_numbers_of_the_package(pod: str) -> None:
    spec, only = pods()[pod], container(pod)
    assert {e["name"]: e["value"] for e in only["env"]} == WORKER_ENVIRONMENT
    claim = manifest("storage")["metadata"]["name"]
    claims = {
        v["name"]: v.get("persistentVolumeClaim", {}).get("claimName") for v in spec["volumes"]
    }
    assert claims == {"products": claim, "scratch": None}
    mounted = {m["name"]: m["mountPath"] for m in only["volumeMounts"]}
    assert mounted == {"products": "/products", "scratch": "/tmp"}
    assert only["resources"]["limits"]["memory"] == only["resources"]["requests"]["memory"]


def test_workers_stop_before_the_kernel_stops_them() -> None:
    for pod in ("worker", "gpu"):
        only = container(pod)
        told = only["args"][only["args"].index("--memory-limit") + 1]
        allowed = only["resources"]["limits"]["memory"]
        assert 0.9 < parse_bytes(told) / parse_bytes(allowed + "B") < 1


def test_names_of_the_cluster_fit_together() -> None:
    cluster, group = manifest("cluster"), manifest("gpu-workers")
    name, space = cluster["metadata"]["name"], manifest("kustomization")["namespace"]
    assert group["spec"]["cluster"] == name
    assert group["metadata"]["name"] != f"{name}-default"  # the operator's own
    assert container("gpu")["resources"]["limits"]["nvidia.com/gpu"] == "1"
    service = cluster["spec"]["scheduler"]["service"]
    assert service["type"] == "ClusterIP"  # nobody outside sees the dashboard
    assert service["selector"]["dask.org/cluster-name"] == name
    ports = {p["name"]: p["containerPort"] for p in container("scheduler")["ports"]}
    assert {p["targetPort"]: p["port"] for p in service["ports"]} == ports
    args = container("job")["args"]
    address = f"tcp://{name}-scheduler.{space}.svc.cluster.local:{ports['tcp-comm']}"
    assert args[args.index("--cluster") + 1] == address


def test_only_seisflow_reaches_the_scheduler() -> None:
    policy = manifest("network")["spec"]
    assert policy["podSelector"] == {}  # every pod of the namespace
    assert policy["policyTypes"] == ["Ingress"]
    own, *others = policy["ingress"]
    assert own == {"from": [{"podSelector": {}}]}
    reaching = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: {
            port["port"] for port in rule["ports"]
        }
        for rule in others
        for source in rule["from"]
    }
    assert reaching == {"dask-operator": {8786, 8787}, "monitoring": {8787, 8788}}


def test_the_job_is_a_command_that_there_is() -> None:
    only = container("job")
    assert only["command"] == ["seisflow"]
    name, *args = only["args"]
    group = typer.main.get_command(program())
    command = group.commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, list(args))
    assert context.params["device"] == "auto"
    [rule] = manifest("job")["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [ExitCode.CONFIG, ExitCode.DATA]
    assert rule["onExitCodes"]["containerName"] == only["name"]


@pytest.mark.slow
@pytest.mark.parametrize("pod", ["worker", "gpu"])
def test_commands_of_the_pods_make_a_cluster(pod: str, tmp_path: Path) -> None:
    scheduler, worker = container("scheduler"), container(pod)
    question = Question("q", tuple(WORKER_ENVIRONMENT), tuple(DASK_SETTINGS))
    environment = {entry["name"]: entry["value"] for entry in worker["env"]}
    with (
        standing(
            [*scheduler["command"], *scheduler["args"]],
            [*worker["command"], *worker["args"]],
            environment,
            tmp_path,
        ) as (address, _),
        connect(read_profile(address)) as session,
    ):
        [(_, (environment, settings))] = list(drive(session, answer, [question]))
        [known] = session.client.scheduler_info()["workers"].values()
    assert known["name"] == "w0"
    assert environment == WORKER_ENVIRONMENT
    assert settings == DASK_SETTINGS
