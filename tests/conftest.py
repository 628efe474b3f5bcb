"""Fixtures for the shared suites: the program that is tested, people to talk to it, a screen for its window.

A test module says with `STAGE` which stage it is about. `--programs FOLDER`, `--server COMMAND`, `--client COMMAND`
and `--target HOST:PORT` put other programs in the place of the stage's own.
"""

import inspect
import os
import random
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from suites.commands import Command, address, command, python_command
from suites.complaints import CannotStart, Complaint
from suites.diagnosis import RESTING
from suites.marks import topic_of
from suites.people import Chat, FakeServer, Line, Scene
from suites.programs import Program, RunningServer, Server
from suites.telling import complete
from suites.windows import Window, open_window

STAGES = Path(__file__).parent.parent / "stages"
IN_ORDER = ["suites.echo", "suites.usernames", "suites.broadcast", "suites.window"]  # as they are taught
ABOUT_CLIENT = {"start_client", "start_window", "client_program"}  # who uses these is about the client
ABOUT_SERVER = {"start_server", "server_program"}

SCENE = pytest.StashKey[Scene]()  # of an item
STARTED = pytest.StashKey[bool]()  # of a run: the server could be started once
NEVER_RAN = pytest.StashKey[bool]()  # of a run: a program could not even be started
USAGE_ERROR = 4  # pytest's own exit status for it


@dataclass(frozen=True)
class Stage:
    """What is tested: how far the program claims to be, and where it is."""

    number: int  # 1 echo, 2 usernames, 3 broadcast, 4 window, 5 final
    folder: Path
    server_arguments: tuple[str, ...] = ()

    @property
    def has_window(self) -> bool:
        """Whether its client is a window."""
        return self.number >= 4


@dataclass(frozen=True)
class Tested:
    """The programs that are tested: how to start them, or where a server runs already."""

    server: Command
    client: Command
    target: tuple[str, int] | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chat")
    group.addoption("--programs", type=Path, help="test the server.py and client.py of this folder instead")
    group.addoption("--server", metavar="COMMAND", help="test the server that this starts: 'node server.js {port}'")
    group.addoption("--client", metavar="COMMAND", help="test the client that this starts, for {host} and {port}")
    group.addoption("--target", metavar="HOST:PORT", help="test a server that runs already, as far as that can be done")
    group.addoption("--deadline", type=float, default=10.0, help="seconds to wait for anything (10)")
    group.addoption("--seed", type=int, default=None, help="repeat a run's random choices")
    group.addoption("--thorough", action="store_true", help="run every wrong program from the first check on")
    group.addoption(
        "--jitter",
        type=float,
        default=0.0,
        metavar="MS",
        help="wait up to so many milliseconds between and inside sends",
    )


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "teaches(topic, mistakes): what this check is about, and the common mistakes that it provokes",
        "final_only: the stages are known to get this wrong; final/ gets it right",
        "terminal: for clients on the terminal",
        "process: can be seen only of a server that the check has started itself",
    ):
        config.addinivalue_line("markers", line)
    if config.option.seed is None:
        config.option.seed = random.randrange(1_000_000)
    if config.option.server and config.option.target:
        raise pytest.UsageError("--server starts a server, --target names one that runs already: give one of them.")
    given_programs(config)  # complains of what is wrong with them before anything runs


def pytest_report_header(config: pytest.Config) -> str:
    return f"random choices: --seed {config.option.seed}"


def given_programs(config: pytest.Config) -> dict[str, Command]:
    """Read the commands of the programs that take the place of the stage's own."""
    options = config.option
    try:
        given = {name: command(text) for name in ("server", "client") if (text := getattr(options, name))}
        if options.target:
            address(options.target)
    except ValueError as error:
        raise pytest.UsageError(f"This is no program to test: {error}.") from None
    if options.programs:
        part = getattr(options, "part", None)  # of the tester: the other program need not be there yet
        for name in (part,) if part else ("server", "client"):
            program = options.programs.resolve() / f"{name}.py"
            if name not in given and not program.is_file():
                raise pytest.UsageError(f"There is no {name}.py in {options.programs}.")
    return given


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the checks that are not for the stage and the programs at hand; put the others in teaching order."""
    left_out = [item for item in items if not (is_for_stage(item) and is_about_given(item))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = in_teaching_order([item for item in items if item not in left_out])
    if config.option.target:
        reason = "a server that runs already: only the test that starts one can see its output and end it"
        for item in items:
            if item.get_closest_marker("process"):
                item.add_marker(pytest.mark.skip(reason=reason))


def in_teaching_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Sort the checks of each stage's module by suite, and within it from top to bottom; leave the rest as it is."""
    modules = list(dict.fromkeys(item.path for item in items))

    def place(item: pytest.Item) -> tuple[int, int, int]:
        function = getattr(item, "function", None)
        suite = getattr(function, "__module__", "")
        if function is None or suite not in IN_ORDER:
            return modules.index(item.path), -1, 0
        return modules.index(item.path), IN_ORDER.index(suite), function.__code__.co_firstlineno

    return sorted(items, key=place)


