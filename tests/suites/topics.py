"""What the checks are about: for each topic three hints, from a question to the exact place.

The first hint is a question, the second the idea, the third says where to read and which line of the stage's own
program to think about. None of them is a solution. The headings are those of the notebooks; tests prove that the
lines stand in the programs, and the headings in the notebooks. Knows nothing of checks.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Something to understand, and how to get there step by step."""

    name: str
    question: str
    idea: str
    notebook: str  # without its ending; the stage's folder has the same name
    heading: str
    line: str  # of the stage's program: what to think about
    program: str = "server.py"

    @property
    def reading(self) -> str:
        """Where to read about it."""
        return f"notebooks/{self.notebook}.ipynb, “{self.heading}”"

    @property
    def place(self) -> str:
        """The third hint: where to read, and the line of code to think about."""
        return f"Read {self.reading}. Then look at stages/{self.notebook}/{self.program}: {self.line}"


# Stage 01, the server.

ECHO = "01_echo"
LISTENS = "A server that says where it listens"
ANSWERS = "Accept, and answer"
THREADS = "A thread for each client"
BYTES_LINES = "Bytes are not lines"
BYTES_LETTERS = "Bytes are not letters"
WHOLE = "Send all of it"
OTHER_SIDE = "When the other side goes"
STOPPING = "Ending, and starting again"
SCREENS = "What others may put on your screen"
TERMINAL = "A client for the terminal"

