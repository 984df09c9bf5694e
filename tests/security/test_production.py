"""What production refuses to start with, where it listens, and whom it answers."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gnb.broker import BrokerError, EmbeddedBroker
from gnb.config import ROOT, ConfigError, Settings
from tests.security.conftest import PRODUCTION, production


@pytest.mark.parametrize("key", ["", "a", "k" * 64, "password" * 3, "abababababababababababababababababab"])
def test_production_refuses_a_key_that_can_be_guessed(key: str) -> None:
    with pytest.raises(ConfigError, match=r"^SECRET_KEY .*for example SECRET_KEY=\$\(python3") as refused:
        Settings.from_env({**PRODUCTION, "SECRET_KEY": key})
    assert not key or f"={key}" not in str(refused.value)


@pytest.mark.parametrize("name", ["DATABASE_URL", "SITE_URL", "EMAIL_PROVIDER"])
def test_production_has_no_default_for_what_nobody_may_forget(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is required in production"):
        Settings.from_env({**PRODUCTION, name: ""})
    assert Settings.from_env(PRODUCTION).email_provider == "sink"  # asked for by name
    Settings.from_env({"APP_ENV": "testing", "SECRET_KEY": "a"})


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_production_listens_beyond_this_machine_behind_a_proxy_alone(address: str) -> None:
    assert Settings.from_env(PRODUCTION).bind == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"^BIND must be a loopback address in production unless TRUSTED_PROXIES"):
        Settings.from_env({**PRODUCTION, "BIND": address})
    assert production(BIND=address).bind == address


def test_the_web_server_ends_with_one_line_when_it_would_stand_bare() -> None:
    env = {"PATH": os.environ["PATH"], **PRODUCTION, "BIND": "0.0.0.0"}
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("gnb: BIND must be a loopback address")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file", "of another user"])
def test_the_embedded_broker_refuses_a_squatted_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    data = tmp_path / ("long" * 40)
    folder = EmbeddedBroker(data).socket.parent
    assert folder.parent == tmp_path
    if kind == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "a file":
        folder.touch(mode=0o600)
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o777 if kind == "open to others" else 0o700)
        if kind == "of another user":
            if os.getuid() != 0:
                pytest.skip("only root can give a folder away")
            os.chown(folder, 65534, 65534)
    with pytest.raises((BrokerError, FileExistsError)):
        EmbeddedBroker(data).start()


def test_the_embedded_broker_starts_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with EmbeddedBroker(tmp_path / ("long" * 40), durable=False) as broker:
        assert broker.socket.is_relative_to(tmp_path)
        assert broker.socket.parent.stat().st_mode & 0o777 == 0o700
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(broker.socket))


def test_nginx_logs_no_secret_of_an_address() -> None:
    text = (ROOT / "ops/nginx/gnb-transfer.conf").read_text()
    form = text.split("log_format gnb_transfer '")[1].split("'")[0]
    assert not {"$request ", '$request"', "$request_uri", "$args", "$http_referer", "$uri"} & set(form.split())
    assert "$gnb_logged" in form
    assert text.count("access_log /var/log/nginx/gnb-transfer.log gnb_transfer;") == 1
