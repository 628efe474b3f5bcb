"""Wrong programs for the window suite."""

from .fragments import CLEAN, READ_LOOP_CLIENT, WHEN_TOLD, reading, reading_lines
from .rows import Wrong

CLIENT = "client.py"

START = "threading.Thread(target=receive_messages, args=connection, daemon=True).start()"
WAIT = "        self.wait()\n"
AGAIN = """        if self.username.instate(["disabled"]):
            return  # Return was pressed again, on the way in
"""
SEND = """        try:
            self.server.sendall(data)
        except OSError:
            return  # the connection has just ended: the text stays, and the network's thread says so
"""
CHECK_TEXT = "        if not text or self.server is None:\n            return\n"
TOO_LONG = """        if len(data) > MAX_LINE:
            self.status.configure(text=f"That is too long to send: it has to stay under {MAX_LINE} bytes.")
            return
"""
REFUSED = (
    "                self.leave("
    'f"“{self.username.get()}” is taken or not allowed. Choose another username.", self.username)\n'
)
GONE = """                self.leave(f"{reason} You can join again.", self.join_button)
"""
HANG_UP = """        if self.server is not None:
            try:
                self.server.shutdown(socket.SHUT_RDWR)  # wakes the network's thread, as close would not
            except OSError:
                pass  # it has ended already
"""
VERDICT = "    verdict = next(lines, None)\n"
CANT_REACH = """    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        events.put(Gone(f"Cannot reach a server at {host}:{port}: {reason}."))
"""
FOLLOW = """        if self.following:
            self.messages.see("end")
"""
FOLLOWING = "        self.following = self.messages.yview()[1] == 1.0\n"
MINSIZE = "        self.root.minsize(width, height)\n"