FLUSH = Topic(
    "the first line",
    "Who reads what your server prints, and when does it get there?",
    "Print where you really listen, and at once: what goes into a pipe waits in a buffer without flush=True.",
    ECHO,
    LISTENS,
    "print(text, flush=True)",
)
ANSWER = Topic(
    "the answer",
    "What does your server do with a line that it has just read?",
    "Go round in a loop: read a line, send it back to the client that it came from, read the next.",
    ECHO,
    ANSWERS,
    "for message in lines:",
)
OWN_THREAD = Topic(
    "a thread for each client",
    "While your server waits for one client, who is there for the others?",
    "While the accept loop talks to one client, nobody else can come in: talk in the client's own thread.",
    ECHO,
    THREADS,
    "threading.Thread(target=serve_client, args=(client,), daemon=True).start()",
)
TOGETHER = Topic(
    "several lines in one recv",
    "Two lines were sent together. How many does one recv bring?",
    "One recv may bring two lines, or more: cut at every newline, and keep what is left over.",
    ECHO,
    BYTES_LINES,
    "line = stream.readline(MAX_LINE)",
)
PIECES = Topic(
    "a line in pieces",
    "Only half a line has come so far. What does your program do with it?",
    "TCP carries bytes, not messages: keep what has come until its newline is there, then cut there.",
    ECHO,
    BYTES_LINES,
    "line = stream.readline(MAX_LINE)",
)
LINE_END = Topic(
    "the end of a line",
    "Which characters belong to the line, and which only end it?",
    "Lines may end in “\\r\\n”, as some programs send them: take both off before you use the line.",
    ECHO,
    BYTES_LINES,
    r'text = line.decode("utf-8", errors="replace").rstrip("\r\n")',
)
SPLIT_LETTER = Topic(
    "a letter in pieces",
    "How many bytes is an é, and do they always arrive together?",
    "A letter can be several bytes, and they may arrive apart: decode whole lines, not what a recv brings.",
    ECHO,
    BYTES_LETTERS,
    r'text = line.decode("utf-8", errors="replace").rstrip("\r\n")',
)
UTF_8 = Topic(
    "letters of every script",
    "Which letters can your program send and read, and where is that decided?",
    "Lines are UTF-8, which has every letter there is: say so where you encode and where you decode.",
    ECHO,
    BYTES_LETTERS,
    r'text = line.decode("utf-8", errors="replace").rstrip("\r\n")',
)
ALL_OF_IT = Topic(
    "sending all of it",
    "What does send return, and what if that is less than you gave it?",
    "send may take only a part of what it is given: sendall goes on until all of it is gone.",
    ECHO,
    WHOLE,
    r'client.sendall(f"{text}\n".encode())',
)
GONE = Topic(
    "the end of a connection",
    "What does recv return when the other side has closed, and when its computer has crashed?",
    "No bytes from recv (or readline) means that the other side is gone for good: leave the loop, as after an error.",
    ECHO,
    OTHER_SIDE,
    r'if not line.endswith(b"\n"):',
)
NOT_THERE = Topic(
    "sending to somebody who has gone",
    "What happens when the answer finds nobody?",
    "What is sent to somebody who has gone can't arrive: catch the error, and let the others go on.",
    ECHO,
    OTHER_SIDE,
    "pass  # this client is gone: its own thread will see the end of its lines, and clean up",
)
ACCEPT = Topic(
    "the loop that accepts",
    "What can end your accept loop, and may a client be able to do that?",
    "Nothing that a client does may end the loop that accepts: let each one's trouble stay in its own thread.",
    ECHO,
    OTHER_SIDE,
    "except (TimeoutError, ConnectionError):",
)
NO_COMMANDS = Topic(
    "words are only words",
    "Does your server look for certain words in what people say?",
    "What people say is not a command: nobody should be thrown out for a word.",
    ECHO,
    OTHER_SIDE,
    "for message in lines:",
)
DAEMON = Topic(
    "ending with clients connected",
    "What is still running when your main thread has ended?",
    "Threads keep a program alive: make them daemon threads, or close what they wait for.",
    ECHO,
    STOPPING,
    "threading.Thread(target=serve_client, args=(client,), daemon=True).start()",
)
REUSE = Topic(
    "starting again on the same port",
    "Your server has just been stopped. Whose is its port now?",
    "A stopped server's port rests for a while: set SO_REUSEADDR before bind (not on Windows).",
    ECHO,
    STOPPING,
    "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)",
)
SENTENCE = Topic(
    "errors are sentences",
    "What does somebody who can't program read when your program can't go on?",
    "Catch the error where it is raised, print one line to standard error, and exit with status 1.",
    ECHO,
    STOPPING,
    "except (OSError, ValueError) as error:",
)
ARGUMENTS = Topic(
    "wrong arguments",
    "Which ports are there, and who looks whether yours is one?",
    "A port is a number from 0 to 65535: let argparse refuse everything else, with exit status 2.",
    ECHO,
    LISTENS,
    "if not (text.isascii() and text.isdigit() and int(text) <= 65535):",
)
SCREEN = Topic(
    "a safe screen",
    "Your program prints what a stranger has sent. What else can that do to a terminal?",
    "Escape sequences can clear a screen or do worse: replace control characters before you print.",
    ECHO,
    SCREENS,
    r'yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)',
)

SERVER_LACKING = Topic(
    "a screen that lacks letters",
    "Which letters can your server's screen show, and what does print do with one that it can't?",
    "A terminal may lack letters: let print replace them, or the client whose letters they are is thrown out.",
    ECHO,
    SCREENS,
    'sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end',
)

# Stage 01, the client.

