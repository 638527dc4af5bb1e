"""The compose file says what it should, as far as that shows without a Docker engine."""

import importlib.metadata
import re
import shlex
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrieval.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
NODES = ["qdrant-1", "qdrant-2", "qdrant-3"]
ENGINES = ["qdrant", *NODES]
ALL = pytest.mark.parametrize("name", SERVICES)


def test_there_are_one_server_and_a_cluster_of_three() -> None:
    plain = {name for name, service in SERVICES.items() if "profiles" not in service}
    cluster = {name for name, service in SERVICES.items() if service.get("profiles") == ["cluster"]}
    assert plain == {"assay", "qdrant"}
    assert cluster == {"assay-cluster", *NODES}
    assert plain | cluster == set(SERVICES)


@ALL
def test_every_image_is_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


def test_assays_image_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in ("assay", "assay-cluster"):
        assert SERVICES[name]["image"] == f"assay:{project['version']}"


def test_the_server_is_of_the_clients_version() -> None:
    client = importlib.metadata.version("qdrant-client").rpartition(".")[0]
    for name in ENGINES:
        assert SERVICES[name]["image"].startswith(f"qdrant/qdrant:v{client}.")


@ALL
def test_what_a_service_stores_is_on_a_volume_of_its_own(name: str) -> None:
    (mount,) = SERVICES[name]["volumes"]
    volume, _, path = mount.partition(":")
    assert volume in COMPOSE["volumes"]
    assert path == ("/qdrant/storage" if name in ENGINES else "/data")
    mounts = [mount for service in SERVICES.values() for mount in service["volumes"]]
    assert len({mount.partition(":")[0] for mount in mounts}) == len(SERVICES)


@ALL
def test_only_assay_is_published_and_only_to_this_machine(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert len(ports) == (0 if name in ENGINES else 1)
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert all(port.endswith(f":{Settings.model_fields['port'].default}") for port in ports)


@ALL
def test_a_service_waits_for_what_it_needs_to_be_healthy(name: str) -> None:
    needed = {
        "assay": ["qdrant"],
        "assay-cluster": NODES,
        "qdrant-2": ["qdrant-1"],
        "qdrant-3": ["qdrant-1"],
    }
    expected = {other: {"condition": "service_healthy"} for other in needed.get(name, [])}
    assert SERVICES[name].get("depends_on", {}) == expected
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["assay", "assay-cluster"])
def test_assay_is_set_up_by_settings_that_there_are_and_asks_for_a_key(name: str) -> None:
    environment = SERVICES[name]["environment"]
    given = {key.removeprefix("ASSAY_").lower(): value for key, value in environment.items()}
    assert re.match(r"\$\{ASSAY_API_KEY:\?.+\}$", given["api_key"])
    settings = Settings(**{**given, "api_key": "a key"})
    assert settings.host == "0.0.0.0"
    hosts = [*SERVICES, *SERVICES["qdrant-1"]["networks"]["default"]["aliases"]]
    assert settings.qdrant_url in [f"http://{host}:6333" for host in hosts]


def test_the_clusters_collections_are_sharded_and_replicated() -> None:
    environment = SERVICES["assay-cluster"]["environment"]
    assert int(environment["ASSAY_QDRANT_SHARDS"]) % len(NODES) == 0
    assert int(environment["ASSAY_QDRANT_REPLICAS"]) == 2


@pytest.mark.parametrize("name", NODES)
def test_a_node_knows_its_own_address_and_that_of_the_first(name: str) -> None:
    node = SERVICES[name]
    program, *options = node["command"]
    given = dict(zip(options[::2], options[1::2], strict=True))
    own = {"--uri": f"http://{name}:6335"}
    first = {} if name == "qdrant-1" else {"--bootstrap": "http://qdrant-1:6335"}
    assert (program, given) == ("./qdrant", own | first)
    assert node["environment"]["QDRANT__CLUSTER__ENABLED"] == "true"
    assert node["networks"]["default"]["aliases"] == ["qdrant-cluster"]


@pytest.fixture
def status() -> Iterator[tuple[int, list[int]]]:
    """A port that answers GET /readyz with the status in the list."""
    answers = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0] if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1], answers
        server.shutdown()


@pytest.mark.parametrize("name", ENGINES)
def test_an_engines_health_check_tells_ready_from_not(
    name: str, status: tuple[int, list[int]]
) -> None:
    port, answers = status
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD"
    assert "6333" in command[-1]
    command[-1] = command[-1].replace("6333", str(port))
    assert subprocess.run(command, timeout=10, check=False).returncode == 0
    answers[0] = 503
    assert subprocess.run(command, timeout=10, check=False).returncode != 0
    command[-1] = command[-1].replace(str(port), "1")
    assert (
        subprocess.run(command, timeout=10, check=False, stderr=subprocess.DEVNULL).returncode != 0
    )


def test_assays_image_is_pinned_runs_as_nobody_special_and_has_a_health_check() -> None:
    steps = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if re.match("[A-Z]", line)]
    said = dict(steps)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", said["FROM"])
    assert said["USER"] == "assay"
    assert "/livez" in DOCKERFILE.partition("HEALTHCHECK")[2]
    assert (said["ENTRYPOINT"], said["CMD"]) == ('["assay"]', '["serve"]')
    for name in ("assay", "assay-cluster"):
        assert SERVICES[name]["build"] == "."


def test_what_the_image_is_made_of_is_there_and_sent_to_the_engine() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, flags=re.MULTILINE):
        *sources, _ = shlex.split(line)
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source.rstrip('/')}\n" in ignored
