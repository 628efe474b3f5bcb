"""Finds the likely cause of a failure in what was seen: two lines that merged, a letter cut in two, a traceback.

A cause is a hint by itself. A symptom, as silence, can come from anywhere: it is put before the idea of what the
check is about. Pure: knows nothing of sockets, processes or checks; `Seen` is all there is to look at.
"""

import difflib
import itertools
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from .tracebacks import Failure, failures

VERDICTS = ("ok", "failed")
SILENCE, CLOSED, RESET = "silence", "closed", "reset"
RESTING, TAKEN = "resting", "taken"
NOTICE = re.compile(r"\* (?P<name>\S+) has (?P<what>joined|left) the chat")


@dataclass(frozen=True)
class Seen:
    """What a check had seen when it failed."""

    expected: str = ""  # the line that was waited for
    came: str | None = None  # the line that came instead
    pending: bytes = b""  # what came without a newline, or is not UTF-8
    ending: str = ""  # SILENCE, CLOSED or RESET, where no line came
    said: tuple[str, ...] = ()  # what has been sent to the program, line by line
    heard: tuple[str, ...] = ()  # the lines that came before
    names: tuple[str, ...] = ()  # who takes part
    output: str = ""  # what the program has printed on standard output
    errors: str = ""  # and on standard error
    status: int | None = None  # with which it has ended, if it has
    busy: float = 0.0  # share of a processor that it uses while nothing happens
    port: str = ""  # the one it was told to take: RESTING after its server's end, or TAKEN by somebody; else free

    @property
    def failure(self) -> Failure | None:
        """The last error that got away in the program."""
        return next(reversed(list(failures(self.errors))), None)

    @property
    def line(self) -> str:
        """The line that came, or nothing."""
        return self.came or ""


def hint(seen: Seen, idea: str = "") -> str:
    """Return the likely cause; or the symptom, and the idea of what the check is about; or the idea."""
    for cause in CAUSES:
        if found := cause(seen):
            return found
    for symptom in SYMPTOMS:
        if found := symptom(seen):
            return f"{found} {idea}".strip()
    return idea


# What the program has printed.


def traceback(seen: Seen) -> str:
    """An error got away, and its kind says what to do."""
    failure = seen.failure
    if failure is None or could_not_start(seen.errors, seen.status):
        return ""
    whole = str(failure)
    if BROKEN.search(whole):
        return ""  # a symptom: where it has to be caught, the check knows
    for pattern, meaning in ERRORS:
        if re.search(pattern, whole):
            return PORTS.get(seen.port, meaning) if pattern == IN_USE else meaning
    where = f"{failure.kind} in {failure.own[-1]}. " if failure.own else ""
    return f"{where}{READ_IT} {'Mend it there.' if failure.kind in SLIPS else 'Catch it there.'}"