TO_AND_FRO = Topic(
    "a client for the terminal",
    "In which order does your client read the keyboard, send, wait and print?",
    "As soon as a line is typed, send it; then print what comes back: what the server sends, and nothing else.",
    ECHO,
    TERMINAL,
    "show(next_line(lines))",
    "client.py",
)
CLIENT_PIECES = Topic(
    "a line in pieces, at the client",
    "Does what the server sends as one line always arrive as one?",
    "TCP carries bytes, not messages, toward the client too: keep what has come until its newline is there.",
    ECHO,
    BYTES_LINES,
    "line = stream.readline()",
    "client.py",
)
EMPTY = Topic(
    "nothing to send",
    "Somebody only presses Enter. What should go out?",
    "There is nothing to send: wait for the next line.",
    ECHO,
    TERMINAL,
    "elif text.strip():",
    "client.py",
)
NO_SERVER = Topic(
    "no server",
    "Nobody listens at that address. What does the person at the keyboard read?",
    "Catch the error of connecting, print one line to standard error, and exit with status 1.",
    ECHO,
    TERMINAL,
    "except (OSError, ValueError) as error:",
    "client.py",
)
SERVER_GONE = Topic(
    "a server that goes",
    "What does your client read when the server has gone, and what does it do then?",
    "No bytes from recv or readline: the server is gone for good. Say so on standard error, and end with status 1.",
    ECHO,
    OTHER_SIDE,
    "sys.exit(GONE)",
    "client.py",
)
CLIENT_SCREEN = Topic(
    "a safe screen, at the client",
    "Your client prints what others have said. What else can that do to a terminal?",
    "Escape sequences can clear a screen or do worse: replace control characters before you print.",
    ECHO,
    SCREENS,
    r'yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)',
    "client.py",
)
LACKING = Topic(
    "a terminal that lacks letters",
    "What does print do with a letter that this terminal does not have?",
    'A terminal may lack letters: sys.stdout.reconfigure(errors="replace").',
    ECHO,
    BYTES_LETTERS,
    'stream.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end',
    "client.py",
)
INPUT_ENDS = Topic(
    "the end of the input",
    "Where do the typed lines come from, and how do they end?",
    "The end of the input (Ctrl-D, Ctrl-Z) is an ordinary end: leave the loop, exit with status 0.",
    ECHO,
    STOPPING,
    "for line in sys.stdin:",
    "client.py",
)
CTRL_C = Topic(
    "Ctrl-C at the client",
    "Where is your client while it waits, and what does Ctrl-C do to it there?",
    "Ctrl-C is a KeyboardInterrupt in the main thread: catch it there, around all that it does, and just end.",
    ECHO,
    STOPPING,
    "signal.signal(getattr(signal, name), lambda _number, _frame: os._exit(0))",
    "client.py",
)

# Stage 02, the server.

USERNAMES = "02_usernames"
FIRST = "A name first"
BEFORE = "The name before every line"
TAKEN_NAME = "A name that is taken"
NAMES = "What counts as a name"
INSTANT = "Two ask at the same instant"
TALKING = "Who is talking?"
FREE_AGAIN = "A name is free again"
ASKS_AGAIN = "A client that asks again"

