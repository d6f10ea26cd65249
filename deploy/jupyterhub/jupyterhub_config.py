"""JupyterHub for the course: system users, a process each, nbgrader's exchange. ``start.py`` reads this file."""
import os
import shutil
import sys
from pathlib import Path

HERE = Path(os.environ["CNN_HUB_FILES"])
sys.path.insert(0, str(HERE))
from hub_settings import check_machine, read_settings, starts  # noqa: E402

c = get_config()  # noqa: F821
rows = read_settings(os.environ["CNN_HUB_SETTINGS"])
check_machine(rows)
state, instructor = Path(rows["state"]), rows["instructor"]

# the hub and the proxy from npm; what only they use is on this machine alone, on ports that are free
c.JupyterHub.bind_url = f"http{'s' if rows['tls'] else ''}://{rows['address']}:{rows['port']}"
c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = rows["tls"].get("key", ""), rows["tls"].get("cert", "")
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['CNN_HUB_PORT']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['CNN_PROXY_PORT']}"
c.ConfigurableHTTPProxy.command = os.environ["CNN_PROXY"].split("\n")
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{state / 'hub.sqlite'}"
c.JupyterHub.cleanup_servers = True

# who may log in
if rows["login"]["kind"] == "pam":
    c.JupyterHub.authenticator_class = "pam"
    c.PAMAuthenticator.allowed_groups = {rows["students"]}
    c.PAMAuthenticator.allowed_users = {instructor}
else:
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = rows["login"].get("password")
    c.SharedPasswordAuthenticator.admin_password = rows["login"].get("instructor_password")
    c.SharedPasswordAuthenticator.admin_users = {instructor}  # only with the instructor's password
    c.SharedPasswordAuthenticator.allow_all = True
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self"]}]  # nobody manages another's server

# a process for each user, as that user; with settings of nbgrader that it can read, whatever the clone's rights are
shutil.rmtree(state / "jupyter", ignore_errors=True)
shutil.copytree(HERE / "jupyter", state / "jupyter")
for path in [state / "jupyter", *(state / "jupyter").rglob("*")]:
    path.chmod(0o755 if path.is_dir() else 0o644)


def _settings_of(spawner):
    return str(state / "jupyter" / ("instructors" if spawner.user.name == instructor else "students"))


def _course_of(spawner):
    return rows["course"] if spawner.user.name == instructor else ""


c.JupyterHub.spawner_class = "localprocess"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.ip = "127.0.0.1"
c.Spawner.default_url = "/lab"
c.Spawner.notebook_dir = "~"
c.Spawner.start_timeout = c.Spawner.http_timeout = 300  # a whole class that starts at once shares the cores
c.JupyterHub.concurrent_spawn_limit = starts()  # who comes then is asked to try again
c.JupyterHub.active_server_limit = rows["servers"]
c.Spawner.environment = {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
    "JUPYTER_CONFIG_PATH": _settings_of,
    "CNN_EXCHANGE": rows["exchange"],
    "CNN_COURSE": _course_of,
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # a thread for each core in each server slows all of them down
}
idle = 60 * rows["idle_minutes"]
c.Spawner.args = [f"--ServerApp.shutdown_no_activity_timeout={idle}",
                  f"--MappingKernelManager.cull_idle_timeout={idle}", f"--TerminalManager.cull_inactive_timeout={idle}"]