READ_IT = "Read a traceback from its end: the last line names the error, those above it the way there."
SLIPS = ("TypeError", "NameError", "AttributeError", "UnboundLocalError")  # never the world's fault
BROKEN = re.compile(r"^(ConnectionResetError|ConnectionAbortedError|BrokenPipeError)|ECONNRESET|EPIPE")
IN_USE = r"Address already in use|EADDRINUSE|WinError 10048|Only one usage of each socket address"
PORTS = {
    RESTING: "The port rests for a while after its server has been stopped. Set SO_REUSEADDR before bind, and it is "
    "free at once. (Not on Windows: there it doesn't rest, and the option means something else.)",
    TAKEN: "Somebody else has the port, which may happen to anybody: catch the error of bind, say so in one line, and "
    "end with the exit status 1.",
}
ERRORS = [
    (
        r"^ConnectionRefusedError|ECONNREFUSED",
        "Nobody listens at the address that was called. If it isn't the one on the command line, take that one. If it "
        "is, catch the error of connecting, and say so.",
    ),
    (
        IN_USE,
        "Somebody has that port already. Take the one that stands on your program's command line; 0 means any that is "
        "free.",
    ),
    (
        r"WinError 10049|Cannot assign requested address|EADDRNOTAVAIL",
        "That address is not this computer's. Catch the error of bind, and say so in one line.",
    ),
    (
        r"^UnicodeDecodeError: 'ascii'",
        'Lines are UTF-8, which has every letter there is: write decode("utf-8") where you read.',
    ),
    (
        r"^UnicodeDecodeError",
        "decode was given bytes that are no whole letters: decode whole lines, not what a recv brings, with "
        'errors="replace" for what never was UTF-8.',
    ),
    (
        r"^UnicodeEncodeError",
        "A letter does not exist in the encoding that was chosen: encode to UTF-8 for the wire, and "
        'sys.stdout.reconfigure(errors="replace") for a terminal that may lack letters.',
    ),
    (
        r"changed size during iteration|mutated during iteration",
        "Somebody came or went while you looped over the collection: loop over a copy of it.",
    ),
    (
        r"main thread is not in main loop",
        "Tk was called from another thread: hand things over in a queue, and look with after.",
    ),
    (
        r"^TclError.*(display|DISPLAY)",
        "There is no display. Catch tkinter.TclError around Tk(), and say so in one line.",
    ),
    (
        r"^TclError.*(destroyed|invalid command name)",
        "A widget was used after its window had been closed: stop the after calls first.",
    ),
    (
        r"^KeyboardInterrupt",
        "Ctrl-C is a KeyboardInterrupt in the main thread: catch it there, around all that it does, and just end.",
    ),
    (r"^EOFError", "input() raises EOFError where the input ends: catch it, or loop over sys.stdin, and just end."),
    (
        r"^TypeError: a bytes-like object is required, not 'str'|must be of type string or an instance of Buffer",
        "A socket carries bytes, not text: encode the text before you send it.",
    ),
    (
        r"^TypeError: .*(can't concat|can only concatenate|must be str, not bytes|expected str instance, bytes)",
        "Bytes and text don't go together: decode what comes before you put it together with text.",
    ),
    (
        r"Bad file descriptor|not a socket|WinError 10038|EBADF",
        "A socket was used after it had been closed: who closes it has to be its last user.",
    ),
    (
        r"^BlockingIOError|Resource temporarily unavailable",
        "A socket that does not wait had nothing to give, or no room: select says when it has.",
    ),
    (
        r"^(TimeoutError|timeout)",
        "A timeout ran out, and that was not caught: a quiet client has done nothing wrong.",
    ),
    (
        r"^(IndexError|ValueError: not enough values)",
        "A line had fewer parts than you took from it: look before you take, for anything can come in a line.",
    ),
    (
        r"^KeyError|^ValueError: list\.remove|\.index\(x\)|is not in (list|deque)",
        "Something was looked up, or taken out, that is not there (any more): forget each client once, in one place.",
    ),
    (
        r"^RecursionError",
        "A function calls itself without end: a failing send that reports itself by sending, perhaps.",
    ),
    (r"can't start new thread", "There are more threads than the system allows: let each end with its connection."),
    (
        r"^StopIteration",
        "next was asked for a line, and there was none: whoever connects may go before they have said anything. Give "
        'it something to return then, as in next(lines, ""), and look whether you got it.',
    ),
    (
        r"^OverflowError.*port",
        "A port is a number up to 65535: look at what the command line says before you use it, and end with one line "
        "and the exit status 2 when it is another. (argparse does that where the function given as type= raises "
        "ValueError.)",
    ),
    (
        r"^ValueError: invalid literal for int",
        "int was given what is no number. Catch ValueError; on a command line, argparse with type=int says so by "
        "itself, with the exit status 2.",
    ),
    (
        r"^(ImportError|ModuleNotFoundError).*tkinter",
        "Not every Python has tkinter. Catch ImportError around the import, and say so in one line.",
    ),
]


def listening(seen: Seen) -> str:
    """The server's first line is not what it should be."""
    first, newline, _ = seen.output.partition("\n")
    if seen.expected != LISTENING:
        return ""
    if re.fullmatch(r"listening on \S+:0", first):
        return (
            "Port 0 asks the system for any free port: server.getsockname() says which one you were given. Print that."
        )
    if re.search(r"listening on", first, re.IGNORECASE):
        return (
            "The line has exactly this form: listening on 127.0.0.1:5050. No other case, no brackets, nothing before "
            "or after it."
        )
    if newline:
        return "Something else is printed before it: the first line of all has to be “listening on HOST:PORT”."
    if first:
        return "The line is there, without its newline: end it with one."
    if seen.status is None:
        return (
            "The first line that a server prints is “listening on 127.0.0.1:5050”, with the port that it was given. If "
            "yours does print it, it waits in a buffer: print(…, flush=True) sends it on at once."
        )
    return ""


