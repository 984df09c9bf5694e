"""What the documentation says is there: commands and their options, files, Python. Nothing comes from elsewhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask
from flask.cli import shell_command

from gnb.config import ROOT
from gnb.extensions import engine
from gnb.queueing import job_types
from tests.servers import on_sqlite

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"\bflask ((?:[a-z-]+\b ?)+[^`\n|…;]*)")
FOLDERS = r"(?:benchmarks|bin|docs|gnb|migrations|ops|static|templates|tests)"


@on_sqlite
def test_every_command_of_the_pages_exists_with_its_options(app: Flask) -> None:
    found = [(page.name, words) for page in PAGES for words in COMMAND.findall(page.read_text())]
    assert len(found) > 60
    known = click.Group(commands={**app.cli.commands, "shell": shell_command})
    wrong = [f"{page}: flask {words}" for page, words in found if not _exists(known, words.split())]
    assert wrong == []


@on_sqlite
def test_every_command_stands_on_its_page_with_its_options(app: Flask) -> None:
    page = (ROOT / "docs/cli.md").read_text()
    assert [
        words for name in ("jobs", "schedules", "users", "demo", "doctor") for words in _unsaid(app, name, page)
    ] == []


def _unsaid(app: Flask, name: str, page: str) -> Iterator[str]:
    command = app.cli.commands[name]
    for own in command.commands.values() if isinstance(command, click.Group) else [command]:
        words = {str(own.name), *(word for option in own.params for word in option.opts if word.startswith("--"))}
        yield from (f"{name} {own.name}: {word}" for word in words if word not in page)


def _exists(command: click.Command, words: list[str]) -> bool:
    """Whether there is such a command: what follows its name are arguments, and options that it has."""
    if isinstance(command, click.Group):
        if not words or words == ["--help"]:
            return True
        following = command.get_command(click.Context(command), words[0])
        return following is not None and _exists(following, words[1:])
    known = {name for option in command.params for name in option.opts} | {"--help"}
    return all(word.rstrip(").,:") in known for word in words if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(rf"`({FOLDERS}/[\w./-]+)`", page.read_text())
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == [path for path in missing if path.startswith(("benchmarks/results", "benchmarks/.venv"))]


def test_every_promise_of_the_security_page_names_tests_that_there_are() -> None:
    page = (ROOT / "docs/security.md").read_text()
    sections = dict(section.split("\n", 1) for section in page.split("\n## ")[1:])
    promises = re.split(r"^- ", sections.pop("What the application enforces"), flags=re.MULTILINE)[1:]
    advice = ("The broker is trusted", "Keys")
    promises += [text for title, text in sections.items() if title not in advice]
    assert len(promises) > 15
    assert [text for text in promises if not re.search(r"`tests/[\w/]+/test_\w+\.py`", text)] == []


@on_sqlite
@pytest.mark.parametrize("page", ["options.md", "migrating.md"])
def test_the_python_of_a_page_runs_as_written(app: Flask, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = list(_python(page))
    assert blocks
    for name in ("_by_name", "_by_path"):  # what a page declares is forgotten afterwards
        monkeypatch.setattr(job_types, name, dict(getattr(job_types, name)))
    for block in blocks:
        exec(compile(block, page, "exec"), {})  # what the page says, on the test's own broker
    assert sum(stats.total for stats in engine().stats()) > 0


def _python(page: str) -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)


def test_the_site_is_built_and_asks_no_other_host_for_anything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pages = {path: path.read_text() for path in tmp_path.rglob("*.html")}
    assert len(pages) > 20
    fetched = re.compile(r'<(?:script|img|iframe|source)[^>]+src="?(?:https?:)?//|<link[^>]+href="?(?:https?:)?//')
    assert [path for path, text in pages.items() if fetched.search(text)] == []
    assert [path for path in tmp_path.rglob("*.css") if re.search(r"url\(\"?https?:", path.read_text())] == []
