"""The house rules that a program can check: public names, one-way imports, light starts, closed vocabularies, short files."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import wildgraph
from wildgraph import errors, shortfall
from wildgraph.reasons import REASONS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "wildgraph"
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in MODULES}
IMPORT_RULES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

HEAVY = ("torch", "sklearn", "pandas", "sentence_transformers", "networkx", "aiohttp", "openai", "scipy", "pyarrow", "transformers")
PUBLIC = [
    "Config",
    "Conversation",
    "Document",
    "FunctionModel",
    "MetaInformation",
    "Pair",
    "Rejection",
    "TaskGraph",
    "TaskSpec",
    "WildgraphError",
    "__version__",
    "build",
    "check_graphs",
    "coverage",
    "diff_datasets",
    "diff_graphs",
    "estimate_build",
    "estimate_sample",
    "explain",
    "export",
    "export_graphs",
    "forget",
    "gate_counts",
    "graph_stats",
    "load_config",
    "merge_graphs",
    "picture",
    "purge",
    "read_graphs",
    "sample",
    "status",
    "view",
]


# ----------------------------------------------------------------- public names


def test_the_public_names_are_these_and_no_others():
    assert wildgraph.__all__ == PUBLIC
    assert set(wildgraph._HOMES) | {"__version__"} == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported_and_stays_the_same(name):
    first = getattr(wildgraph, name)
    assert not hasattr(first, "__path__")
    assert type(first).__name__ != "module"
    assert getattr(wildgraph, name) is first
    if name != "__version__":
        assert first.__doc__


def test_public_names_are_no_modules():
    """A module of that name would take its place as soon as anything imports it."""
    assert not {name for name in PUBLIC if (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()}


def test_type_checkers_see_the_same_names():
    tree = TREES[PACKAGE / "__init__.py"]
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {name: f"wildgraph.{home}" for name, home in wildgraph._HOMES.items()}


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'bulid'"):
        _ = wildgraph.bulid


# ----------------------------------------------------------------- who imports what


def lint(folder):
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_every_import_rule_is_kept():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"Contracts: {len(IMPORT_RULES)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("records.py", "from wildgraph.store import json_line", "one way"),
        ("gates/length.py", "from wildgraph.stages.gate import GateConfig", "one way"),
        ("stages/pair.py", "from wildgraph.stages.walk import WalkConfig", "stages do not know each other"),
        ("pipeline.py", "import openai", "vendor model SDKs"),
    ],
)
def test_a_wrong_import_is_seen(tmp_path, file, line, rule):
    shutil.copytree(PACKAGE, tmp_path / "wildgraph", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / "wildgraph" / file
    target.write_text(f"{target.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    done = lint(tmp_path)
    assert done.returncode == 1
    (broken,) = (shown for shown in done.stdout.splitlines() if shown.endswith("BROKEN"))
    assert broken.startswith(rule)


def test_every_module_stands_in_a_layer():
    (layers,) = (rule["layers"] for rule in IMPORT_RULES if rule["type"] == "layers")
    named = {name.strip() for layer in layers for name in layer.split("|")}
    there = {f"wildgraph.{path.stem}" for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert named == there - {"wildgraph.__init__"}


def test_every_stage_stands_in_the_rule_of_independence():
    (named,) = (rule["modules"] for rule in IMPORT_RULES if rule["type"] == "independence")
    assert set(named) == {f"wildgraph.stages.{path.stem}" for path in (PACKAGE / "stages").glob("*.py") if path.stem != "__init__"}


@pytest.mark.parametrize(
    "start",
    [
        "import wildgraph",
        "from wildgraph.cli import main; main(['--help'])",
        "from wildgraph.cli import main; main(['sample', '--help'])",
        "from wildgraph.cli import main; main(['--version'])",
        "from wildgraph import TaskGraph, WildgraphError, Pair",
    ],
)
def test_a_light_start_imports_nothing_heavy(start):
    code = f"{start}\nimport sys\nprint('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_the_console_script_is_the_one_that_is_tested_here():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"wildgraph": "wildgraph.cli:entry"}
    found = subprocess.run([Path(sys.executable).with_name("wildgraph"), "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.split()[-1] == wildgraph.__version__


@pytest.mark.parametrize("file", MODULES, ids=[file.relative_to(PACKAGE).as_posix() for file in MODULES])
def test_only_the_command_line_prints_and_only_the_store_knows_the_environment(file):
    name = file.relative_to(PACKAGE).as_posix()
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input", "breakpoint"):
            assert name in ("cli.py", "terminal.py"), f"{name}:{node.lineno}"
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and name.startswith(("stages/", "gates/", "paradigms/", "readers/"))
        ):
            pytest.fail(f"{name}:{node.lineno} reads the environment")


@pytest.mark.parametrize("folder", ["utils", "common", "core", "helpers", "misc", "lib"])
def test_there_is_no_drawer_for_odds_and_ends(folder):
    assert not list(PACKAGE.rglob(f"{folder}*"))


# ----------------------------------------------------------------- reasons and errors


def constants(node):
    """String constants of an argument, both branches of a conditional included."""
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def named_reasons():
    """(file, line, reason) wherever code names one outright: in a rejection, a failure, a verdict or a helper that makes one."""
    makers = {"Failure": 0, "Meaning": 1, "failed": 1, "_reject": None}
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            found = set()
            for keyword in node.keywords:
                if keyword.arg == "reason" and called in ("Rejection", "Failure", "Verdict", "Meaning"):
                    found |= constants(keyword.value)
            if called in makers and node.args:
                place = makers[called]
                places = [place] if place is not None else [1, 3]  # a helper's reason comes second, or fourth behind file and line
                found |= {one for at in places if at < len(node.args) for one in constants(node.args[at])}
            yield from ((file.name, node.lineno, one) for one in found if one and " " not in one)


def test_every_reason_that_code_names_is_in_the_vocabulary():
    found = list(named_reasons())
    assert len(found) >= 50
    assert [one for one in found if one[2] not in REASONS] == []


def test_every_reason_in_the_vocabulary_is_used():
    said = {
        node.value
        for file, tree in TREES.items()
        if file.name != "records.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(REASONS) - said == set()


def test_the_tables_of_reasons_elsewhere_know_the_vocabulary():
    assert set(shortfall.RESOURCE) <= set(REASONS)
    assert {*shortfall.RESOURCE.values(), "gates", "model"} == set(shortfall.SAID)


def errors_of_this_package():
    return {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def test_the_tree_of_errors_is_drawn_as_it_is():
    drawn = [line.split("─ ")[-1].split()[0] for line in errors.__doc__.splitlines() if "─ " in line]
    assert set(drawn) | {"WildgraphError"} == set(errors_of_this_package())
    for name, kind in errors_of_this_package().items():
        assert kind.exit_code > 0
        assert str(kind("what", "do this")) == "what — do this"
        assert str(kind("what")) == "what", name


def test_the_reference_names_every_exit_code():
    text = (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    codes = {int(line.split("|")[1]) for line in text.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()}
    # 1 is the root's own, which is never raised; 130 is the shell's word for an interruption
    assert codes - {130} == {kind.exit_code for kind in errors_of_this_package().values()} - {1}
    assert not any(
        isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") == "WildgraphError"
        for tree in TREES.values()
        for node in ast.walk(tree)
    )


def test_the_reference_lists_the_reasons_by_reading_them_off_the_code():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from generated import reasons
    finally:
        sys.path.pop(0)
    shown = reasons()
    assert all(f"| `{reason}` | {kind} | {meaning} |" in shown for reason, (kind, meaning) in REASONS.items())
    assert "<!-- reasons -->" in (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")


# ----------------------------------------------------------------- files

#: Longer than files should be; they may shrink and never grow.
LONGER = {"wildgraph/records.py": 650}
WRITTEN = sorted(
    file
    for folder in ("wildgraph", "seed_queries", "docs")
    for kind in ("*.py", "*.js", "*.html", "*.md")
    for file in (ROOT / folder).rglob(kind)
)


@pytest.mark.parametrize("file", WRITTEN, ids=[file.relative_to(ROOT).as_posix() for file in WRITTEN])
def test_files_are_short(file):
    name = file.relative_to(ROOT).as_posix()
    lines = file.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGER.get(name, 400)
    if name in LONGER:
        assert lines > 400, f"{name} is short now: take it off the list"


def test_the_page_s_own_code_keeps_to_its_budget():
    """Why it is what it is stands in docs/decisions/0024-the-size-of-the-page.md."""
    sizes = [file.stat().st_size for kind in ("*.js", "*.css") for file in (ROOT / "wildgraph" / "explorer").glob(kind)]
    assert 0 < sum(sizes) <= 136_000