VERDICT_OK = Topic(
    "a name first",
    "What is the first line that a client sends, and what does it wait for then?",
    "The first line is the name: answer it with “ok”, and put the name before all that comes after it.",
    USERNAMES,
    FIRST,
    'username = next(lines, "").strip()',
)
NAME_TOGETHER = Topic(
    "name and message together",
    "The name and the first message were sent together. What did the reading of the name do with the rest?",
    "The name and the first message may arrive together: cut at newlines, keep the rest.",
    USERNAMES,
    FIRST,
    "lines = read_lines(stream)",
)
NAME_PIECES = Topic(
    "a name in pieces",
    "Only the first letter of a name has come so far. What does your server take for the name?",
    "The name may arrive in pieces: wait for its newline.",
    USERNAMES,
    FIRST,
    'username = next(lines, "").strip()',
)
NAME_THREAD = Topic(
    "waiting for a name",
    "Somebody connects and gives no name. Who else has to wait?",
    "Reading the name in the accept loop makes everybody wait: read it in the client's own thread.",
    USERNAMES,
    FIRST,
    "threading.Thread(target=serve_client, args=(client,), daemon=True).start()",
)
DECODE = Topic(
    "a name as it was given",
    "Is what you have kept of the name text, and the very text that was given?",
    "A name is shown as it was given: decode it first (bytes in an f-string become b'…'), casefold only to compare.",
    USERNAMES,
    BEFORE,
    'line = f"{username}: {message}"',
)
PRINTED = Topic(
    "the conversation on the server's screen",
    "What does somebody see who looks at your server's terminal?",
    "Print each message with its name before it, as it is sent.",
    USERNAMES,
    BEFORE,
    "show(line)",
)
TAKEN = Topic(
    "a name that is taken",
    "Before you let somebody in: who is there already?",
    "Look whether the name is there before you add it, and compare names in casefolded form.",
    USERNAMES,
    TAKEN_NAME,
    "if not USERNAME.fullmatch(username) or username.casefold() in clients:",
)
DOOR = Topic(
    "failed, and the door",
    "After “failed”, who closes the connection?",
    "Send “failed”, then close that connection: the client comes again on a new one.",
    USERNAMES,
    TAKEN_NAME,
    'send_line(client, "failed")',
)
CHECK = Topic(
    "what is a name",
    "Which names would make trouble: empty, very long, with a space or a colon in them?",
    "Strip the name, bound its length, and refuse what is not letters, digits, “_”, “-” and “.”.",
    USERNAMES,
    NAMES,
    r'USERNAME = re.compile(r"[\w.-]{1,32}")',
)
CASE = Topic(
    "names that differ in case alone",
    "Are alice and ALICE two people?",
    "Keep the name as it was given, compare name.casefold(): lower misses STRASSE for straße, upper WEIẞ for weiß.",
    USERNAMES,
    INSTANT,
    "clients[username.casefold()] = client",
)
ONE_LOCK = Topic(
    "two at the same instant",
    "What if two threads look whether a name is free, and only then both add it?",
    "Two threads can both look before either adds: hold one lock over the look and the adding.",
    USERNAMES,
    INSTANT,
    "with clients_lock:",
)
WHO = Topic(
    "who is talking",
    "How does your server know who has said a line?",
    "The server knows whose connection a line came from: it writes the name, whatever the line says.",
    USERNAMES,
    TALKING,
    'line = f"{username}: {message}"',
)
PAIRS = Topic(
    "names and connections",
    "Where do you keep which name belongs to which connection?",
    "Keep the name and the socket together, in one dictionary: two lists get out of step.",
    USERNAMES,
    INSTANT,
    "clients[username.casefold()] = client",
)
FREE = Topic(
    "a name is free again",
    "Which line of yours forgets a name, and is it reached however the connection ends?",
    "When a connection ends, whatever ended it, take its owner's name out again: in one place, in a finally.",
    USERNAMES,
    FREE_AGAIN,
    "finally:  # whatever ended it: a close, a reset, or a mistake of ours",
)
WHOSE = Topic(
    "whose name is forgotten",
    "Somebody leaves. Which name does your server take out?",
    "Take out the name that belongs to this connection, not the last one or the first.",
    USERNAMES,
    FREE_AGAIN,
    "del clients[username.casefold()]",
)

# Stage 02, the client.

NAME_TYPED = Topic(
    "the name that is typed",
    "What does your client send first, and when may it send the rest?",
    "The first line that is typed is the name: send it, wait for “ok”, then send what is typed.",
    USERNAMES,
    ASKS_AGAIN,
    'return next_line(lines) == "ok"',
    "client.py",
)
AGAIN = Topic(
    "after failed",
    "The name was refused. What is left of this connection, and what does the person do now?",
    "After “failed” the server has closed this connection: ask for another name, and connect anew.",
    USERNAMES,
    ASKS_AGAIN,
    'with connect_to_server(arguments.host, arguments.port) as server, server.makefile("rb") as stream:',
    "client.py",
)
VERDICT = Topic(
    "the verdict",
    "Does “ok” always arrive alone, and whole?",
    "The answer may arrive in pieces, or with the next line behind it: cut at newlines, keep the rest.",
    USERNAMES,
    ASKS_AGAIN,
    "lines = read_lines(stream)",
    "client.py",
)

# Stage 03, the server.

BROADCAST = "03_broadcast"
ALL_HEAR = "Everyone hears everyone"
COMING = "Coming and going"
BROKEN = "One broken receiver"
CHANGING = "A collection that changes while you loop"
LOCKS = "Which lock, and for how long"
REACHES = "What may reach the others"
LISTENING = "Listening while nobody types"
NOT_YET = "What this server can't do yet"

