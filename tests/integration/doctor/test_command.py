"""The command itself: a line a check, its exit status, and what it says where a library or every font is missing."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from gnb import create_app
from gnb.config import ROOT, Settings
from gnb.extensions import engine
from gnb.services.doctor import installation
from tests.integration.doctor.conftest import run_doctor
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_each_check_is_a_line_with_its_state_and_warnings_are_no_failure(app: Flask) -> None:
    result = run_doctor(app, "--before-start")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[0] for line in lines if line[0] not in ("ok", "warning")] == []
    checks = ("configuration", "database", "migrations", "broker", "eviction", "mail", "documents", "storage")
    assert set(checks) <= {line[1] for line in lines}
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_problem_ends_it_with_3_and_a_line_on_standard_error(settings: Settings) -> None:
    app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0", database_url="sqlite:////no/folder/x.db"))
    with app.app_context():
        result = run_doctor(app)
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: 3 of ")
    assert result.stderr.count("\n") == 1


def test_a_check_that_fails_in_a_way_of_its_own_is_a_problem_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(installation, "check_documents", fail)
    engine().broker.client.hset("gnb:counters", "broken", "not a number")
    result = run_doctor(app)
    assert "RuntimeError: out of cheese" in result.stdout
    assert "workers              the check itself failed: ValueError" in result.stdout


def doctor_process(settings: Settings, **variables: str) -> str:
    """The lines on documents of a `flask doctor` in a process of its own."""
    own = {"APP_ENV": "testing", "SECRET_KEY": "k" * 32, "DATABASE_URL": settings.database_url}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "doctor", "--before-start"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **own, "REDIS_URL": settings.redis_url, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if " documents " in line)


def test_a_machine_without_fonts_is_told_before_a_document_ends_its_worker(settings: Settings, tmp_path: Path) -> None:
    line = doctor_process(settings, FONTCONFIG_FILE=str(no_fonts(tmp_path)))
    assert line.startswith("problem")
    assert line.endswith("apt-get install fonts-dejavu-core")


def test_a_missing_library_is_named_with_its_package(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "libpango-1.0.so.0").write_text("no library")
    line = doctor_process(settings, LD_LIBRARY_PATH=str(tmp_path))
    assert line.startswith("problem")
    assert "libpango-1.0-0" in line.partition("apt-get install")[2]


def test_the_scripts_that_no_font_has_are_named(settings: Settings, tmp_path: Path) -> None:
    path = no_fonts(tmp_path)
    path.write_text(path.read_text().replace(f"{tmp_path}/none", "/usr/share/fonts/truetype/dejavu"))
    made, missing = doctor_process(settings, FONTCONFIG_FILE=str(path)).splitlines()
    assert made.startswith("ok")
    assert missing.startswith("warning")
    assert "no font has Devanagari, Thai, Chinese, Japanese, Korean" in missing
    assert missing.endswith("apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji")


def no_fonts(folder: Path) -> Path:
    """A fontconfig that knows of no font."""
    path = folder / "fonts.conf"
    head = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
    path.write_text(f"{head}<fontconfig><dir>{folder}/none</dir><cachedir>{folder}/cache</cachedir></fontconfig>")
    return path
