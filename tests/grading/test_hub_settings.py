"""What a hub refuses to start with, and the values for Kubernetes."""
import importlib.util
import json
import os
import re
from types import SimpleNamespace

import pytest
import yaml
from traitlets.config import Config

from grading.exchange import uid_of
from grading.sandbox import ROOT

HUB = ROOT / "deploy" / "jupyterhub"
GOOD = (HUB / "hub.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hub():
    """Return the module hub_settings, which is no part of a package."""
    found = importlib.util.spec_from_file_location("hub_settings", HUB / "hub_settings.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def read(hub, folder, text):
    """Return the settings that a text holds."""
    (folder / "hub.toml").write_text(text, encoding="utf-8")
    return hub.read_settings(folder / "hub.toml")


def test_settings_as_given_are_read(hub):
    rows = hub.read_settings(HUB / "hub.toml")
    assert (rows["address"], rows["port"], rows["login"]["kind"]) == ("127.0.0.1", 8000, "pam")


@pytest.mark.parametrize(("old", "new", "says"), [
    ('students = "students"', "", "hub: students must be set in"),
    ('kind = "pam"', 'kind = "dummy"', 'hub: [login] kind must be "pam" or "shared", got dummy'),
    ('"127.0.0.1"', '"0.0.0.0"', "[tls] must have key and cert where address is not 127.0.0.1, got 0.0.0.0"),
    ("# servers = 40 ", "servers = 0 ", "hub: servers must be a number from 1, got 0"),
    ('kind = "pam"', "kind = pam", "must be a TOML file, got Invalid value"),
], ids=["no group", "a login without passwords", "open without encryption", "no servers", "no TOML"])
def test_unsafe_settings_are_refused(hub, tmp_path, old, new, says):
    assert GOOD.count(old) == 1
    with pytest.raises(ValueError, match=re.escape(says)):
        read(hub, tmp_path, GOOD.replace(old, new))


def test_as_many_servers_run_as_the_memory_holds(hub, tmp_path, monkeypatch):
    have = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 24 * 2**30 // 4096}
    monkeypatch.setattr(os, "sysconf", have.get)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert (read(hub, tmp_path, GOOD)["servers"], hub.starts()) == (48, 40)
    assert read(hub, tmp_path, GOOD.replace("# servers = 40 ", "servers = 7 "))["servers"] == 7
    have["SC_PHYS_PAGES"] = 1
    assert read(hub, tmp_path, GOOD)["servers"] == 1


def test_shared_password_stays_on_this_machine(hub, tmp_path):
    shared = GOOD.replace('kind = "pam"', 'kind = "shared"')
    assert read(hub, tmp_path, shared)["login"]["kind"] == "shared"
    with pytest.raises(ValueError, match=r"a shared password is for this machine alone, got address 0\.0\.0\.0"):
        read(hub, tmp_path, shared.replace('"127.0.0.1"', '"0.0.0.0"'))


def test_course_that_others_can_enter_is_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "course.toml").touch()
    tmp_path.chmod(0o750)
    with pytest.raises(ValueError, match="the course's folder must have mode 700, got 750; run: chmod 700"):
        hub.check_machine({"course": tmp_path})


def test_hub_of_an_ordinary_user_is_refused(hub, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ValueError, match="hub: must be started by root"):
        hub.check_machine({})


def test_kubernetes_gives_each_user_the_number_that_collecting_expects():
    values = yaml.safe_load((HUB / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))
    config = Config()
    exec(values["hub"]["extraConfig"]["course"], {"c": config})
    ada, teacher = (SimpleNamespace(user=SimpleNamespace(name=name)) for name in ("ada", "teacher"))
    assert config.KubeSpawner.uid(ada) == uid_of("ada") != config.KubeSpawner.uid(teacher)
    folders = [config.KubeSpawner.environment["JUPYTER_CONFIG_PATH"](each) for each in (ada, teacher)]
    assert folders == ["/opt/cnn/jupyter/students", "/opt/cnn/jupyter/instructors"]
    assert {path.name for path in (HUB / "jupyter").iterdir()} == {"students", "instructors"}


def test_kubernetes_mounts_the_exchange_that_is_made():
    values = yaml.safe_load((HUB / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))
    claim, job = yaml.safe_load_all((HUB / "exchange.yaml").read_text(encoding="utf-8"))
    volume, = values["singleuser"]["storage"]["extraVolumes"]
    made = claim["metadata"]["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == made
    assert job["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == made


def test_only_the_instructor_gets_the_pages_of_grading():
    found = {}
    for who in ("students", "instructors"):
        rows = json.loads((HUB / "jupyter" / who / "jupyter_server_config.json").read_text(encoding="utf-8"))
        found[who] = rows["ServerApp"]["jpserver_extensions"]["nbgrader.server_extensions.formgrader"]
    assert found == {"students": False, "instructors": True}