EVERYONE = Topic(
    "everyone hears everyone",
    "Somebody says a line. To whom does your server send it?",
    "Go through all the clients that are in the chat, the speaker's among them, and send to each.",
    BROADCAST,
    ALL_HEAR,
    "for receiver in receivers:",
)
MEMBERS = Topic(
    "who is in the chat",
    "From which moment on does somebody hear the chat?",
    "Add a client to the chat when its name has been accepted, not before.",
    BROADCAST,
    ALL_HEAR,
    "clients[username.casefold()] = client",
)
BURST = Topic(
    "nothing but a newline separates",
    "Many lines come without a pause. What separates them on their way out?",
    "Nothing but a newline separates two messages; time does not.",
    BROADCAST,
    ALL_HEAR,
    r'client.sendall(f"{text}\n".encode())',
)
JOINS = Topic(
    "who has joined",
    "Who is told that somebody has come in, and in which words?",
    "When a name has been accepted, send “* NAME has joined the chat” to all, the newcomer among them, after its “ok”.",
    BROADCAST,
    COMING,
    'send_message_to_clients(f"* {username} has joined the chat")',
)
NOTICE = Topic(
    "who has left",
    "In how many ways can a connection end, and which of them reach your notice?",
    "recv returning no bytes, and an error from it, both mean gone: clean up and tell the others, in one place.",
    BROADCAST,
    COMING,
    'send_message_to_clients(f"* {username} has left the chat")',
)
STAYS = Topic(
    "who stays",
    "One leaves from the middle. What does your server know of those who stay?",
    "Take out what belongs to the connection that has ended, by its name, and leave the others as they are.",
    BROADCAST,
    COMING,
    "remove_client(username)",
)
EACH_ALONE = Topic(
    "each receiver on its own",
    "One receiver has broken off. What does your loop do after the error?",
    "Put the try around each send: one receiver's failure must not keep the message from the next.",
    BROADCAST,
    BROKEN,
    "send_line(receiver, message)",
)
BLAME = Topic(
    "who is gone",
    "A send has failed. Who is gone: the one who spoke, or the one who should have heard?",
    "When a send fails, it is the receiver that is gone, not the speaker.",
    BROADCAST,
    BROKEN,
    "pass  # this client is gone: its own thread will see the end of its lines, and clean up",
)
COPY = Topic(
    "looping over a copy",
    "What if somebody joins while your loop is in the middle of the collection?",
    "Others come and go while you loop: loop over a copy of the collection.",
    BROADCAST,
    CHANGING,
    "receivers = list(clients.values())  # a copy: others may come and go while we send",
)
TWICE = Topic(
    "a lock that is taken twice",
    "Does anything that you call under a lock take the same lock again?",
    "A thread that waits for a lock that it holds itself waits for ever: don't call back under the lock.",
    BROADCAST,
    LOCKS,
    "with clients_lock:",
)
OUTSIDE = Topic(
    "sending outside the lock",
    "How long can a send wait, and who waits for your lock meanwhile?",
    "A send can wait for a long time: copy under the lock, send outside it.",
    BROADCAST,
    LOCKS,
    "receivers = list(clients.values())  # a copy: others may come and go while we send",
)
LOCALS = Topic(
    "one order for all",
    "Two threads are in the same function at the same time. Which variables do they share?",
    "What belongs to one client belongs into local variables: shared ones mix two speakers.",
    BROADCAST,
    LOCKS,
    "with speaking:",
)
SAFE = Topic(
    "control characters",
    "Somebody sends an escape sequence. Whose terminal does it reach?",
    "Replace control characters when a line arrives, before anybody else sees it.",
    BROADCAST,
    REACHES,
    r'yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)',
)
NEWLINES = Topic(
    "what ends a line",
    "What does your program take for the end of a line?",
    "Only “\\n” ends a line on the wire: splitlines cuts at much more, and strip takes off much more.",
    BROADCAST,
    REACHES,
    "line = stream.readline(MAX_LINE)",
)
FAKE = Topic(
    "a notice that nobody can fake",
    "How can a reader tell a notice from a line that looks like one?",
    "Put the speaker's name before every line, also before one that begins with “*”: only the server says a notice.",
    BROADCAST,
    REACHES,
    'line = f"{username}: {message}"',
)
SLOW = Topic(
    "a reader that stops",
    "One client no longer reads. Who waits for it?",
    "Nobody waits for a slow reader: never send in the speaker's turn; bound what you keep, then let go.",
    BROADCAST,
    NOT_YET,
    "send_line(receiver, message)",
)

