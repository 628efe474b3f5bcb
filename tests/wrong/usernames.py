"""Wrong programs for the usernames suite."""

from .fragments import BREAKS, READ_LOOP_CLIENT, reading
from .rows import Wrong

NAME = 'username = next(lines, "").strip()'
LOOK = "if not USERNAME.fullmatch(username) or username.casefold() in clients:"
LOOK_AND_ADD = f"""    with clients_lock:
        {LOOK}
            return False
        send_line(client, "ok")  # while nobody else can send to it; three bytes do not have to wait
        clients[username.casefold()] = client
        return True
"""
SLOWLY = "        time.sleep(0.001)  # as if there were a file of names to look into\n"
REFUSE = """            send_line(client, "failed")
            return
"""
CLEAN_UP = """        finally:  # whatever ended it: a close, a reset, or a mistake of ours
            remove_client(username)
"""
REMOVE = "        del clients[username.casefold()]\n"
SAY = 'line = f"{username}: {message}"'

# The client.
VERDICT = 'return next_line(lines) == "ok"'
TRY_NAMES = """    for username in map(str.strip, typed):
        with connect_to_server(arguments.host, arguments.port) as server, server.makefile("rb") as stream:
            lines = read_lines(stream)
            if join_chat(username, server, lines):
"""

WRONG = [
    Wrong(
        "a greeting instead of ok",
        stage=2,
        mistakes=(),
        checks=("test_a_line_comes_back", "test_a_name_is_accepted"),
        says="came: Welcome, alice!",
        edits=[('send_line(client, "ok")', 'send_line(client, f"Welcome, {username}!")')],
    ),
    Wrong(
        "bytes in an f-string",
        stage=2,
        mistakes=(34,),
        checks=(
            "test_a_line_comes_back",
            "test_each_is_heard_under_their_own_name",
            "test_the_server_prints_the_conversation",
        ),
        says="decode what comes before you put it into a text",
        edits=[
            (SAY, 'line = f"{username.encode()}: {message}"'),
            ('show(f"* {username} has joined', 'show(f"* somebody has joined'),
        ],
    ),
    Wrong(
        "names in lower case for all to see",
        stage=2,
        mistakes=(),
        checks=("test_each_is_heard_under_their_own_name",),
        says="came: alice: hello",
        edits=[(NAME, 'username = next(lines, "").strip().lower()')],
    ),
    Wrong(
        "the same name twice",
        stage=2,
        mistakes=(5,),
        checks=("test_a_taken_name_is_refused", "test_being_refused_takes_nothing_from_the_owner"),
        says="Look whether the name is there",
        edits=[
            (LOOK, "if not USERNAME.fullmatch(username):"),
            (REMOVE, "        clients.pop(username.casefold(), None)\n"),
        ],
    ),
    Wrong(
        "the one who was refused is left standing in the door",
        stage=2,
        mistakes=(57,),
        checks=("test_a_taken_name_is_refused", "test_who_was_refused_may_try_another_name"),
        says="should be closed by the server",
        edits=[(REFUSE, REFUSE.replace("            return", "            next(lines, None)\n            return"))],
    ),
    Wrong(
        "a refused client is asked again on the same connection",
        stage=2,
        mistakes=(57,),
        checks=("test_a_taken_name_is_refused", "test_who_was_refused_may_try_another_name"),
        says="should be closed by the server",
        edits=[
            (
                f"        if not add_client(username, client):\n{REFUSE}",
                "        while not add_client(username, client):\n"
                '            send_line(client, "failed")\n'
                '            username = next(lines, "").strip()\n',
            )
        ],
    ),
    Wrong(
        "names compared letter by letter",
        stage=2,
        mistakes=(5,),
        checks=("test_names_that_differ_in_case_alone_are_one",),
        says="casefold()",
        edits=[
            (LOOK, "if not USERNAME.fullmatch(username) or username in clients:"),
            ("clients[username.casefold()] = client", "clients[username] = client"),
            (REMOVE, "        del clients[username]\n"),
        ],
    ),
    Wrong(
        "names compared with lower, which is not enough for every language",
        stage=2,
        mistakes=(5,),
        checks=("test_names_that_differ_in_case_alone_are_one",),
        says="casefold()",
        edits=[
            (LOOK, "if not USERNAME.fullmatch(username) or username.lower() in clients:"),
            ("clients[username.casefold()] = client", "clients[username.lower()] = client"),
            (REMOVE, "        del clients[username.lower()]\n"),
        ],
    ),
    Wrong(
        "names compared with upper, which is not enough for every letter",
        stage=2,
        mistakes=(5,),
        checks=("test_names_that_differ_in_case_alone_are_one",),
        says="casefold()",
        edits=[
            (LOOK, "if not USERNAME.fullmatch(username) or username.upper() in clients:"),
            ("clients[username.casefold()] = client", "clients[username.upper()] = client"),
            (REMOVE, "        del clients[username.upper()]\n"),
        ],
    ),
    Wrong(
        "any name will do",
        stage=2,
        mistakes=(4,),
        checks=("test_what_is_no_name_is_refused",),
        says="refuse what is not letters",
        edits=[(LOOK, "if username.casefold() in clients:")],
    ),
    Wrong(
        "any name that is not empty will do",
        stage=2,
        mistakes=(4,),
        checks=("test_what_is_no_name_is_refused", "test_an_endless_name_lets_nobody_in"),
        says="refuse what is not letters",
        edits=[
            (LOOK, "if not username or username.casefold() in clients:"),
            ("stream.readline(MAX_LINE)", "stream.readline()"),
        ],
    ),
    Wrong(
        "match for fullmatch",
        stage=2,
        mistakes=(4,),
        checks=("test_what_is_no_name_is_refused",),
        says="came: ok",
        edits=[("USERNAME.fullmatch(username)", "USERNAME.match(username)")],
    ),
    Wrong(
        "an endless name is cut off, and what is left is a name",
        stage=2,
        mistakes=(4,),
        checks=("test_what_is_no_name_is_refused", "test_an_endless_name_lets_nobody_in"),
        says="The name was accepted",
        edits=[(NAME, 'username = next(lines, "").strip()[:32]'), ("stream.readline(MAX_LINE)", "stream.readline()")],
    ),
    Wrong(
        "names of ASCII letters alone",
        stage=2,
        mistakes=(28,),
        checks=("test_names_that_differ_in_case_alone_are_one", "test_what_is_a_name_is_accepted"),
        says="came: failed",
        edits=[(r'USERNAME = re.compile(r"[\w.-]{1,32}")', r'USERNAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")')],
    ),
    Wrong(
        "blanks belong to the name",
        stage=2,
        mistakes=(4,),
        checks=("test_blanks_around_a_name_do_not_count",),
        says="The name is free and allowed, and was refused",
        edits=[(NAME, 'username = next(lines, "")')],
    ),
    Wrong(
        "look first, add later, and no lock around both",
        stage=2,
        mistakes=(6, 30),
        checks=("test_of_many_who_ask_at_once_one_gets_the_name",),
        says="hold one lock",
        race=True,
        edits=[
            (
                LOOK_AND_ADD,
                LOOK_AND_ADD.replace("with clients_lock:", "if True:").replace("        send", f"{SLOWLY}        send"),
            ),
            (REMOVE, "        clients.pop(username.casefold(), None)\n"),
        ],
    ),
    Wrong(
        "one lock for the look, and again for the adding",
        stage=2,
        mistakes=(6, 30),
        checks=("test_of_many_who_ask_at_once_one_gets_the_name",),
        says="hold one lock",
        edits=[
            (
                LOOK_AND_ADD,
                "    with clients_lock:\n"
                f"        {LOOK}\n"
                "            return False\n"
                f"{SLOWLY[4:]}"
                "    with clients_lock:\n"
                '        send_line(client, "ok")\n'
                "        clients[username.casefold()] = client\n"
                "        return True\n",
            ),
            (REMOVE, "        clients.pop(username.casefold(), None)\n"),
        ],
    ),
    Wrong(
        "the name is read in the accept loop",
        stage=2,
        mistakes=(16,),
        checks=("test_a_silent_client_holds_up_nobody", "test_nobody_waits_for_one_who_gives_no_name"),
        says="talk in the client's own thread",
        edits=[
            (
                "threading.Thread(target=serve_client, args=(client,), daemon=True).start()",
                "client.recv(1, socket.MSG_PEEK)\n"
                "            threading.Thread(target=serve_client, args=(client,), daemon=True).start()",
            )
        ],
    ),
    Wrong(
        "a line with a name in it keeps that name",
        stage=2,
        mistakes=(14,),
        checks=("test_nobody_speaks_for_somebody_else",),
        says="came: bob: hi",
        edits=[(SAY, 'line = message if ": " in message else f"{username}: {message}"')],
    ),
    Wrong(
        "two lists that get out of step",
        stage=2,
        mistakes=(22,),
        checks=("test_a_silent_client_holds_up_nobody", "test_names_stay_with_their_connections"),
        says="IndexError: list index out of range",
        source="wrong/programs/parallel_lists.py",
    ),
    Wrong(
        "a name is never free again",
        stage=2,
        mistakes=(27,),
        checks=("test_a_name_is_free_again_when_its_owner_has_gone",),
        says="should be free again",
        edits=[(REMOVE, "        pass\n")],
    ),
    Wrong(
        "after a reset the name stays taken",
        stage=2,
        mistakes=(19, 27),
        checks=("test_a_name_is_free_again_when_its_owner_has_gone[breaks]",),
        says="should be free again",
        edits=[
            (
                "        finally:  # whatever ended it: a close, a reset, or a mistake of ours\n",
                "        except ValueError:\n            pass\n        else:\n",
            ),
            (BREAKS, BREAKS.replace("return", "sys.exit()")),
        ],
    ),
    Wrong(
        "the name of the last one in is freed",
        stage=2,
        mistakes=(21,),
        checks=("test_only_the_leavers_name_is_free",),
        says="Take out the name that belongs to this connection",
        edits=[(REMOVE, "        clients.popitem()\n")],
    ),
    Wrong(
        "whoever is refused frees the name",
        stage=2,
        mistakes=(27,),
        checks=("test_being_refused_takes_nothing_from_the_owner",),
        says="came: ok",
        edits=[
            (REFUSE, REFUSE.replace("            return", "            remove_client(username)\n            return")),
            (REMOVE, "        clients.pop(username.casefold(), None)\n"),
        ],
    ),
    Wrong(
        "what came with the name is lost",
        stage=2,
        mistakes=(2, 32),
        checks=("test_name_and_message_in_one_send",),
        says="may arrive together",
        edits=[(NAME, f'{NAME}\n        lines = read_lines(client.makefile("rb"))')],
    ),
    Wrong(
        "the name is what the first recv brings",
        stage=2,
        mistakes=(3,),
        checks=("test_name_and_message_in_one_send", "test_a_name_byte_by_byte"),
        says="came: failed",
        edits=[
            (
                NAME,
                "try:\n"
                '            username = client.recv(1024).decode(errors="replace").strip()\n'
                "        except OSError:\n"
                "            return",
            )
        ],
    ),
    Wrong(
        "the server's screen stays empty",
        stage=2,
        mistakes=(),
        checks=("test_the_server_prints_the_conversation",),
        says="should print",
        edits=[("        show(line)\n", "")],
    ),
    Wrong(
        "names that are the server's own words are refused",
        stage=2,
        mistakes=(20,),
        checks=("test_names_are_not_confused_with_answers",),
        says="came: failed",
        edits=[(LOOK, f'if username in ("ok", "failed"):\n            return False\n        {LOOK}')],
    ),
    # The client.
    Wrong(
        "the client says more than the name",
        stage=2,
        mistakes=(),
        checks=("test_client_sends_what_is_typed_and_prints_what_comes", "test_client_gives_the_name_that_is_typed"),
        says="came: NAME alice",
        program="client.py",
        edits=[("send_message(server, username)", 'send_message(server, f"NAME {username}")')],
    ),
    Wrong(
        "the client gives up after failed",
        stage=2,
        mistakes=(56,),
        checks=("test_client_asks_again_after_failed",),
        says="ask for another one",
        program="client.py",
        edits=[
            (
                '        tell(f"The server refused {username!r}: it is taken or not allowed. Another name: ")\n',
                "        return\n",
            )
        ],
    ),
    Wrong(
        "the client asks again on the same connection",
        stage=2,
        mistakes=(56,),
        checks=("test_client_asks_again_after_failed", "test_client_closes_the_refused_connection"),
        says="connect anew",
        program="client.py",
        edits=[
            (
                TRY_NAMES,
                "    with connect_to_server(arguments.host, arguments.port) as server:\n"
                '        stream = server.makefile("rb")\n'
                "        lines = read_lines(stream)\n"
                "        for username in map(str.strip, typed):\n"
                "            if join_chat(username, server, lines):\n",
            ),
            ('        tell(f"The server refused', '            tell(f"The server refused'),
        ],
    ),
    Wrong(
        "the client keeps the refused connection open",
        stage=2,
        mistakes=(57,),
        checks=("test_client_closes_the_refused_connection",),
        says="The client should close its connection.",
        program="client.py",
        edits=[
            ('    tell("Your name: ")\n', '    tell("Your name: ")\n    kept = []\n'),
            (
                TRY_NAMES,
                "    for username in map(str.strip, typed):\n"
                "        server = connect_to_server(arguments.host, arguments.port)\n"
                "        kept.append(server)\n"
                "        if True:\n"
                '            lines = read_lines(server.makefile("rb"))\n'
                "            if join_chat(username, server, lines):\n",
            ),
        ],
    ),
    Wrong(
        "the client takes the first recv for the verdict",
        stage=2,
        mistakes=(41, 50),
        checks=("test_client_hears_the_verdict_and_more_at_once", "test_client_hears_the_verdict_in_pieces"),
        says="The answer may arrive in pieces",
        program="client.py",
        edits=[(VERDICT, 'return server.recv(1024).decode().strip() != "failed"')],
    ),
    Wrong(
        "the client takes the first recv for the verdict, and waits for ok alone",
        stage=2,
        mistakes=(41, 50),
        checks=("test_client_hears_the_verdict_and_more_at_once",),
        says="The answer may arrive in pieces",
        program="client.py",
        edits=[(VERDICT, 'return server.recv(1024).decode() == "ok\\n"')],
    ),
    Wrong(
        "the client takes one recv for one line",
        stage=2,
        mistakes=(41,),
        checks=("test_client_puts_pieces_together", "test_client_hears_the_verdict_in_pieces"),
        says="decode whole lines, not what a recv brings",
        program="client.py",
        edits=[
            reading(
                "        while data := stream.read1(1024):\n"
                '            yield data.decode(errors="replace").rstrip("\\n")\n',
                READ_LOOP_CLIENT,
            )
        ],
    ),
]
