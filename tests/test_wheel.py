"""The wheel holds what a stranger needs, and nothing else; the demo from it is in test_demo.py."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

from whole_runs import GRAPHS, ROOT, SEEDS, bare_environment


def test_the_wheel_holds_data_templates_and_types_but_no_tests(installed):
    names = zipfile.ZipFile(installed.wheel).namelist()
    data = {name.removeprefix("wildgraph/_data/") for name in names if name.startswith("wildgraph/_data/")}
    assert {f"graphs/{file.name}" for file in GRAPHS.iterdir()} <= data
    assert {f"seed_queries/{file.name}" for file in SEEDS.iterdir() if file.suffix in (".jsonl", ".md")} <= data
    assert "wildgraph/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"wildgraph"}
    assert not [name for name in names if "test" in name.lower() or name.endswith((".pyc", ".sqlite"))]


def test_every_file_of_the_package_travels(installed):
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    package = ROOT / "wildgraph"
    here = {f"wildgraph/{file.relative_to(package).as_posix()}" for file in package.rglob("*") if file.is_file()}
    assert {name for name in here if "__pycache__" not in name} <= names


def test_the_installed_command_does_not_see_the_checkout(installed, tmp_path: Path):
    python = installed.command.parent / "python"
    script = installed.command.read_text(encoding="utf-8")
    assert str(python) in script
    where = tmp_path / "where.py"
    where.write_text(
        "import sys, wildgraph, wildgraph.demo as d; print(wildgraph.__file__); print(d.seed_folder()); print(*sys.path, sep='\\n')"
    )
    said = subprocess.run(
        [python, str(where)], cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert Path(said[0]).is_relative_to(installed.command.parents[1])
    assert Path(said[1]).is_relative_to(installed.command.parents[1])
    assert str(ROOT) not in said


def test_the_installed_command_knows_its_version_and_its_commands(installed, tmp_path: Path):
    assert installed("--version", cwd=tmp_path).stdout.startswith("wildgraph, version ")
    assert "sample" in installed("--help", cwd=tmp_path).stdout


def test_graphs_of_the_wheel_can_be_viewed(installed, tmp_path: Path):
    (packages,) = installed.command.parents[1].glob("lib/python*/site-packages")
    done = installed("view", packages / "wildgraph/_data/graphs", "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_a_wheel_without_its_data_says_so(installed, tmp_path: Path):
    """Somebody repackaged it without the data."""
    home = installed.command.parents[1]
    (packages,) = home.glob("lib/python*/site-packages")
    bare = shutil.copytree(packages / "wildgraph", tmp_path / "bare/wildgraph", ignore=shutil.ignore_patterns("_data", "__pycache__"))
    (tmp_path / "run.py").write_text(
        f"import sys; sys.path.insert(0, {str(bare.parent)!r}); from wildgraph.cli import main; sys.exit(main(['demo', '-o', 'out']))"
    )
    done = subprocess.run(
        [home / "bin/python", "run.py"], cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("wildgraph: the seed queries are not part of this installation")
    assert not (tmp_path / "out").exists()


def test_the_metadata_names_the_base_dependencies(installed):
    wheel = zipfile.ZipFile(installed.wheel)
    (metadata,) = [wheel.read(name).decode() for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    needed = {
        line.partition(": ")[2].split(">")[0].split(";")[0].strip() for line in metadata.splitlines() if line.startswith("Requires-Dist")
    }
    assert {"networkx", "openai", "scikit-learn", "sentence-transformers", "pandas", "pydantic"} <= needed
    assert "License-Expression: Apache-2.0" in metadata


def test_the_installed_package_is_a_command_too(installed, tmp_path: Path):
    python = installed.command.parent / "python"
    by_name = subprocess.run(
        [str(installed.command), "--version"], cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=True
    )
    by_package = subprocess.run(
        [python, "-m", "wildgraph", "--version"], cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=True
    )
    assert by_name.stdout == by_package.stdout != ""