# Stage 03, the client.

LISTEN = Topic(
    "listening all the time",
    "Your client waits at the keyboard. Who reads what the others say?",
    "Listen in a thread of its own, so that lines are seen while nobody types.",
    BROADCAST,
    LISTENING,
    "listener = threading.Thread(target=receive_messages, args=(lines,), daemon=True)",
    "client.py",
)
KEYBOARD = Topic(
    "the server goes while nobody types",
    "The server has gone, and the main thread waits at the keyboard. Who can end the program?",
    "The main thread waits at the keyboard: let the listening one end the program, with os._exit (sys.exit won't).",
    BROADCAST,
    LISTENING,
    "os._exit(1)  # the main thread waits at the keyboard, and no way to wake it there works on every system",
    "client.py",
)
REST = Topic(
    "what is still on its way",
    "Nothing more is typed. Has everything been heard?",
    "When the input ends, say that you send no more (shutdown), and listen until the server closes.",
    BROADCAST,
    LISTENING,
    "hang_up(server)",
    "client.py",
)

# Stage 04, the window.

WINDOW = "04_tk_client"
STATES = "A window with three states"
KEYS = "Keys and buttons"
NEVER_WAIT = "Never wait in the window's thread"
OWNER = "One thread owns the window"
SHOWN = "What the server sends is what you see"
NO_MORE = "When there is no server, or no more"
CLOSING = "Closing the window"
SIZES = "A window of any size"
NO_WINDOW = "Where there can be no window"