LISTENING = "listening on HOST:PORT"


# What came over the wire, in place of what was expected.


def came_as_bytes(seen: Seen) -> str:
    """Bytes were put into a text."""
    sign = re.compile(r"\bb(['\"]).*\1")
    if sign.search(seen.line) and not sign.search(seen.expected):
        return "b'…' is how Python shows bytes: decode what comes before you put it into a text."
    return ""


def came_quoted(seen: Seen) -> str:
    """The text was written as a program would."""
    if seen.expected and seen.line in (repr(seen.expected), json.dumps(seen.expected), f'"{seen.expected}"'):
        return "The quotes are part of what was sent: send the text itself, not its repr or its JSON."
    return ""


def not_utf_8(seen: Seen) -> str:
    """Some bytes are no UTF-8."""
    if seen.came is not None or seen.ending:
        return ""
    try:
        seen.pending.decode()
    except UnicodeDecodeError:
        return (
            'What came is not UTF-8. Lines are UTF-8, which has every letter there is: encode("utf-8") where you send.'
        )
    return ""


def mojibake(seen: Seen) -> str:
    """UTF-8 was read as something else."""
    for encoding in ("latin-1", "cp1252"):
        if seen.line and not seen.line.isascii() and seen.line == seen.expected.encode().decode(encoding, "replace"):
            return 'The bytes of UTF-8 were read as Latin-1: write decode("utf-8") where you read.'
    return ""


def cut_letter(seen: Seen) -> str:
    """A letter was decoded in pieces."""
    sign = "\N{REPLACEMENT CHARACTER}"
    if sign in seen.line and sign not in seen.expected and not seen.expected.isascii():
        return "A letter was cut in two, and its pieces decoded apart: decode whole lines, not what a recv brings."
    return ""


def lost_letters(seen: Seen) -> str:
    """Letters that are not ASCII were replaced or left out."""
    if seen.expected.isascii() or seen.came in (None, seen.expected):
        return ""
    if seen.came == re.sub(r"[^\x00-\x7f]", "?", seen.expected):
        return "Letters became “?”: encode to UTF-8, which has them all, not to ASCII or Latin-1."
    if seen.came == re.sub(r"[^\x00-\x7f]", "", seen.expected):
        return 'Letters have gone missing: encode and decode with UTF-8, and without errors="ignore".'
    if unicodedata.normalize("NFKD", seen.line) == unicodedata.normalize("NFKD", seen.expected):
        return "The letters look the same but are other characters: pass on what came, and normalize only to compare."
    return ""


def carriage_return(seen: Seen) -> str:
    r"""The \r of a line's end was taken for a part of the line."""
    if "\r" in seen.line and seen.line.replace("\r", "") == seen.expected:
        return "“\\r” belongs to the end of the line: take off “\\r\\n”, not “\\n” alone."
    return ""


def escaped_newline(seen: Seen) -> str:
    """A backslash and an n in place of a newline."""
    if "\\n" in seen.line and "\\n" not in seen.expected:
        return (
            "A backslash and an “n” came in place of a newline: in a raw string, or in a repr, “\\n” is two characters."
        )
    return ""


def verdict_merged(seen: Seen) -> str:
    """The verdict has no newline of its own."""
    for verdict in VERDICTS:
        rest = seen.line.removeprefix(verdict)
        if seen.expected == verdict and rest not in ("", seen.line) and (rest in seen.said or NOTICE.match(rest)):
            return f"“{verdict}” and what comes after it have become one line: send a newline after each line."
    return ""


