"""The lines of docs/api.md run as they are written there, against the application with a worker."""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from gnb.config import ROOT
from gnb.extensions import db, engine
from gnb.services.accounts import users
from tests.integration.engine.conftest import Workers
from tests.servers import on_postgresql

PAGE = (ROOT / "docs/api.md").read_text()
PASSWORD = "a long Passphrase 42"


@on_postgresql
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not installed")
def test_the_lines_of_the_api_page_run_as_written(app: Flask, tmp_path: Path) -> None:
    users.create_admin("admin@gnb-transfer.example", "Ada", PASSWORD, "admin")
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine(), queues=("export",))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        done = _run(_script(server.port), tmp_path)
    finally:
        server.shutdown()
        thread.join()
        workers.stop()
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert done.stdout.endswith("User ID,Name,Email,Role,Language,Registered At\n")


def _script(port: int) -> str:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return "".join(blocks).replace("127.0.0.1:5000", f"127.0.0.1:{port}")


def _run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PASSWORD": PASSWORD}
    command = ["bash", "-exuo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=90)