ON_OK = Topic(
    "three states",
    "Which widgets can be used before joining, while waiting, and in the chat?",
    "Enable the message entry when the server has said “ok”, not before.",
    WINDOW,
    STATES,
    "self.enable(self.message, self.send_button)",
    "client.py",
)
ONCE = Topic(
    "joining once",
    "Return is pressed twice. How often does your window join?",
    "A key does what it is bound to in a disabled entry as well: look at the state before you join.",
    WINDOW,
    STATES,
    'if self.username.instate(["disabled"]):',
    "client.py",
)
BIND = Topic(
    "Return joins and sends",
    "What happens in your program when Return is pressed?",
    "Bind <Return> in the entry to the function that sends, and empty the entry when it has been sent.",
    WINDOW,
    KEYS,
    "self.message.bind(key, lambda _event: self.send_message())",
    "client.py",
)
BUTTON = Topic(
    "the button sends",
    "What does a click on the button do that Return does not, or the other way round?",
    "Give the button the same function as the key: command=self.send_message.",
    WINDOW,
    KEYS,
    'self.send_button = ttk.Button(self.page, text="Send", command=self.send_message)',
    "client.py",
)
NOTHING = Topic(
    "nothing to send, in the window",
    "Return is pressed, and the entry holds nothing, or blanks. What should go out?",
    "There is nothing to send: ignore it.",
    WINDOW,
    KEYS,
    "if not text or self.server is None:",
    "client.py",
)
PASTED = Topic(
    "pasted lines",
    "Somebody pastes two lines into an entry. How many messages are that on the wire?",
    "A newline in the text would make two messages of it: join the lines before you send.",
    WINDOW,
    KEYS,
    'return " ".join(text.splitlines()).strip()',
    "client.py",
)
TOO_LONG = Topic(
    "too long to send",
    "What becomes of a message that no server takes?",
    "No server takes a line of more than 4,096 bytes: say so, and keep the text.",
    WINDOW,
    KEYS,
    "if len(data) > MAX_LINE:",
    "client.py",
)
FROZEN = Topic(
    "never frozen",
    "Who draws the window while your callback waits for the network?",
    "While a callback runs, the window is frozen: connect and listen in another thread.",
    WINDOW,
    NEVER_WAIT,
    "threading.Thread(target=receive_messages, args=connection, daemon=True).start()",
    "client.py",
)
ONE_THREAD = Topic(
    "one thread owns the window",
    "Which of your threads calls something of Tk?",
    "Only the thread that made the window may touch it: hand things over in a queue, and look with after.",
    WINDOW,
    OWNER,
    "self.handle(self.events.get_nowait())",
    "client.py",
)
SERVER_SHOWS = Topic(
    "what the server sends is shown",
    "Where does what is on the screen come from: from the keyboard, or from the server?",
    "Show what the server sends, not what you have sent: your own line comes back, and that is the receipt.",
    WINDOW,
    SHOWN,
    "case Heard(line):",
    "client.py",
)
LINES = Topic(
    "lines, in the window",
    "“ok” arrives glued to the first line, another line in pieces. What does your window make of that?",
    "Cut what arrives at newlines, decode whole lines, and keep what is left over.",
    WINDOW,
    SHOWN,
    "line = stream.readline()",
    "client.py",
)
CLEAN = Topic(
    "control characters, in the window",
    "What can a stranger's control characters do to the text on your screen?",
    "Replace control characters before you show a line.",
    WINDOW,
    SHOWN,
    r'yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)',
    "client.py",
)
TYPE_AGAIN = Topic(
    "another name",
    "The name was refused. What can the person do now, and on which connection?",
    "After “failed”, enable the name entry again, and make a new socket for the next try.",
    WINDOW,
    STATES,
    "case Refused():",
    "client.py",
)
BACK = Topic(
    "back to the first state",
    "The server has gone. What can be done in your window now?",
    "When the connection ends, go back to the first state: another try must be possible.",
    WINDOW,
    NO_MORE,
    'self.leave(f"{reason} You can join again.", self.join_button)',
    "client.py",
)
SAY_SO = Topic(
    "say so in the window",
    "Something went wrong. Where does the person see it?",
    "Catch the error and say so in the window: nobody looks at the terminal behind it.",
    WINDOW,
    NO_MORE,
    'events.put(Gone(f"Cannot reach a server at {host}:{port}: {reason}."))',
    "client.py",
)
PROCESS = Topic(
    "the process ends with its window",
    "The window is closed. What is still running, and what does it wait for?",
    "Shut the socket down and let the threads be daemons, so that the process ends with its window.",
    WINDOW,
    CLOSING,
    "self.server.shutdown(socket.SHUT_RDWR)  # wakes the network's thread, as close would not",
    "client.py",
)
SCROLL = Topic(
    "the newest line in sight",
    "A line comes in. Which part of the conversation should be in sight then?",
    "Look with yview whether the end was in sight before you insert; if so, see the new end.",
    WINDOW,
    SIZES,
    "self.following = self.messages.yview()[1] == 1.0",
    "client.py",
)
GEOMETRY = Topic(
    "a window of any size",
    "Who gives way when the window becomes smaller?",
    "Use grid or pack with weights, and a minimum size taken from what the widgets ask for.",
    WINDOW,
    SIZES,
    "self.root.minsize(width, height)",
    "client.py",
)
NO_DISPLAY = Topic(
    "no display",
    "What does Tk() do where there is no screen?",
    "Catch tkinter.TclError around Tk(), print one line to standard error, exit with status 1.",
    WINDOW,
    NO_WINDOW,
    "except tk.TclError as error:",
    "client.py",
)
NO_TKINTER = Topic(
    "no tkinter",
    "Is tkinter part of every Python?",
    "Catch ImportError around the import, print one line to standard error, exit with status 1.",
    WINDOW,
    NO_WINDOW,
    "except ImportError:",
    "client.py",
)
TOGETHER_IN_TWO_WINDOWS = Topic(
    "two windows talk",
    "What does each of two windows have to know of the other?",
    "Nothing but lines goes between them, over the server: name, verdict, what is said, and notices.",
    WINDOW,
    SHOWN,
    "case Heard(line):",
    "client.py",
)

TOPICS: tuple[Topic, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Topic))