WRONG = [
    Wrong(
        "everything can be used from the first moment",
        stage=4,
        mistakes=(42,),
        checks=("test_at_first_only_the_name_can_be_typed",),
        says="",
        program=CLIENT,
        edits=[("        self.disable(self.message, self.send_button)\n", "")],
    ),
    Wrong(
        "Return joins once more on the way in",
        stage=4,
        mistakes=(),
        checks=("test_return_twice_joins_once",),
        says="",
        program=CLIENT,
        edits=[(AGAIN, "")],
    ),
    Wrong(
        "the keyboard is nowhere",
        stage=4,
        mistakes=(),
        checks=("test_at_first_only_the_name_can_be_typed",),
        says="The keyboard should be in the username's entry",
        program=CLIENT,
        edits=[("        keyboard.focus_set()\n", "")],
    ),
    Wrong(
        "messages can be typed before the verdict",
        stage=4,
        mistakes=(42,),
        checks=("test_joining_waits_for_the_verdict",),
        says="While the verdict is out",
        program=CLIENT,
        edits=[(WAIT, f"{WAIT}        self.enable(self.message, self.send_button)\n")],
    ),
    Wrong(
        "the keyboard stays in the name's entry",
        stage=4,
        mistakes=(),
        checks=("test_joining_waits_for_the_verdict",),
        says="The keyboard should be in the message's entry",
        program=CLIENT,
        edits=[("        self.message.focus_set()\n", "")],
    ),
    Wrong(
        "the tutorial's window: all in callbacks, another thread writes into it",
        stage=4,
        mistakes=(38, 40, 41, 42, 43, 44, 45, 48, 49, 50, 51, 56),
        checks=(
            "test_joining_waits_for_the_verdict",
            "test_connecting_does_not_freeze_the_window",
            "test_there_is_no_server",
            "test_the_process_ends_with_its_window[talking]",
            "test_what_the_server_sends_is_shown",
            "test_the_server_goes[closes]",
            "test_many_lines_at_once",
        ),
        says="The window is frozen",
        program=CLIENT,
        source="wrong/programs/tutorial_window.py",
    ),
    Wrong(
        "a Text to type into, where Return leaves a newline",
        stage=4,
        mistakes=(53,),
        checks=("test_return_joins_and_sends",),
        says="return “break”",
        program=CLIENT,
        source="right/plain_window.py",
        edits=[('    return "break"  # or the key\'s own binding would add a newline\n', "")],
    ),
    Wrong(
        "a Text to type into, where Return on nothing leaves a newline",
        stage=4,
        mistakes=(53,),
        checks=("test_return_joins_and_sends",),
        says="Return in the empty entry should leave it empty",
        program=CLIENT,
        source="right/plain_window.py",
        edits=[
            ('    return "break"  # or the key\'s own binding would add a newline\n', ""),
            (
                '            message.delete("1.0", "end")\n',
                '            message.delete("1.0", "end")\n            return "break"\n',
            ),
        ],
    ),
    Wrong(
        "connected before the window is there",
        stage=4,
        mistakes=(38, 43),
        checks=("test_there_is_no_server",),
        says="ConnectionRefusedError",
        program=CLIENT,
        source="right/plain_window.py",
        edits=[
            ("try:\n    root = tk.Tk()", "early = [socket.create_connection(ADDRESS)]\n\ntry:\n    root = tk.Tk()"),
            (
                "arguments = parser.parse_args()\n",
                "arguments = parser.parse_args()\nADDRESS = (arguments.host, arguments.port)\n",
            ),
            (
                "        with socket.create_connection((arguments.host, arguments.port), timeout=10) as server:\n",
                "        with early.pop() if early else socket.create_connection(ADDRESS, timeout=10) as server:\n",
            ),
        ],
    ),
    Wrong(
        "Return does nothing",
        stage=4,
        mistakes=(46,),
        checks=("test_return_joins_and_sends",),
        says="Bind <Return>",
        program=CLIENT,
        edits=[('        for key in ("<Return>", "<KP_Enter>"):\n', '        for key in ("<KP_Enter>",):\n')],
    ),
    Wrong(
        "Return joins, and does not send",
        stage=4,
        mistakes=(46,),
        checks=("test_return_joins_and_sends",),
        says="Bind <Return>",
        program=CLIENT,
        edits=[("            self.message.bind(key, lambda _event: self.send_message())\n", "")],
    ),
    Wrong(
        "what was sent stays in the entry",
        stage=4,
        mistakes=(),
        checks=("test_return_joins_and_sends", "test_the_button_sends"),
        says="should be empty after sending",
        program=CLIENT,
        edits=[('        self.message.delete(0, "end")\n', "")],
    ),
    Wrong(
        "the button does nothing",
        stage=4,
        mistakes=(),
        checks=("test_the_button_sends",),
        says="expected: hello",
        program=CLIENT,
        edits=[('text="Send", command=self.send_message', 'text="Send"')],
    ),
    Wrong(
        "empty messages are sent",
        stage=4,
        mistakes=(45,),
        checks=("test_nothing_is_not_sent",),
        says="There is nothing to send",
        program=CLIENT,
        edits=[(CHECK_TEXT, CHECK_TEXT.replace("not text or ", ""))],
    ),
    Wrong(
        "an empty name is tried",
        stage=4,
        mistakes=(4, 45),
        checks=("test_nothing_is_not_sent",),
        says="",
        program=CLIENT,
        edits=[("if not 1 <= len(username) <= MAX_USERNAME:", "if len(username) > MAX_USERNAME:")],
    ),
    Wrong(
        "its own line is shown without the server",
        stage=4,
        mistakes=(47,),
        checks=("test_what_the_server_sends_is_shown",),
        says="has not sent",
        program=CLIENT,
        edits=[
            (
                '        self.message.delete(0, "end")\n',
                '        self.show(f"{self.username.get()}: {text}")\n        self.message.delete(0, "end")\n',
            )
        ],
    ),
    Wrong(
        "one recv is one message",
        stage=4,
        mistakes=(41, 50),
        checks=("test_the_window_cuts_lines",),
        says="Cut what arrives at newlines",
        program=CLIENT,
        edits=[
            reading(
                '        while data := stream.read1(1024):\n            yield data.decode(errors="replace").strip()\n',
                READ_LOOP_CLIENT,
            )
        ],
    ),
    Wrong(
        "what comes in is shown as it comes, letters cut in two",
        stage=4,
        mistakes=(8, 41),
        checks=("test_the_window_cuts_lines",),
        says="Cut what arrives at newlines",
        program=CLIENT,
        edits=[
            reading(
                "        while True:\n"
                '            yield stream.readline().decode().rstrip("\\n'
                '")\n'
                "            break\n"
                "        while data := stream.read1(1024):\n"
                '            yield data.decode(errors="replace")\n',
                READ_LOOP_CLIENT,
            ),
            ('self.messages.insert("end", f"{line}\\n")', 'self.messages.insert("end", line)'),
        ],
    ),
    Wrong(
        "stays locked after failed",
        stage=4,
        mistakes=(56,),
        checks=("test_a_refused_name_can_be_changed", "test_a_verdict_in_pieces_is_understood"),
        says="enable the name entry again",
        program=CLIENT,
        edits=[(REFUSED, '                self.status.configure(text="That name is taken.")\n')],
    ),
    Wrong(
        "refused without a word",
        stage=4,
        mistakes=(56,),
        checks=("test_a_refused_name_can_be_changed",),
        says="should say that the name is refused",
        program=CLIENT,
        edits=[(REFUSED, '                self.leave("Choose a username and join the chat.", self.username)\n')],
    ),
    Wrong(
        "the refused connection stays open",
        stage=4,
        mistakes=(57,),
        checks=("test_a_refused_name_can_be_changed",),
        says="The client should close its connection.",
        program=CLIENT,
        edits=[
            (
                "        with socket.create_connection((host, port), timeout=PATIENCE) as server, "
                'server.makefile("rb") as stream:\n',
                "        server = socket.create_connection((host, port), timeout=PATIENCE)\n"
                "        kept.append(server)\n"
                '        if stream := server.makefile("rb"):\n',
            ),
            ("def receive_messages(", "kept: list[socket.socket] = []\n\n\ndef receive_messages("),
        ],
    ),
    Wrong(
        "the first recv is the verdict",
        stage=4,
        mistakes=(41, 50),
        checks=("test_the_window_cuts_lines", "test_a_verdict_in_pieces_is_understood"),
        says="Cut what arrives at newlines",
        program=CLIENT,
        edits=[(VERDICT, "    verdict = server.recv(1024).decode().strip()\n")],
    ),
    Wrong(
        "unusable after the server has gone",
        stage=4,
        mistakes=(39,),
        checks=("test_the_server_goes",),
        says="A name should be asked for",
        program=CLIENT,
        edits=[(GONE, "                self.status.configure(text=reason)\n")],
    ),
    Wrong(
        "the server goes without a word",
        stage=4,
        mistakes=(39,),
        checks=("test_the_server_goes",),
        says="should say that the connection has ended",
        program=CLIENT,
        edits=[(GONE, '                self.leave(self.status.cget("text"), self.join_button)\n')],
    ),
    Wrong(
        "empty lines without end when the server has gone",
        stage=4,
        mistakes=(49,),
        checks=("test_the_server_goes[closes]",),
        says="",
        program=CLIENT,
        edits=[reading_lines("while True:\n            line = stream.readline()", READ_LOOP_CLIENT)],
    ),
    Wrong(
        "the window is destroyed when the server has gone",
        stage=4,
        mistakes=(54,),
        checks=("test_the_server_goes",),
        says="The window is gone",
        program=CLIENT,
        edits=[(GONE, "                self.root.quit()\n")],
    ),
    Wrong(
        "no server: a traceback behind the window",
        stage=4,
        mistakes=(43,),
        checks=("test_there_is_no_server",),
        says="catch the error of connecting, and say so",
        program=CLIENT,
        edits=[(CANT_REACH, "    finally:\n        pass\n")],
    ),
    Wrong(
        "connecting in Tk's thread",
        stage=4,
        mistakes=(38,),
        checks=("test_joining_waits_for_the_verdict", "test_connecting_does_not_freeze_the_window"),
        says="The window is frozen",
        program=CLIENT,
        edits=[(START, "self.root.update()\n        receive_messages(*connection)")],
    ),
    Wrong(
        "an error while sending is not caught",
        stage=4,
        mistakes=(44,),
        checks=("test_sending_into_a_broken_connection",),
        says="An exception in the program was not caught",
        program=CLIENT,
        edits=[(SEND, "        self.server.sendall(data)\n")],
    ),
    Wrong(
        "the process outlives its window",
        stage=4,
        mistakes=(48, 52),
        checks=("test_connecting_does_not_freeze_the_window", "test_the_process_ends_with_its_window"),
        says="so that the process ends with its window",
        program=CLIENT,
        edits=[
            (HANG_UP, ""),
            (START, START.replace(", daemon=True", "")),
            ("PATIENCE = 10", "PATIENCE = 60"),  # longer than a check waits
        ],
    ),
    Wrong(
        "close, which does not wake the thread that listens",
        stage=4,
        mistakes=(48, 52),
        checks=("test_the_process_ends_with_its_window",),
        says="should end.",
        program=CLIENT,
        edits=[
            ("self.server.shutdown(socket.SHUT_RDWR)", "self.server.close()"),
            (START, START.replace(", daemon=True", "")),
            ("PATIENCE = 10", "PATIENCE = 3"),  # so that a thread that only connects ends in time
        ],
    ),
    Wrong(
        "the network's thread keeps the process alive while the answer is waited for",
        stage=4,
        mistakes=(48,),
        checks=("test_the_process_ends_with_its_window[waiting]",),
        says="should end.",
        program=CLIENT,
        edits=[
            (START, START.replace(", daemon=True", "")),
            ("timeout=PATIENCE", "timeout=3"),  # a thread that only connects ends in time, one that waits does not
            (
                "            events.put(join_chat(",
                "            server.settimeout(60)\n            events.put(join_chat(",
            ),
        ],
    ),
    Wrong(
        "asked to end, it is cut off",
        stage=4,
        mistakes=(11,),
        checks=("test_a_request_to_end_closes_the_window",),
        says="A system that wants a program to end sends SIGTERM",
        program=CLIENT,
        edits=[(WHEN_TOLD, "pass")],
    ),
    Wrong(
        "Tk is called from the network's thread",
        stage=4,
        mistakes=(40,),
        checks=("test_what_the_server_sends_is_shown",),
        says="from another thread",
        program=CLIENT,
        edits=[
            ("        events.put(Heard(line))\n", "        windows[0].show(line)\n"),
            ("        self.root = root\n", "        self.root = root\n        windows.append(self)\n"),
            ("class ChatWindow:\n", 'windows: list["ChatWindow"] = []\n\n\nclass ChatWindow:\n'),
        ],
    ),
    Wrong(
        "after, called from the network's thread",
        stage=4,
        mistakes=(40,),
        checks=("test_what_the_server_sends_is_shown",),
        says="from another thread",
        program=CLIENT,
        edits=[
            ("        events.put(Heard(line))\n", "        windows[0].root.after(0, windows[0].show, line)\n"),
            ("        self.root = root\n", "        self.root = root\n        windows.append(self)\n"),
            ("class ChatWindow:\n", 'windows: list["ChatWindow"] = []\n\n\nclass ChatWindow:\n'),
        ],
    ),
    Wrong(
        "of many lines some are forgotten",
        stage=4,
        mistakes=(),
        checks=("test_many_lines_at_once",),
        says="Some of the lines are not shown",
        program=CLIENT,
        edits=[
            (
                "                self.handle(self.events.get_nowait())\n",
                "                event = self.events.get_nowait()\n"
                '                if not (isinstance(event, Heard) and event.line.endswith("77")):\n'
                "                    self.handle(event)\n",
            )
        ],
    ),
    Wrong(
        "the newest line is out of sight",
        stage=4,
        mistakes=(),
        checks=("test_many_lines_at_once", "test_who_has_scrolled_up_stays_there"),
        says="see the new end",
        program=CLIENT,
        edits=[(FOLLOW, "        pass\n")],
    ),
    Wrong(
        "who reads further up is taken to the end",
        stage=4,
        mistakes=(),
        checks=("test_who_has_scrolled_up_stays_there",),
        says="had scrolled up",
        program=CLIENT,
        edits=[(FOLLOWING, "")],
    ),
    Wrong(
        "lines are shown as they come",
        stage=4,
        mistakes=(4,),
        checks=("test_the_window_shows_no_control_characters",),
        says="shown as it came",
        program=CLIENT,
        edits=[(CLEAN, "yield text")],
    ),
    Wrong(
        "what is not UTF-8 ends the listening",
        stage=4,
        mistakes=(28,),
        checks=("test_the_window_shows_no_control_characters",),
        says="bob: end",
        program=CLIENT,
        edits=[('line.decode("utf-8", errors="replace")', "line.decode()")],
    ),
    Wrong(
        "pasted lines are several messages",
        stage=4,
        mistakes=(4,),
        checks=("test_pasted_lines_are_one_message",),
        says="as two lines",
        program=CLIENT,
        edits=[('    return " ".join(text.splitlines()).strip()\n', "    return text.strip()\n")],
    ),
    Wrong(
        "a name is one line, a message may be several",
        stage=4,
        mistakes=(4,),
        checks=("test_pasted_lines_are_one_message",),
        says="would make two messages of it",
        program=CLIENT,
        edits=[("text = one_line(self.message.get())", "text = self.message.get().strip()")],
    ),
    Wrong(
        "too long a message is sent all the same",
        stage=4,
        mistakes=(),
        checks=("test_what_is_too_long_is_not_sent",),
        says="should say that the message is too long",
        program=CLIENT,
        edits=[(TOO_LONG, "")],
    ),
    Wrong(
        "letters are counted, not bytes",
        stage=4,
        mistakes=(),
        checks=("test_what_is_too_long_is_not_sent",),
        says="should say that the message is too long",
        program=CLIENT,
        edits=[(TOO_LONG, TOO_LONG.replace("len(data) >", "len(text) >="))],
    ),
    Wrong(
        "made small, the window cuts itself off",
        stage=4,
        mistakes=(),
        checks=("test_nothing_is_cut_off",),
        says="cut off",
        program=CLIENT,
        edits=[(MINSIZE, "")],
    ),
    Wrong(
        "the window's size is fixed",
        stage=4,
        mistakes=(),
        checks=("test_nothing_is_cut_off",),
        says="should be resizable",
        program=CLIENT,
        edits=[(MINSIZE, f"{MINSIZE}        self.root.maxsize(width, height)\n")],
    ),
    Wrong(
        "the size is given in pixels, whatever the screen",
        stage=4,
        mistakes=(),
        checks=("test_nothing_is_cut_off[192]",),
        says="cut off",
        program=CLIENT,
        edits=[(MINSIZE, "        self.root.minsize(360, 300)\n")],
    ),
    Wrong(
        "the conversation stays small in a large window",
        stage=4,
        mistakes=(),
        checks=("test_nothing_is_cut_off",),
        says="should grow with the window",
        program=CLIENT,
        edits=[("        self.page.rowconfigure(2, weight=1)\n", "")],
    ),
    Wrong(
        "no display: a traceback",
        stage=4,
        mistakes=(43,),
        checks=("test_no_display_is_said_in_one_line",),
        says="tkinter.TclError",
        program=CLIENT,
        edits=[("    except tk.TclError as error:\n", "    except ZeroDivisionError as error:\n")],
    ),
    Wrong(
        "no tkinter: a traceback",
        stage=4,
        mistakes=(43,),
        checks=("test_no_tkinter_is_said_in_one_line",),
        says="Catch ImportError around the import",
        program=CLIENT,
        edits=[("except ImportError:\n", "except ZeroDivisionError:\n")],
    ),
    Wrong(
        "notices are not shown",
        stage=4,
        mistakes=(9,),
        checks=("test_what_the_server_sends_is_shown", "test_the_window_cuts_lines", "test_two_windows_talk"),
        says="should show '* dave has joined the chat'",
        program=CLIENT,
        edits=[
            (
                "            case Heard(line):\n                self.show(line)\n",
                "            case Heard(line):\n"
                '                if not line.startswith("*"):\n'
                "                    self.show(line)\n",
            )
        ],
    ),
]
