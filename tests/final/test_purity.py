"""The pure modules stay pure: their imports say so, and so does everything that they import."""

import ast
import sys
from pathlib import Path

import pytest

CHAT = Path(__file__).resolve().parents[2] / "final" / "chat"
PURE = ["confusables", "limits", "log", "names", "protocol", "refusal", "room", "session", "text"]
# What a pure module may use: nothing in it touches the world. (datetime only formats a time that it is given.)
ALLOWED = {"collections", "collections.abc", "dataclasses", "datetime", "enum", "functools", "itertools", "json"}
ALLOWED |= {"math", "re", "typing", "unicodedata", "precis_i18n"}
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "now", "utcnow", "today"}
OPTIONAL = {"metrics": "prometheus_client"}


def imports(module: str) -> tuple[set[str], set[str]]:
    """What a module imports: from the package, and from elsewhere."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse((CHAT / f"{module}.py").read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                outside |= {alias.name for alias in names}
            case ast.ImportFrom(None | "", names, _):
                inside |= {alias.name for alias in names}
            case ast.ImportFrom(str(name), _, level):
                (inside if level else outside).add(name)
    return inside - {"__version__"}, outside


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_nothing_that_touches_the_world(module: str) -> None:
    """Neither itself nor through what it imports of the package."""
    inside, outside = imports(module)
    assert outside <= ALLOWED
    assert inside <= set(PURE)


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_asks_for_no_file_and_no_time(module: str) -> None:
    """Built-in functions need no import."""
    for node in ast.walk(ast.parse((CHAT / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            assert name not in FORBIDDEN_CALLS, f"line {node.lineno}"


def test_imports_run_one_way() -> None:
    """No module is imported by one that it imports; only __main__ knows everyone."""
    modules = [path.stem for path in CHAT.glob("*.py") if path.stem != "__init__"]
    graph = {module: imports(module)[0] for module in modules}

    def reach(module: str, seen: frozenset[str] = frozenset()) -> None:
        assert module not in seen, f"{module} imports itself through {sorted(seen)}"
        for imported in graph.get(module, ()):
            reach(imported, seen | {module})

    for module in modules:
        reach(module)
        assert "__main__" not in graph[module]


@pytest.mark.parametrize(("module", "package"), OPTIONAL.items())
def test_an_optional_package_is_imported_by_its_own_module_alone(module: str, package: str) -> None:
    """And that one by nobody, until it is asked for."""
    for path in CHAT.glob("*.py"):
        _, outside = imports(path.stem)
        assert path.stem == module or not any(name.split(".")[0] == package for name in outside)
        top_level = [
            node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)
        ]
        assert not any(node.level and node.module == module for node in top_level)


def test_the_list_of_pure_modules_is_that_of_the_package() -> None:
    """A module that isn't in the list has been left out on purpose."""
    impure = {"transport", "server", "terminal", "metrics", "history", "tls"}
    modules = {path.stem for path in CHAT.glob("*.py")} - {"__init__", "__main__"}
    assert modules == set(PURE) | impure
    assert sys.version_info >= (3, 11)
