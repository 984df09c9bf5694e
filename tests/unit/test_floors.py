"""Each floor imports the floors below it only; the engine knows no Flask and no database."""

import subprocess
import sys

from gnb.config import ROOT

# In a process of its own: the linter sets up logging for itself and silences every logger there is.
CHECK = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def test_no_floor_imports_one_above_it() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