def merged(seen: Seen) -> str:
    """Two lines that were sent together came as one."""
    texts = [text for text in dict.fromkeys(seen.said) if text]
    for one, two in itertools.permutations(texts, 2):
        both = re.search(rf"{re.escape(one)}\W?{re.escape(two)}", seen.line)  # a newline may have become something else
        if both and both[0] not in texts and seen.expected.endswith((one, two)) and seen.line != seen.expected:
            return "Two lines have become one. One recv may bring two lines, or more: cut at every newline."
    if seen.expected and seen.line.startswith(seen.expected) and NOTICE.search(seen.line[len(seen.expected) :]):
        return "Two lines have become one: send a newline after each line."
    return ""


def name_missing(seen: Seen) -> str:
    """A line came back as it was said."""
    name, colon, text = seen.expected.partition(": ")
    if colon and name in seen.names and seen.came == text and not was_named(name, seen):
        return f"The speaker's name is missing: put “{name}: ” before what {name} says."
    return ""


def was_named(name: str, seen: Seen) -> bool:
    """Whether an earlier line had this name before it."""
    return any(line.startswith(f"{name}: ") for line in seen.heard)


def name_unwanted(seen: Seen) -> str:
    """A name was put before where none should be, or twice."""
    for name in seen.names:
        if seen.came == f"{name}: {seen.expected}" and seen.expected:
            if seen.expected.startswith(f"{name}: "):
                return "The name was put before it twice: who sends must not add what the reader has added already."
            return "A name was put before it: in this stage a line comes back as it was sent."
    return ""


def wrong_name(seen: Seen) -> str:
    """A line came under somebody else's name."""
    right, colon, text = seen.expected.partition(": ")
    wrong, other_colon, other = seen.line.partition(": ")
    if not (colon and other_colon and text == other and right in seen.names) or right == wrong:
        return ""
    if right.casefold() == wrong.casefold():
        return "Show a name as it was given: casefold it only to compare."
    if wrong.strip() == right:
        return "Strip the name: blanks around it are no part of it."
    if wrong in seen.names:
        return ""  # a symptom: what gets mixed up, the check knows
    return f"{right} has said it, under that very name: keep the name as it was given."


def speaks_for_another(seen: Seen) -> str:
    """What somebody said was taken for a name and a text."""
    name, colon, text = seen.expected.partition(": ")
    if colon and name in seen.names and seen.came == text and ": " in text:
        return "The server knows whose connection a line came from: it writes the name, whatever the line says."
    return ""


def wrong_form(seen: Seen) -> str:
    """Name and text are there, put together in another way."""
    name, colon, text = seen.expected.partition(": ")
    if not (colon and text and name in seen.names and seen.came is not None and seen.came != seen.expected):
        return ""
    if re.fullmatch(rf"\W*{re.escape(name)}\W*{re.escape(text)}\W*", seen.came):
        return f"The form is the name, a colon, a space and the text, and nothing else: “{name}: {text}”."
    return ""


def verdict(seen: Seen) -> str:
    """The answer to a name is another one, or in other words."""
    if seen.expected == "ok" and seen.came == "failed":
        return "The name is free and allowed, and was refused."
    if seen.expected == "failed" and seen.came == "ok":
        return "The name was accepted."
    if seen.expected in VERDICTS and seen.came not in (None, seen.expected):
        if seen.line.strip().casefold() == seen.expected:
            return f"The answer is exactly “{seen.expected}”: no other case, no blanks."
        return f"The first line after the name has to be “{seen.expected}”, alone: a greeting may come after it."
    return ""


def name_came_back(seen: Seen) -> str:
    """The name was taken for the first message."""
    if seen.expected in VERDICTS and seen.came not in ("", *VERDICTS) and seen.came in seen.said:
        return (
            f"The name came back as it was sent: from stage 02 on, the answer to the first line is “{seen.expected}”."
        )
    return ""


def joined_unheard(seen: Seen) -> str:
    """The first member of all was let in, and nothing more came: nobody else is there who could be the cause."""
    wanted = NOTICE.fullmatch(seen.expected)
    alone = wanted and wanted["what"] == "joined" and set(seen.names) <= {wanted["name"], "server"}
    if alone and seen.ending == SILENCE and not seen.pending and seen.heard == ("ok",):
        return f"From stage 03 on, “ok” is followed by a notice for everyone, the newcomer too: “{seen.expected}”."
    return ""