def is_for_stage(item: pytest.Item) -> bool:
    """Whether this check makes sense for the stage that its module is about."""
    stage = getattr(getattr(item, "module", None), "STAGE", None)
    if not isinstance(stage, Stage):
        return True
    if item.get_closest_marker("final_only"):
        return stage.number >= 5
    return not (stage.has_window and item.get_closest_marker("terminal"))


def is_about_given(item: pytest.Item) -> bool:
    """Whether this check is about a program that was given, where only one of the two was."""
    options = item.config.option
    fixtures = set(getattr(item, "fixturenames", ()))
    if topic_of(item) is None or options.programs:
        return True
    if options.client and not (options.server or options.target):
        return bool(fixtures & ABOUT_CLIENT)
    if (options.server or options.target) and not options.client:
        return not fixtures & ABOUT_CLIENT
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Complete a complaint, and show it alone: its author has no use for the inside of the tester."""
    complaint = call.excinfo.value if call.excinfo is not None else None
    if isinstance(complaint, Complaint) and call.excinfo is not None:
        about = inspect.getdoc(getattr(item, "function", None)) or item.name
        complaint = complete(complaint, item.stash.get(SCENE, None), about, topic_of(item))
        complaint.__traceback__ = call.excinfo.tb
        call.excinfo = pytest.ExceptionInfo.from_exception(complaint)  # for all who look at it later: record.py does
        if isinstance(complaint, CannotStart):
            item.config.stash[NEVER_RAN] = True
            item.session.shouldstop = "a program could not be started"
    report = yield
    if isinstance(complaint, Complaint):
        report.longrepr = str(complaint)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Whatever can't be started is not a failed check, but a wrong argument."""
    if NEVER_RAN in session.config.stash:
        session.exitstatus = USAGE_ERROR


@pytest.fixture
def deadline(request: pytest.FixtureRequest) -> float:
    seconds: float = request.config.option.deadline
    return seconds


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """A source of random choices, the same for the same --seed."""
    return random.Random(f"{request.config.option.seed} {request.node.name}")


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The stage of the test module."""
    stage: Stage = request.module.STAGE
    return stage


@pytest.fixture
def stage_number(stage: Stage) -> int:
    return stage.number


@pytest.fixture
def tested(request: pytest.FixtureRequest, stage: Stage) -> Tested:
    """The stage's own programs, or those that the options name."""
    options = request.config.option
    given = given_programs(request.config)
    folder = (options.programs or stage.folder).resolve()
    server = given.get("server") or python_command(folder / "server.py", *stage.server_arguments)
    client = given.get("client") or python_command(folder / "client.py")
    return Tested(server, client, address(options.target) if options.target else None)


@pytest.fixture
def scene(request: pytest.FixtureRequest, deadline: float, chance: random.Random) -> Scene:
    scene = Scene(deadline, request.config.option.jitter / 1000, chance)
    request.node.stash[SCENE] = scene
    return scene


@pytest.fixture
def server_program(tested: Tested, deadline: float, scene: Scene) -> Iterator[Callable[..., Program]]:
    """Start the server under test for a port, and a host if one is given, whatever comes of it."""
    programs: list[Program] = []

    def start(port: int | str, host: str = "", **environment: str) -> Program:
        if host and not tested.server.takes_host:
            pytest.skip("the command has no place for a {host}")
        programs.append(Program(tested.server.at(port, host), deadline, environment))
        scene.plays(programs[-1], "server")
        return programs[-1]

    yield start
    for program in programs:
        program.close()


