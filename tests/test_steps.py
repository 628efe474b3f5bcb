"""The stages as a series: each is the one before and one feature more, and the page about them is true."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import make_tables  # noqa: E402

SERVER_WORDS = {"start_server", "accept_client", "receive_messages", "send_message_to_clients"}
PROGRAMS = sorted((ROOT / "stages").glob("*/*.py"))


def functions(path: Path) -> list[str]:
    """List the functions and methods of a file, in their order."""
    tree = ast.parse(path.read_text("utf-8"))
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("page", make_tables.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_tables_are_fresh(page: Path) -> None:
    """The tables about the code are what they would be if they were made now."""
    assert page.read_text("utf-8") == make_tables.fresh(page), f"{page} is stale: python docs/make_tables.py"


def test_the_server_of_04_is_that_of_03() -> None:
    """The last stage changes the client alone."""
    third, fourth = (ROOT / "stages" / folder / "server.py" for folder in ("03_broadcast", "04_tk_client"))
    assert third.read_bytes() == fourth.read_bytes()


@pytest.mark.parametrize("folder", make_tables.FOLDERS)
def test_the_words_of_the_specification_are_there(folder: str) -> None:
    """The functions have the names that the specification gives them."""
    assert set(functions(ROOT / "stages" / folder / "server.py")) >= SERVER_WORDS
    assert "send_message" in functions(ROOT / "stages" / folder / "client.py")


@pytest.mark.parametrize("name", ["server.py", "client.py"])
@pytest.mark.parametrize(("before", "after"), [("01_echo", "02_usernames"), ("02_usernames", "03_broadcast")])
def test_functions_keep_their_names_and_order(before: str, after: str, name: str) -> None:
    """A stage inserts functions among those of the one before; what stays, stays in order."""
    earlier, later = (functions(ROOT / "stages" / folder / name) for folder in (before, after))
    kept = [function for function in later if function in earlier]
    assert kept == [function for function in earlier if function in later]
    assert set(earlier) <= set(later), "a function of the stage before is gone"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_stage_needs_the_standard_library_alone(path: Path) -> None:
    """A learner runs a stage with nothing but Python."""
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    outside = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert not outside, f"{path} imports {outside}"


def test_no_check_uses_a_bare_assert() -> None:
    """Who fails a check of the suites reads a sentence: an assert there has one, too."""
    bare = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "tests/suites").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert) and node.msg is None
    ]
    assert not bare, f"bare asserts at {', '.join(bare)}"