def notice(seen: Seen) -> str:
    """A notice is in other words, about somebody else, or has come where something else should."""
    wanted, got = NOTICE.fullmatch(seen.expected), NOTICE.fullmatch(seen.line)
    if wanted and got and wanted["name"] != got["name"] and wanted["what"] == got["what"]:
        return (
            f"The notice is about {got['name']}, and should be about {wanted['name']}: take the name from the "
            "connection."
        )
    if wanted and got and wanted["name"] == got["name"] and wanted["what"] != got["what"]:
        return f"{wanted['name']} has {wanted['what']}, and the notice says “{got['what']}”."
    if wanted and not got and difflib.SequenceMatcher(None, seen.expected, seen.line).ratio() > 0.6:
        return f"A notice has exactly these words: “{seen.expected}”."
    if got and got["name"] not in (*seen.names, *(text.strip() for text in seen.said)):
        return f"Nobody is called {got['name']}: who was let in under a name is announced, and nobody else."
    if got and not wanted and got["what"] == "left" and seen.expected:
        return (
            f"{got['name']} was taken for gone: one client's trouble, or one word, must not end another's connection."
        )
    return ""


def twice(seen: Seen) -> str:
    """The same line has come again."""
    if seen.came and seen.heard and seen.came == seen.heard[-1] and seen.came != seen.expected:
        return "The same line has come twice: send each line once to each client, the speaker among them."
    return ""


def out_of_order(seen: Seen) -> str:
    """A later line has overtaken this one, or this one is lost."""
    order = [text for text in seen.said if text]
    wanted, got = (
        [number for number, text in enumerate(order) if line == text or line.endswith(f": {text}")]
        for line in (seen.expected, seen.line)
    )
    if wanted and got and seen.came != seen.expected and min(wanted) < min(got) and not set(wanted) & set(got):
        return "A line that was said later has come first: the earlier one is lost or has been overtaken."
    return ""


def pieces(seen: Seen) -> str:
    """Only a piece of the line came, as if it were a line."""
    if not seen.line or seen.came == seen.expected:
        return ""
    if seen.expected.startswith(seen.line) and seen.line.rstrip(": ") not in seen.names:
        return "Only the beginning came, as if it were a line: keep what has come until its newline is there."
    text = seen.expected.partition(": ")[2] or seen.expected
    tail = seen.line.partition(": ")[2] or seen.line
    if text != tail and text.endswith(tail):
        return "Only the end came, the rest was thrown away: keep what has come until its newline is there."
    return ""


def blanks(seen: Seen) -> str:
    """Only blanks differ."""
    if (
        seen.expected not in VERDICTS
        and seen.line != seen.expected
        and seen.line.split() == seen.expected.split() != []
    ):
        return "Only blanks differ: pass a line on as it came, and take off nothing but its end."
    return ""


def case(seen: Seen) -> str:
    """Only upper and lower case differ."""
    if (
        seen.expected not in VERDICTS
        and seen.line != seen.expected
        and seen.line.casefold() == seen.expected.casefold()
    ):
        return "Only upper and lower case differ: pass on what came, and casefold only to compare."
    return ""


def control_characters(seen: Seen) -> str:
    """Something invisible got through."""
    if any(unicodedata.category(char) in ("Cc", "Cf") and char != "\t" for char in seen.line):
        return "Control characters got through: replace them when a line arrives, before anybody else sees it."
    return ""


def empty_line(seen: Seen) -> str:
    """An empty line came."""
    if seen.came == "" and seen.expected:
        return "An empty line came: was a newline sent twice, or the end of a connection taken for an empty message?"
    return ""


def web_server(seen: Seen) -> str:
    """Somebody else listens at this port."""
    if seen.line.startswith("HTTP/"):
        return "That is a web server's answer: is another program listening on this port?"
    return ""


def without_newline(seen: Seen) -> str:
    """Everything came but the newline."""
    if seen.ending not in (SILENCE, CLOSED, RESET) or not seen.pending:
        return ""
    text = seen.pending.decode(errors="replace")
    if "\r" in text:
        return "“\\r” ends no line: a line ends in “\\n”."
    if text == seen.expected or text in seen.said:
        return "The line came without its newline: send the text and “\\n”."
    if seen.expected.startswith(text):
        return "The line breaks off in the middle: sendall goes on until all of it is gone; send may not."
    return "Something came, but no newline after it: send a newline after each line."