@pytest.fixture
def client_program(tested: Tested, deadline: float, scene: Scene) -> Iterator[Callable[..., Program]]:
    """Start the client under test where nobody listens, whatever comes of it."""
    programs: list[Program] = []

    def start(**environment: str) -> Program:
        programs.append(Program(tested.client.at(9, "127.0.0.1"), deadline, environment))
        scene.plays(programs[-1], "client")
        return programs[-1]

    yield start
    for program in programs:
        program.close()


@pytest.fixture
def start_server(
    request: pytest.FixtureRequest, tested: Tested, deadline: float, scene: Scene
) -> Callable[..., Server]:
    """Start the server under test; environment variables can be given. One that runs already is only found."""

    def start(port: int = 0, **environment: str) -> Server:
        if tested.target:
            return RunningServer(*tested.target)
        try:
            server = Server(tested.server.at(port), deadline, environment)
        except CannotStart as complaint:
            if request.config.stash.get(STARTED, False):
                raise again_not_started(complaint) from None
            raise
        request.config.stash[STARTED] = True
        scene.plays(server, "server")
        return server

    return start


def again_not_started(complaint: CannotStart) -> Complaint:
    """Return what to say of a server that could be started before, and can't be now: that is a mistake in it."""
    again = Complaint("The server should start again.", details=complaint.details, story=complaint.story)
    again.program = complaint.program
    if again.program:
        again.program.port_is = RESTING
    return again


@pytest.fixture
def chat(stage: Stage, scene: Scene, start_server: Callable[..., Server]) -> Iterator[Chat]:
    """The server under test, running, with nobody there yet."""
    chat = Chat(start_server(), stage.number, scene)
    yield chat
    if isinstance(chat.server, RunningServer):
        chat.everybody_leaves()
    chat.close()


@pytest.fixture
def fake_server(scene: Scene, stage: Stage) -> Iterator[FakeServer]:
    server = FakeServer(scene, "window" if stage.has_window else "client")
    yield server
    server.close()


@pytest.fixture
def start_client(tested: Tested, deadline: float, scene: Scene) -> Iterator[Callable[..., Program]]:
    """Start the terminal client under test, for a server at this host and port."""
    clients: list[Program] = []

    def start(host: str, port: int, **environment: str) -> Program:
        clients.append(Program(tested.client.at(port, host), deadline, environment, called="The client"))
        scene.plays(clients[-1], "client")
        return clients[-1]

    yield start
    for client in clients:
        client.close(ends_by_itself=True)
        client.has_no_traceback()


@pytest.fixture
def client(start_client: Callable[..., Program], fake_server: FakeServer) -> Program:
    """The terminal client under test, started for a server of our own."""
    return start_client(fake_server.host, fake_server.port)


@pytest.fixture
def line_in(stage: Stage, client: Program, fake_server: FakeServer) -> Line:
    """The client's connection to our server, once it is in the chat (as alice, where there are names)."""
    if stage.number < 2:
        return fake_server.accepts()
    client.types("alice")
    return fake_server.lets_in("alice")


@pytest.fixture(scope="session")
def screen() -> Iterator[None]:
    """A screen for windows: a virtual one on Linux, the real one elsewhere."""
    if not sys.platform.startswith("linux"):
        yield
        return
    from pyvirtualdisplay.display import Display

    with Display(visible=False, size=(1280, 1024)):
        yield


@pytest.fixture
def sharp_screen() -> Iterator[dict[str, str]]:
    """The environment of a virtual screen with twice the usual dots per inch, where there can be one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the scaling of a real screen is not ours to change")
    from pyvirtualdisplay.display import Display

    with Display(visible=False, size=(2560, 2048), extra_args=["-dpi", "192"], manage_global_env=False) as display:
        yield {"DISPLAY": display.new_display_var}


@pytest.fixture
def start_window(tested: Tested, scene: Scene, screen: None) -> Iterator[Callable[..., Window]]:
    """Open the window under test, for a server at this host and port."""
    windows: list[Window] = []

    def start(host: str, port: int, **environment: str) -> Window:
        windows.append(open_window(tested.client, host, port, scene, {**os.environ, **environment}))
        return windows[-1]

    yield start
    for window in windows:
        window.close()


@pytest.fixture
def window(start_window: Callable[..., Window], fake_server: FakeServer) -> Window:
    """The window under test, opened for a server of our own."""
    return start_window(fake_server.host, fake_server.port)
