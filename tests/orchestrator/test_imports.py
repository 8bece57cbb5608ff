"""Imports run one way, and what workflows load is free of Django."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
# Modules that Temporal's sandbox, or somebody else's worker, loads without Django.
WITHOUT_DJANGO = [
    "contract", "signing", "workflows", "workflows.step", "workflows.approval",
    "workflows.guarded_task", "workflows.tally", "client", "timeline", "agent", "embedded",
    "periodic",
]  # fmt: skip


def modules(app):
    return sorted(p for p in (ROOT / app).rglob("*.py") if "__pycache__" not in p.parts)


def imported(path):
    """Every module that the file imports, at its top or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def offenders(paths, package):
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imported(path)
        if name == package or name.startswith(f"{package}.")
    ]


class TestDirection:
    def test_the_engine_knows_nothing_of_the_people(self):
        # Settings and addresses put the two apps together; commands may name the other's commands.
        house = {"urls.py", "settings.py"}
        paths = [path for path in modules("orchestrator") if path.name not in house]
        assert len(paths) > 15
        assert offenders(paths, "approvals") == []

    def test_the_people_know_nothing_of_temporal(self):
        paths = [path for path in modules("approvals") if path.name != "activities.py"]
        assert len(paths) > 15
        assert offenders(paths, "temporalio") == []

    def test_the_activities_do(self):
        assert offenders([ROOT / "approvals/activities.py"], "temporalio")

    def test_nothing_of_the_product_imports_its_tests(self):
        assert offenders(modules("approvals") + modules("orchestrator"), "tests") == []


class TestWithoutDjango:
    @pytest.mark.parametrize("name", WITHOUT_DJANGO)
    def test_the_text_names_no_django(self, name):
        stem = ROOT / "orchestrator" / name.replace(".", "/")
        paths = sorted(stem.glob("*.py")) if stem.is_dir() else [stem.with_suffix(".py")]
        assert offenders(paths, "django") == []

    def test_what_is_loaded_is_free_of_it(self):
        """In a process of its own: everything that those modules import in turn."""
        names = [f"orchestrator.{each}" for each in WITHOUT_DJANGO]
        code = (
            f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
            "print(sorted({each.split('.')[0] for each in sys.modules} & {'django', 'approvals'}))"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
        )
        assert found.stdout.strip() == "[]"
