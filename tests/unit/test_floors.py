"""Each floor imports the floors below it only; the engine knows no Flask and no database."""

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from gnb.config import ROOT


def test_no_floor_imports_one_above_it() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS
