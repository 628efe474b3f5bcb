"""Wrong programs in other styles than the stages': asyncio, selectors, socketserver, and JavaScript for Node.

Most are edits of the programs in ../right/. What goes wrong there is not what goes wrong with threads.
"""

from .rows import Wrong

ASYNCIO = "right/asyncio_server.py"
SELECTORS = "right/selectors_server.py"
SOCKETSERVER = "right/socketserver_server.py"
NODE = "right/node_server.js"
NODE_CLIENT = "right/node_client.js"

# asyncio.
WHOLE_LINES = """        *lines, self.pending = (self.pending + data).split(b"\\n")
        for line in lines:
            if len(line) >= MAX_LINE:
                self.transport.close()
            if not self.transport.is_closing():
                self.hear(UNSAFE.sub("?", line.decode(errors="replace").removesuffix("\\r")))
        if len(self.pending) >= MAX_LINE:
            self.transport.close()
"""
AT_ONCE = """        for text in data.decode(errors="replace").splitlines():
            self.hear(UNSAFE.sub("?", text))
"""
ASKED = """    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked.set))
"""

# selectors.
PUT_OUT = '            client.outgoing += f"{line}\\n".encode()\n'
NOTHING_CAME = """    except OSError:
        data = b""
    if not data:
"""

# socketserver.
DAEMONS = "    daemon_threads = True\n"
HANDLE_ERROR = "        if not isinstance(sys.exception(), OSError):  # that one has gone, and that is all\n"
READLINE = "        raw = self.rfile.readline(4096)\n"
FREE = """        finally:
            with lock:
                names.remove(name.casefold())
"""

# Node.
CONCAT = "    pending = Buffer.concat([pending, data]);\n    for"
CUT = """    for (let end; (end = pending.indexOf(NEWLINE)) >= 0; ) {
      const line = pending.subarray(0, end);
      pending = pending.subarray(end + 1);
"""
ON_ERROR = '  socket.on("error", leave); // a reset: it has gone, like one that has closed\n'
SIGNALS = 'for (const signal of ["SIGINT", "SIGTERM", "SIGBREAK"]) process.on(signal, () => process.exit(0));\n'

WRONG = [
    Wrong(
        "asyncio: what data_received brings is a message",
        stage=3,
        mistakes=(3, 8),
        checks=("test_a_line_in_two_pieces_is_one", "test_a_letter_in_two_pieces_is_one"),
        says="keep what has come until its newline is there",
        source=ASYNCIO,
        edits=[(WHOLE_LINES, AT_ONCE)],
    ),
    Wrong(
        "asyncio: Ctrl-C comes out of run",
        stage=3,
        mistakes=(37,),
        checks=("test_the_server_ends_when_it_is_told_to[interrupt]",),
        says="KeyboardInterrupt",
        source=ASYNCIO,
        edits=[(ASKED, "")],
    ),
    Wrong(
        "asyncio: who breaks off is not forgotten",
        stage=3,
        mistakes=(9, 19),
        checks=("test_others_go_on_when_one_goes[breaks]", "test_everyone_hears_who_leaves[breaks]"),
        says="expected: * bob has left the chat",
        source=ASYNCIO,
        edits=[
            (
                "        if self.name:\n            del members",
                "        if self.name and error is None:\n            del members",
            )
        ],
    ),
    Wrong(
        "asyncio: each receiver is waited for in turn",
        stage=5,
        mistakes=(1,),
        checks=("test_a_reader_that_stops_holds_up_nobody",),
        says="Nobody waits for a slow reader",
        source="wrong/programs/await_each.py",
    ),
    Wrong(
        "selectors: what the system did not take is lost",
        stage=3,
        mistakes=(7,),
        checks=("test_nothing_is_lost_when_a_client_reads_late",),
        says="sendall goes on until all of it is gone",
        source=SELECTORS,
        edits=[
            (
                PUT_OUT,
                f"{PUT_OUT}            try:\n"
                "                client.connection.send(client.outgoing)\n"
                "            except OSError:\n"
                "                pass\n"
                "            client.outgoing.clear()\n",
            )
        ],
    ),
    Wrong(
        "selectors: a reset ends the loop for all",
        stage=3,
        mistakes=(18, 19),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]",),
        says="A connection broke, and that was not caught",
        source=SELECTORS,
        edits=[(NOTHING_CAME, "    if not data:\n")],
    ),
    Wrong(
        "selectors: the loop waits until one receiver has taken all",
        stage=3,
        mistakes=(1, 23),
        checks=("test_a_newcomer_is_let_in_while_the_room_waits",),
        says="A send can wait for a long time",
        source=SELECTORS,
        edits=[
            (
                PUT_OUT,
                f"{PUT_OUT}            client.connection.setblocking(True)\n"
                "            try:\n"
                "                client.connection.sendall(client.outgoing)\n"
                "            except OSError:\n"
                "                pass\n"
                "            client.connection.setblocking(False)\n"
                "            client.outgoing.clear()\n",
            ),
            # Or who says much, and reads nothing of it, would be silenced before the loop stands still.
            ("MOST_KEPT = 1_000_000", "MOST_KEPT = LET_GO = 1_000_000_000"),
            ("LET_GO = 8_000_000  # bytes; who has even more is let go\n", ""),
        ],
    ),
    Wrong(
        "socketserver: TCPServer, which serves one after the other",
        stage=2,
        mistakes=(16,),
        checks=("test_several_are_served_at_once", "test_nobody_waits_for_one_who_gives_no_name"),
        says="talk in the client's own thread",
        source=SOCKETSERVER,
        edits=[("socketserver.ThreadingTCPServer", "socketserver.TCPServer")],
    ),
    Wrong(
        "socketserver: the name is kept in the class, which all handlers share",
        stage=2,
        mistakes=(29,),
        checks=("test_several_are_served_at_once", "test_each_is_heard_under_their_own_name"),
        says="came: ",
        source=SOCKETSERVER,
        edits=[
            (
                "            names.add(name.casefold())\n",
                "            names.add(name.casefold())\n            Handler.name = name\n",
            ),
            ('print(f"{name}: {line}", end', 'print(f"{Handler.name}: {line}", end'),
            ('self.wfile.write(f"{name}: {line}"', 'self.wfile.write(f"{Handler.name}: {line}"'),
        ],
    ),
    Wrong(
        "socketserver: one recv is one line",
        stage=2,
        mistakes=(2, 3),
        checks=(
            "test_two_lines_in_one_send_are_two",
            "test_a_line_in_two_pieces_is_one",
            "test_name_and_message_in_one_send",
        ),
        says="One recv may bring two lines",
        source=SOCKETSERVER,
        edits=[
            (
                READLINE,
                "        raw = self.request.recv(4096)\n"
                '        raw += b"\\n" * (0 < len(raw) and not raw.endswith(b"\\n"))\n',
            )
        ],
    ),
    Wrong(
        "socketserver: threads that are waited for at the end",
        stage=2,
        mistakes=(11,),
        checks=("test_the_server_ends_when_it_is_told_to",),
        says="should end.",
        source=SOCKETSERVER,
        edits=[(DAEMONS, "")],
    ),
    Wrong(
        "socketserver: the port rests after the end",
        stage=2,
        mistakes=(12,),
        checks=("test_the_server_can_start_again_on_its_port",),
        says="SO_REUSEADDR",
        source=SOCKETSERVER,
        edits=[("    allow_reuse_address = True\n", "")],
    ),
    Wrong(
        "socketserver: a reset prints a traceback",
        stage=2,
        mistakes=(19,),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]",),
        says="was not caught",
        source=SOCKETSERVER,
        edits=[(HANDLE_ERROR, "        if True:\n")],
    ),
    Wrong(
        "socketserver: a name is freed by those alone who close",
        stage=2,
        mistakes=(19, 27),
        checks=("test_a_name_is_free_again_when_its_owner_has_gone[breaks]",),
        says="should be free again",
        source=SOCKETSERVER,
        edits=[
            (
                FREE,
                FREE.replace("finally:", "except ValueError:\n            pass\n        else:"),
            )
        ],
    ),
    Wrong(
        "Node: an echo that is a pipe, and a reset ends it for all",
        stage=1,
        mistakes=(18, 19),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]",),
        says="Nothing that a client does may end the loop",
        source="wrong/programs/pipe_echo.js",
    ),
    Wrong(
        "Node: nobody listens for errors, and a reset ends the server",
        stage=3,
        mistakes=(18, 19),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]", "test_everyone_hears_who_leaves[breaks]"),
        says="Nothing that a client does may end the loop",
        race=True,
        source=NODE,
        edits=[(ON_ERROR, "")],
    ),
    Wrong(
        "Node: bytes are added to a string, and become letters one event at a time",
        stage=3,
        mistakes=(8,),
        checks=("test_a_letter_in_two_pieces_is_one",),
        says="decode whole lines",
        source=NODE,
        edits=[
            ("    pending = Buffer.concat([pending, data]);\n", '    pending += data.toString("utf8");\n'),
            ("  let pending = Buffer.alloc(0);", '  let pending = "";'),
            ("(end = pending.indexOf(NEWLINE))", '(end = pending.indexOf("\\n"))'),
            ("const line = pending.subarray(0, end)", "const line = pending.slice(0, end)"),
            ("pending = pending.subarray(end + 1)", "pending = pending.slice(end + 1)"),
            ('hear(line.toString("utf8").', "hear(line."),
        ],
    ),
    Wrong(
        "Node: a data event is a message",
        stage=3,
        mistakes=(2, 3),
        checks=("test_two_lines_in_one_send_are_two", "test_a_line_in_two_pieces_is_one"),
        says="One recv may bring two lines",
        source=NODE,
        edits=[
            (
                "    pending = Buffer.concat([pending, data]);\n",
                '    hear(data.toString("utf8").trim().replace(UNSAFE, "?"));\n',
            ),
        ],
    ),
    Wrong(
        "Node: server.close, which waits for the clients",
        stage=3,
        mistakes=(11, 37),
        checks=("test_the_server_ends_when_it_is_told_to",),
        says="should end.",
        source=NODE,
        edits=[
            (f"  {SIGNALS}", ""),
            (
                "  server.listen({",
                '  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.close());\n'
                "  server.listen({",
            ),
        ],
    ),
    Wrong(
        "Node: an object for a dictionary, where some names are there from the start",
        stage=3,
        mistakes=(5,),
        checks=("test_what_is_a_name_is_accepted",),
        says="came: failed",
        source=NODE,
        edits=[
            ("const members = new Map();", "const members = {};"),
            ("members.has(folded(wanted))", "members[folded(wanted)]"),
            ("members.set(folded(name), socket)", "members[folded(name)] = socket"),
            ("members.delete(folded(name))", "delete members[folded(name)]"),
            ("[...members.values()]", "Object.values(members)"),
        ],
    ),
    Wrong(
        "Node: splice at -1 takes out the last one in",
        stage=3,
        mistakes=(21,),
        checks=("test_a_line_in_two_pieces_is_one", "test_who_was_refused_may_try_another_name"),
        says="waits in vain",
        source="wrong/programs/array_server.js",
    ),
    Wrong(
        "Node, client: a data event is a message",
        stage=3,
        mistakes=(41,),
        checks=("test_client_puts_pieces_together", "test_client_hears_the_verdict_in_pieces"),
        says="keep what has come",
        program="client.py",
        source=NODE_CLIENT,
        edits=[
            ("    pending = Buffer.concat([pending, data]);\n", '    hear(data.toString("utf8").trim());\n'),
        ],
    ),
    Wrong(
        "Node, client: the end of the connection is not listened for",
        stage=3,
        mistakes=(49,),
        checks=("test_client_ends_with_the_server[closes]",),
        says="should end.",
        program="client.py",
        source=NODE_CLIENT,
        edits=[('  server.on("end", () => server === socket && ended());\n', "")],
    ),
]
