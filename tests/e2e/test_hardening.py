"""What the running containers are allowed, asked of the engine and of the server, not read from the compose file."""

from typing import Any

import pytest

from tests.compose import PROJECT, SERVICES, ComposedDateline
from tests.scenario import Dateline

OWN = ("fetcher", "parser", "indexer")


@pytest.fixture(scope="module", params=SERVICES)
def container(request: pytest.FixtureRequest, composed: ComposedDateline) -> dict[str, Any]:
    """What the engine says of each running container."""
    return composed.inspect(request.param)


def test_it_is_healthy(container: dict[str, Any]) -> None:
    assert container["State"]["Health"]["Status"] == "healthy"


def test_its_user_is_not_root(container: dict[str, Any]) -> None:
    assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}


def test_it_writes_to_its_volumes_only(container: dict[str, Any]) -> None:
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    written = {mount["Destination"] for mount in container["Mounts"] if mount["RW"]}
    expected = {
        "redis": {"/data"},
        "fetcher": {"/data/blobs", "/data/ledger"},
        "parser": {"/data/blobs"},
        "indexer": {"/data/index"},
    }
    assert expected[container["Config"]["Labels"]["com.docker.compose.service"]] == written


def test_it_has_no_capabilities_and_can_gain_none(container: dict[str, Any]) -> None:
    host = container["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]


def test_its_memory_and_processes_are_limited(container: dict[str, Any]) -> None:
    host = container["HostConfig"]
    assert 0 < host["Memory"] == host["MemorySwap"]
    assert 0 < host["PidsLimit"] <= 256


def test_it_is_started_again_and_its_log_does_not_fill_the_disk(container: dict[str, Any]) -> None:
    host = container["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert {"max-file", "max-size"} <= host["LogConfig"]["Config"].keys()


def test_it_does_not_reach_the_engine_or_the_host(container: dict[str, Any]) -> None:
    assert [] == [mount for mount in container["Mounts"] if "docker.sock" in mount["Source"]]
    host = container["HostConfig"]
    assert host["NetworkMode"] != "host"
    assert "host" not in {host["PidMode"], host["IpcMode"]}


def test_only_what_people_send_to_or_ask_is_published_and_on_this_machine_only(composed: ComposedDateline) -> None:
    published = {}
    for service in SERVICES:
        ports = composed.inspect(service)["NetworkSettings"]["Ports"]
        published[service] = {where["HostIp"] for port in ports.values() for where in port or []}
    here = {"127.0.0.1"}
    assert {"redis": set(), "fetcher": here, "parser": set(), "indexer": here} == published


def test_each_service_has_the_networks_it_needs_and_parsers_no_way_out(composed: ComposedDateline) -> None:
    networks = {service: set(composed.inspect(service)["NetworkSettings"]["Networks"]) for service in SERVICES}
    bus, edge, intake = f"{PROJECT}_bus", f"{PROJECT}_edge", f"{PROJECT}_intake"
    assert {"redis": {bus}, "fetcher": {bus, intake}, "parser": {bus}, "indexer": {bus, edge}} == networks


@pytest.mark.parametrize("service", OWN)
def test_an_image_holds_its_own_service_and_no_other(composed: ComposedDateline, service: str) -> None:
    look = "import os; print(*sorted(set(os.listdir('/app')) | set(os.listdir('/app/services'))))"
    found = composed.execute(service, "python", "-c", look).split()
    assert {"__init__.py", "services", "shared", service} == set(found) - {"__pycache__"}


@pytest.mark.parametrize(
    ("service", "foreign"), [("fetcher", "trafilatura"), ("parser", "tantivy"), ("indexer", "watchfiles")]
)
def test_an_image_holds_no_other_services_libraries(composed: ComposedDateline, service: str, foreign: str) -> None:
    look = f"import importlib.util as u; print(u.find_spec({foreign!r}), u.find_spec('pytest'))"
    assert composed.execute(service, "python", "-c", look).strip() == "None None"


def ask_redis(composed: ComposedDateline, user: str, *command: str) -> str:
    return composed.execute("redis", "redis-cli", "--no-auth-warning", "--user", user, "--pass", user, *command)


def test_redis_answers_no_stranger(composed: ComposedDateline) -> None:
    assert "NOAUTH" in composed.execute("redis", "redis-cli", "ping")


@pytest.mark.parametrize("user", OWN)
@pytest.mark.parametrize(
    "command",
    [
        ("flushall",),
        ("config", "get", "*"),
        ("keys", "*"),
        ("shutdown",),
        ("acl", "list"),
        ("get", "somebody.elses"),
        ("publish", "channel", "text"),
        ("xtrim", "documents.fetched", "maxlen", "0"),
        ("xgroup", "destroy", "documents.fetched", "parser"),
        ("del", "documents.fetched"),
    ],
    ids=" ".join,
)
def test_a_services_user_can_do_its_work_only(composed: ComposedDateline, user: str, command: tuple[str, ...]) -> None:
    assert "NOPERM" in ask_redis(composed, user, *command)


def test_redis_writes_everything_to_disk(composed: ComposedDateline) -> None:
    persistence = ask_redis(composed, "fetcher", "info", "persistence")
    assert "aof_enabled:1" in persistence
    assert "maxmemory_policy:noeviction" in ask_redis(composed, "fetcher", "info", "memory")


def test_the_page_and_the_api_are_there(composed: ComposedDateline) -> None:
    dateline: Dateline = composed.dateline
    assert dateline.get("/readyz")["ready"] is True