def verdict_misread(seen: Seen) -> str:
    """A client has been let in, and closes."""
    if seen.ending == CLOSED and seen.said and "".join(seen.said[-2:]) == "ok":
        return (
            "The client closed the connection right after “ok”. What comes is bytes, and has a newline: compare the "
            "line, decoded and without its end."
        )
    return ""


def busy(seen: Seen) -> str:
    """It runs in circles."""
    if seen.busy >= 0.5:
        return f"Nothing happens, and the program uses {seen.busy:.0%} of a processor: a loop runs in circles."
    return ""


CAUSES: list[Callable[[Seen], str]] = [
    traceback,
    listening,
    web_server,
    came_as_bytes,
    came_quoted,
    not_utf_8,
    mojibake,
    verdict_merged,
    merged,
    cut_letter,
    lost_letters,
    carriage_return,
    escaped_newline,
    speaks_for_another,
    name_missing,
    name_unwanted,
    wrong_name,
    name_came_back,
    joined_unheard,
    notice,
    case,
    blanks,
    wrong_form,
    control_characters,
    twice,
    out_of_order,
    pieces,
    without_newline,
    verdict_misread,
]


# What may have many causes.


def has_ended(seen: Seen) -> str:
    """The program is no longer there."""
    if seen.ending and seen.status is not None:
        if seen.status < 0:
            return f"The program was ended by signal {-seen.status}."
        return f"The program has ended, with exit status {seen.status}."
    return ""


def silence(seen: Seen) -> str:
    """Nothing came."""
    if seen.ending != SILENCE:
        return ""
    wanted = NOTICE.fullmatch(seen.expected)
    if wanted:
        return f"No notice says that {wanted['name']} has {wanted['what']}; whoever waits for it is still connected."
    return "Nothing came, and the connection is still open."


def closed(seen: Seen) -> str:
    """The other side has closed."""
    return "The connection was closed where a line should come." if seen.ending == CLOSED else ""


def reset(seen: Seen) -> str:
    """The other side has reset the connection."""
    if seen.ending == RESET:
        return "The connection was reset: its other end has closed it before it had read all, or its program has ended."
    return ""


def broken(seen: Seen) -> str:
    """A connection broke, and the program did not expect it."""
    if not seen.failure or not BROKEN.search(str(seen.failure)):
        return ""
    if seen.failure.kind == "Error":  # Node's
        return "A connection broke, and nobody listened for that: give every socket a listener, socket.on('error', …)."
    return "A connection broke, and that was not caught: catch OSError where you read and where you send."


def name_lost(seen: Seen) -> str:
    """The first of several lines has the name before it, the others have not."""
    name, colon, text = seen.expected.partition(": ")
    if colon and seen.came == text and was_named(name, seen):
        return "An earlier line had the name before it, this one hasn't: they came together, and were taken for one."
    return ""


def somebody_elses_name(seen: Seen) -> str:
    """What one said came under the name of another."""
    right, colon, text = seen.expected.partition(": ")
    wrong, other_colon, other = seen.line.partition(": ")
    if colon and other_colon and text == other and right != wrong and {right, wrong} <= set(seen.names):
        return f"{right} has said it, and {wrong}'s name is before it."
    return ""


SYMPTOMS: list[Callable[[Seen], str]] = [
    broken,
    busy,
    has_ended,
    name_lost,
    somebody_elses_name,
    verdict,
    empty_line,
    silence,
    closed,
    reset,
]


# Whether a program could not even start.

NOT_STARTED = re.compile(
    r"^(SyntaxError|IndentationError|TabError|ModuleNotFoundError)\b|can't open file|Cannot find module|"
    r"is not recognized as an internal|command not found|can't find '__main__'",
    re.MULTILINE,
)


def could_not_start(errors: str, status: int | None) -> bool:
    """Whether what a program printed before it ended says that it never ran."""
    return status not in (None, 0) and NOT_STARTED.search(errors) is not None
