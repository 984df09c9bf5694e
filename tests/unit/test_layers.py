"""Each layer imports the layers below it only, and there is one door to the queues."""

import ast
import subprocess
import sys
from pathlib import Path

from gnb.config import ROOT

# In a process of its own: the linter sets up logging for itself and silences every logger there is.
CHECK = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

ENGINE = {("gnb.extensions", "engine"), ("gnb.queueing", "Queue"), ("gnb.queueing", "Engine")}

# These run or measure the engine itself: workers and scheduler, health checks and metrics, the application's start.
RUNS_THE_ENGINE = {"gnb/cli/worker.py", "gnb/blueprints/ops"}


def test_no_layer_imports_one_above_it() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_blueprints_commands_and_jobs_do_not_use_the_engine_beside_its_service() -> None:
    layers = [path for layer in ("blueprints", "cli", "jobs") for path in (ROOT / "gnb" / layer).rglob("*.py")]
    others = [path.relative_to(ROOT) for path in layers]
    checked = [path for path in others if not RUNS_THE_ENGINE & {str(path), str(path.parent)}]
    assert len(checked) > 20
    assert {str(path) for path in checked if _imported(path) & ENGINE} == set()


def _imported(path: Path) -> set[tuple[str | None, str]]:
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return {(node.module, name.name) for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
