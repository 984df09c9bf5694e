"""The files of a deployment agree with the application, and the programs that read them take them."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gnb.broker import end_with_parent
from gnb.config import QUEUES, ROOT, Settings
from gnb.environment import Environment
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port, on_sqlite

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
APP = json.loads((ROOT / "app.json").read_text())
UNITS = ROOT / "ops/systemd"
RQ_WORKER = "rq worker --config gnb.rq_settings --worker-class gnb.queueing.Worker"
CURRENT = "/srv/gnb-transfer/current"


def test_the_procfile_runs_migrations_web_a_worker_for_each_queue_and_the_scheduler() -> None:
    workers = {f"{queue}_worker": f"{RQ_WORKER} {queue}" for queue in QUEUES}
    assert {
        "release": "flask db upgrade",
        "web": "gunicorn wsgi:app",
        **workers,
        "scheduler": "flask jobs scheduler",
    } == PROCFILE


def test_app_json_starts_every_process_and_sets_variables_that_exist() -> None:
    assert set(APP["formation"]) == set(PROCFILE) - {"release"}
    known = Environment({"APP_ENV": "testing", "SECRET_KEY": "k"})
    Settings.read(known)
    assert set(APP["env"]) <= known.asked
    assert APP["env"]["SECRET_KEY"]["generator"] == "secret"
    values = {name: of["value"] for name, of in APP["env"].items() if "value" in of}
    addons = {"DATABASE_URL": "postgres://user:password@db.example/gnb", "REDIS_URL": "redis://broker.example"}
    asked = {"SECRET_KEY": "3f9a0c71b2d84e56" * 4, "SITE_URL": "https://gnb.example"}
    Settings.from_env({**asked, **addons, **values})


def test_the_aptfile_has_what_bin_setup_looks_for() -> None:
    setup = (ROOT / "bin/setup").read_text()
    looked_for = re.findall(r'\.so\.0", "(lib[^"]+)"', setup) + re.findall(r'print\("(fonts-[^"]+)"\)', setup)
    assert sorted((ROOT / "Aptfile").read_text().split()) == sorted(looked_for)


def test_the_python_of_platforms_is_one_that_the_project_takes() -> None:
    needed = re.search(r'requires-python = ">=(3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert needed and needed[1] == (ROOT / ".python-version").read_text().strip()


@pytest.mark.parametrize(
    ("dyno", "given", "made"),
    [
        ("web.1", "rediss://:p@ec2-1-2-3-4.compute-1.amazonaws.com:6380", "?ssl_cert_reqs=none"),
        ("web.1", "rediss://:p@ec2-1-2-3-4.compute-1.amazonaws.com:6380?ssl_cert_reqs=required", ""),
        ("web.1", "rediss://:p@broker.example:6380", ""),
        ("", "rediss://:p@ec2-1-2-3-4.compute-1.amazonaws.com:6380", ""),
    ],
)
def test_the_profile_trusts_the_platforms_own_broker_alone(dyno: str, given: str, made: str) -> None:
    command = ["bash", "-euc", '. ./.profile; printf %s "$REDIS_URL"']
    env = {"PATH": os.environ["PATH"], "DYNO": dyno, "REDIS_URL": given}
    found = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    assert found == given + made
    assert Settings.from_env({"APP_ENV": "testing", "SECRET_KEY": "k", "REDIS_URL": found}).redis_url == found


# The container image


def test_compose_starts_the_processes_of_the_procfile_with_settings_that_production_takes() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    servers = {"database", "broker"}
    assert {name: of["command"] for name, of in services.items() if name not in servers} == PROCFILE
    assert all("release" in of["depends_on"] for name, of in services.items() if name not in servers | {"release"})
    for name in PROCFILE:
        written = services[name]["environment"]
        given = {"SECRET_KEY": "3f9a0c71b2d84e56" * 4, "POSTGRES_PASSWORD": "secret"}
        filled = {
            key: re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda part, given=given: given.get(part[1], part[2]), str(value))
            for key, value in written.items()
        }
        settings = Settings.from_env({**filled, "BIND": "0.0.0.0"})
        assert settings.database_url == "postgresql+psycopg://gnb:secret@database:5432/gnb"
        assert float(services[name]["stop_grace_period"].rstrip("s")) > settings.worker_shutdown_grace


def test_hadolint_finds_nothing_in_the_dockerfile_whose_user_has_no_rights() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert f"FROM python:{(ROOT / '.python-version').read_text().strip()}-slim-bookworm" in lines


def test_the_files_of_the_image_are_enough_to_start_the_application(tmp_path: Path) -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in kept:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    variables = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "3f9a0c71b2d84e56" * 4,
        "SITE_URL": "https://gnb.example",
        "DATABASE_URL": f"sqlite:///{tmp_path}/gnb.db",
        "EMAIL_PROVIDER": "sink",
    }
    flask = Path(sys.executable).with_name("flask")
    command = [sys.executable, flask, "db", "upgrade"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config", "wsgi:app"],
        cwd=tmp_path, env=variables, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr


# systemd


def test_units_start_what_the_procfile_starts() -> None:
    commands = [_value(unit.read_text(), "ExecStart") for unit in UNITS.glob("*.service")]
    expected = {
        command.replace("Worker export", "Worker %i") for name, command in PROCFILE.items() if name != "release"
    }
    started = {command.removeprefix(f"{CURRENT}/.venv/bin/") for command in commands}
    assert started == {command for command in expected if not command.endswith(("email", "ai", "scheduled"))}


@pytest.mark.parametrize("unit", ["gnb-web.service", "gnb-worker@.service"])
def test_units_wait_longer_than_their_processes_may_take_to_finish(unit: str) -> None:
    text = (UNITS / unit).read_text()
    assert (
        float(_value(text, "TimeoutStopSec"))
        >= Settings.from_env({"APP_ENV": "testing", "SECRET_KEY": "k"}).worker_shutdown_grace + 10
    )
    assert _value(text, "KillMode") == "mixed"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    folder = tmp_path / "etc/systemd/system"
    shutil.copytree(UNITS, folder)
    shutil.copy(folder / "gnb-worker@.service", folder / "gnb-worker@export.service")
    programs = tmp_path / f"{CURRENT}/.venv/bin".lstrip("/")
    programs.mkdir(parents=True)
    for name in ("gunicorn", "flask", "rq"):
        (programs / name).touch(0o755)
    for unit in ("gnb-web.socket", "gnb-web.service", "gnb-worker@export.service", "gnb-scheduler.service"):
        command = ["systemd-analyze", "verify", f"--root={tmp_path}", "--man=no", "--recursive-errors=no", unit]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_gnb_flask_runs_commands_with_the_settings_of_the_file(tmp_path: Path) -> None:
    settings = tmp_path / "gnb-transfer.env"
    settings.write_text(
        f"APP_ENV=testing\nSECRET_KEY=k\nPORT=5099\nEMAIL_FROM='GNB Transfer <a@b.example>'\nDATABASE_URL=sqlite:///{tmp_path}/x.db\n"
    )
    env = {"PATH": os.environ["PATH"], "RELEASE": str(ROOT), "SETTINGS": str(settings)}
    command = [str(ROOT / "ops/gnb-flask"), "shell"]
    question = "from gnb.extensions import settings; s = settings(); print(s.port, s.email_from)"
    done = subprocess.run(command, env=env, input=question, capture_output=True, text=True, timeout=60)
    assert "5099 GNB Transfer <a@b.example>" in done.stdout


def _value(text: str, name: str) -> str:
    found = re.search(rf"^{name}=(.+)$", text, re.MULTILINE)
    assert found, name
    return found[1]


# nginx

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture
def proxied(settings: Settings, tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """The application behind nginx with the project's configuration: ports for http and https, and the certificate."""
    web, plain, secure = free_port(), free_port(), free_port()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=gnb.example", "-addext", "subjectAltName=DNS:gnb.example"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *subject]
    subprocess.run(make, check=True, capture_output=True)
    text = (ROOT / "ops/nginx/gnb-transfer.conf").read_text()
    for old, new in {
        "/etc/letsencrypt/live/gnb.example/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/gnb.example/privkey.pem": str(key),
        "443 ssl": f"{secure} ssl",
        ":80;": f":{plain};",
        "listen 80;": f"listen {plain};",
        "127.0.0.1:5000": f"127.0.0.1:{web}",
        "/var/log/nginx/gnb-transfer.log": str(tmp_path / "access.log"),
    }.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "site.conf").write_text(text)
    head = f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}"
    folders = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(f"{head} http {{ access_log off; {folders} include {tmp_path}/site.conf; }}")
    own = {"APP_ENV": "testing", "SECRET_KEY": "k" * 32, "PORT": str(web), "WEB_CONCURRENCY": "1"}
    own |= {"SITE_URL": "https://gnb.example", "TRUSTED_PROXIES": "1"}
    own |= {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "PATH": os.environ["PATH"]}
    commands = [[sys.executable, "-m", "gunicorn", "wsgi:app"], [str(NGINX), "-c", str(tmp_path / "nginx.conf")]]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent
        )
        for command in commands
    ]
    try:
        yield plain, secure, certificate
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(40)


@on_sqlite
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_passes_requests_on_by_tls(proxied: tuple[int, int, Path]) -> None:
    plain, secure, certificate = proxied
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False  # it is asked for by address; the certificate is checked all the same

    def ask(path: str, tls: bool = True) -> http.client.HTTPResponse | None:
        port = secure if tls else plain
        kind = (
            http.client.HTTPSConnection("127.0.0.1", port, context=context)
            if tls
            else http.client.HTTPConnection("127.0.0.1", port)
        )
        try:
            kind.request("GET", path, headers={"Host": "gnb.example", "X-Forwarded-For": "203.0.113.9"})
            return kind.getresponse()
        except OSError:
            return None

    answer = wait_for(lambda: (found := ask("/readyz")) and found.status == 200 and found, 60)
    assert answer.headers["Strict-Transport-Security"]
    assert (moved := ask("/login", tls=False)) and moved.headers["Location"] == "https://gnb.example/login"
    assert (metrics := ask("/metrics")) and metrics.status == 200
