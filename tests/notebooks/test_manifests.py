"""Kubernetes would take the manifests of notebook 14, and dask-kubernetes makes the same."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import nbformat
import pytest
import yaml

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "14_clusters_and_faults.ipynb"


@pytest.fixture(scope="module")
def manifests():
    """Return the manifests of the notebook by their kind."""
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        found = re.search(r'^manifest = """\n(.*?)^"""', cell.source, re.M | re.S)
        if found:
            return {one["kind"]: one for one in yaml.safe_load_all(found[1])}
    pytest.fail("no cell with a manifest")


def strict(schema):
    """Return a schema that lets no unknown field pass, as Kubernetes does when it is strict."""
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items() if key != "properties"} | (
        {"properties": {name: strict(value) for name, value in schema["properties"].items()}}
        if isinstance(schema.get("properties"), dict)
        else {}
    )
    if schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("type", None)
    return schema


@cache
def definition(kind):
    """Return the operator's own definition (CRD) of a kind of manifest."""
    package = pytest.importorskip(
        "dask_kubernetes", reason="dask-kubernetes is not installed (extra: kubernetes)"
    )
    folder = Path(package.__file__).parent / "operator" / "deployment" / "helm"
    (path,) = folder.glob(f"*/crds/{kind.lower()}.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 6,000 lines: C is ten times as fast
    return yaml.load(path.read_text(encoding="utf-8"), loader)


def fault(manifest):
    """Return what the definition says against a manifest, or None."""
    crd = definition(manifest["kind"])["spec"]
    (version,) = [one for one in crd["versions"] if one["served"]]
    assert manifest["apiVersion"] == f"{crd['group']}/{version['name']}"
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
    return next((f"{error.json_path}: {error.message}" for error in errors), None)


def test_the_manifests_are_of_one_cluster(manifests):
    """The autoscaler names the cluster; only its own pods and the operator may connect to it."""
    cluster, scaler, policy = (
        manifests[kind]["spec"] for kind in ("DaskCluster", "DaskAutoscaler", "NetworkPolicy")
    )
    assert scaler["cluster"] == manifests["DaskCluster"]["metadata"]["name"]
    pods = policy["podSelector"]
    assert pods["matchLabels"].items() <= cluster["scheduler"]["service"]["selector"].items()
    operator = {"matchLabels": {"kubernetes.io/metadata.name": "dask-operator"}}
    assert policy["ingress"] == [{"from": [{"podSelector": pods}, {"namespaceSelector": operator}]}]


def test_the_image_is_pinned(manifests):
    """All pods run one image with a version, start programs of Dask and install nothing."""
    spec = manifests["DaskCluster"]["spec"]
    pods = [spec[part]["spec"]["containers"][0] for part in ("scheduler", "worker")]
    (image,) = {pod["image"] for pod in pods}
    assert re.fullmatch(r"registry\.example\.org/\S+:\d+\.\d+\.\d+", image)
    assert not any("env" in pod for pod in pods)
    for pod in pods:
        subprocess.run([sys.executable, "-m", *pod["args"][:2], "--help"], check=True)
    assert "-c /course/constraints.txt /course" in NOTEBOOK.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["DaskCluster", "DaskAutoscaler"])
def test_the_operator_takes_it(manifests, kind):
    """The manifest obeys the schema with which Kubernetes checks it."""
    assert fault(manifests[kind]) is None


def test_a_wrong_field_is_found(manifests):
    """The schema is not one that takes anything."""
    cluster = yaml.safe_load(yaml.safe_dump(manifests["DaskCluster"]))
    cluster["spec"]["worker"]["spec"]["containers"][0]["arguments"] = []
    assert "arguments" in fault(cluster)


def test_dask_kubernetes_makes_the_same(manifests):
    """But for the frames' volume and the commands, the cluster is what KubeCluster submits."""
    operator = pytest.importorskip(
        "dask_kubernetes.operator", reason="dask-kubernetes is not installed (extra: kubernetes)"
    )
    cluster = yaml.safe_load(yaml.safe_dump(manifests["DaskCluster"]))
    pod = cluster["spec"]["worker"]["spec"]
    (container,) = pod["containers"]
    mounted = {one["name"] for one in container.pop("volumeMounts")}
    assert mounted == {one["name"] for one in pod.pop("volumes")}
    made = operator.make_cluster_spec(
        cluster["metadata"]["name"],
        image=container["image"],
        n_workers=cluster["spec"]["worker"]["replicas"],
        resources=container["resources"],
        idle_timeout=cluster["spec"]["idleTimeout"],
    )
    for part in ("scheduler", "worker"):
        (container,) = made["spec"][part]["spec"]["containers"]
        assert not container.pop("env")
        assert container["args"].pop(0) == f"dask-{part}"  # which Dask no longer installs
        container["args"][:0] = ["dask", part]
    assert cluster == made
