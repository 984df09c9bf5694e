"""Each layer imports the layers below it only, and there is one door to the queues."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from gnb.config import ROOT

# In a process of its own: the linter sets up logging for itself and silences every logger there is.
CHECK = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

# These run or measure the engine itself: workers and scheduler, health checks and metrics, the application's start.
RUNS_THE_ENGINE = {"gnb/cli/worker.py", "gnb/cli/scheduler.py", "gnb/blueprints/ops"}

ABOVE_SERVICES = [
    path.relative_to(ROOT)
    for layer in ("blueprints", "cli", "jobs")
    for path in sorted((ROOT / "gnb" / layer).rglob("*.py"))
    if not RUNS_THE_ENGINE & {str(path.relative_to(ROOT)), str(path.relative_to(ROOT).parent)}
]


def test_no_layer_imports_one_above_it() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", ABOVE_SERVICES, ids=str)
def test_blueprints_commands_and_jobs_do_not_use_the_engine_beside_its_service(path: Path) -> None:
    imported = {
        (node.module, name.name)
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert not imported & {("gnb.extensions", "engine"), ("gnb.queueing", "Queue"), ("gnb.queueing", "Engine")}
