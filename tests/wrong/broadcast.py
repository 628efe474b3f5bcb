"""Wrong programs for the broadcast suite."""

from .fragments import BREAKS, CLEAN, DECODE, EXIT, READ_LOOP_CLIENT, WHEN_TOLD, reading, reading_lines
from .rows import Wrong

JOINED = """                send_message_to_clients(f"* {username} has joined the chat")
"""
LEFT = """            with speaking:  # in one turn, so that nobody joins by this name before its leaving is announced
                remove_client(username)
                send_message_to_clients(f"* {username} has left the chat")
"""
FINALLY = "        finally:  # whatever ended it: a close, a reset, or a mistake of ours\n"
# Whoever has broken off is among the clients a little longer, so that somebody certainly speaks to them.
NOTICED_LATE = (FINALLY, f"{FINALLY}            time.sleep(0.2)\n")
NAME = 'username = next(lines, "").strip()'
COPY = """        receivers = list(clients.values())  # a copy: others may come and go while we send
"""
LOOP = """    for receiver in receivers:
        send_line(receiver, message)
"""
BROADCAST = f"""    with clients_lock:
{COPY}{LOOP}"""
ANSWER_AND_ADD = """        send_line(client, "ok")  # while nobody else can send to it; three bytes do not have to wait
        clients[username.casefold()] = client
        return True
"""
REMOVE = "        del clients[username.casefold()]\n"
POP = "        clients.pop(username.casefold(), None)\n"
SEND_TO_ALL = "            send_message_to_clients(line)\n"
SAY = 'line = f"{username}: {message}"'

# The client.
LISTEN = """    listener = threading.Thread(target=receive_messages, args=(lines,), daemon=True)
    listener.start()
"""

WRONG = [
    Wrong(
        "the answer goes to the speaker alone",
        stage=3,
        mistakes=(),
        checks=("test_a_line_comes_back", "test_everyone_hears_everyone", "test_everyone_hears_who_joins"),
        says="expected: * alice has joined the chat",
        source="../stages/02_usernames/server.py",
    ),
    Wrong(
        "in the room before the answer to the name",
        stage=3,
        mistakes=(),
        checks=("test_of_many_who_ask_at_once_one_gets_the_name",),
        says="Send “ok” before you add its socket to those who hear",
        edits=[
            (
                ANSWER_AND_ADD,
                "        clients[username.casefold()] = client\n"
                "    time.sleep(0.05)  # as if there were a file of names to write to\n"
                '    send_line(client, "ok")\n'
                "    return True\n",
            )
        ],
    ),
    Wrong(
        "everyone but the speaker hears",
        stage=3,
        mistakes=(),
        checks=("test_a_line_comes_back", "test_everyone_hears_everyone"),
        says="expected: alice: hello",
        edits=[
            (
                COPY,
                "        receivers = [\n"
                '            c for name, c in clients.items() if not message.lower().startswith(f"{name}: ")\n'
                "        ]\n",
            )
        ],
    ),
    Wrong(
        "the newcomer does not hear of its own joining",
        stage=3,
        mistakes=(),
        checks=("test_a_line_comes_back", "test_everyone_hears_who_joins"),
        says="expected: * alice has joined the chat",
        edits=[
            (JOINED, ""),
            (
                '        send_line(client, "ok")',
                '        send_message_to_clients(f"* {username} has joined the chat")\n        send_line(client, "ok")',
            ),
            ("clients_lock = threading.Lock()", "clients_lock = threading.RLock()"),
        ],
    ),
    Wrong(
        "nobody hears who leaves",
        stage=3,
        mistakes=(9,),
        checks=("test_others_go_on_when_one_goes", "test_everyone_hears_who_leaves"),
        says="expected: * bob has left the chat",
        edits=[('                send_message_to_clients(f"* {username} has left the chat")\n', "")],
    ),
    Wrong(
        "a reset is not announced",
        stage=3,
        mistakes=(9, 19),
        checks=("test_others_go_on_when_one_goes[breaks]", "test_everyone_hears_who_leaves[breaks]"),
        says="expected: * bob has left the chat",
        edits=[
            (FINALLY, "        except SystemExit:\n            remove_client(username)\n        else:\n"),
            (BREAKS, BREAKS.replace("return", "sys.exit()")),
        ],
    ),
    Wrong(
        "who has finished speaking is forgotten only when a send fails",
        stage=3,
        mistakes=(9, 17),
        checks=("test_others_go_on_when_one_goes", "test_everyone_hears_who_leaves"),
        says="expected: * bob has left the chat",
        edits=[
            ("                remove_client(username)\n", ""),
            ('                send_message_to_clients(f"* {username} has left the chat")\n', "                pass\n"),
        ],
    ),
    Wrong(
        "leaving is announced twice",
        stage=3,
        mistakes=(9,),
        checks=("test_others_go_on_when_one_goes", "test_everyone_hears_who_leaves", "test_leaving_is_quiet"),
        says="came: * bob has left the chat",
        edits=[
            (
                '            show(f"* {username} has left the chat")\n',
                '            send_message_to_clients(f"* {username} has left the chat")\n',
            )
        ],
    ),
    Wrong(
        "the try is around the loop, not around each send",
        stage=3,
        mistakes=(13,),
        checks=("test_broken_receivers_keep_nothing_from_the_others",),
        says="Put the try around each send",
        race=True,
        edits=[
            NOTICED_LATE,
            (
                SEND_TO_ALL,
                "            try:\n"
                "                for receiver in list(clients.values()):\n"
                '                    receiver.sendall(f"{line}\\n".encode())\n'
                "            except OSError:\n"
                "                pass\n",
            ),
        ],
    ),
    Wrong(
        "removed while looping, and the next is skipped",
        stage=3,
        mistakes=(25,),
        checks=("test_broken_receivers_keep_nothing_from_the_others",),
        says="",  # who is skipped is chance, and so is what is missed first
        race=True,
        edits=[
            (
                "clients_lock = threading.Lock()",
                "everyone: list[socket.socket] = []  # to go through\nclients_lock = threading.Lock()",
            ),
            (
                "        clients[username.casefold()] = client\n",
                "        clients[username.casefold()] = client\n        everyone.append(client)\n",
            ),
            (
                REMOVE,
                "        client = clients.pop(username.casefold())\n"
                "        if client in everyone:\n"
                "            everyone.remove(client)\n",
            ),
            (
                BROADCAST,
                "    for receiver in everyone:\n"
                "        try:\n"
                '            receiver.sendall(f"{message}\\n".encode())\n'
                "        except OSError:\n"
                "            everyone.remove(receiver)\n",
            ),
        ],
    ),
    Wrong(
        "the speaker leaves for the receiver's failure",
        stage=3,
        mistakes=(24,),
        checks=(
            "test_broken_receivers_keep_nothing_from_the_others",
            "test_the_speaker_is_not_blamed_for_a_broken_receiver",
        ),
        says="Put the try around each send",
        race=True,
        edits=[
            NOTICED_LATE,
            (
                SEND_TO_ALL,
                "            for receiver in list(clients.values()):\n"
                '                receiver.sendall(f"{line}\\n".encode())\n',
            ),
            (
                "            receive_messages(username, lines)\n",
                "            receive_messages(username, lines)\n        except OSError:\n            pass\n",
            ),
        ],
    ),
    Wrong(
        "a lock taken twice by its own thread",
        stage=3,
        mistakes=(31,),
        checks=("test_somebody_goes_without_waiting_for_the_answer", "test_a_break_a_word_and_a_newcomer"),
        says="waits in vain",
        edits=[
            (
                BROADCAST,
                "    with clients_lock:\n"
                "        for name, receiver in list(clients.items()):\n"
                "            try:\n"
                '                receiver.sendall(f"{message}\\n".encode())\n'
                "            except OSError:\n"
                "                remove_client(name)\n",
            ),
            (REMOVE, POP),
        ],
    ),
    Wrong(
        "the tutorial's chat: two lists, one recv, a bare except",
        stage=3,
        mistakes=(2, 3, 5, 8, 9, 11, 12, 13, 15, 16, 18, 22),
        checks=(
            "test_a_silent_client_holds_up_nobody",
            "test_two_lines_in_one_send_are_two",
            "test_a_taken_name_is_refused",
            "test_clients_that_go_at_once_do_no_harm[breaks]",
            "test_the_server_ends_when_it_is_told_to",
            "test_name_and_message_in_one_send",
        ),
        says="talk in the client's own thread",
        source="wrong/programs/tutorial_chat.py",
    ),
    Wrong(
        "the first of the same name leaves for the last",
        stage=3,
        mistakes=(21,),
        checks=("test_only_the_leavers_name_is_free", "test_names_survive_a_leaving_in_the_middle"),
        says="Take out the name that belongs to this connection",
        race=True,
        edits=[(REMOVE, "        clients.popitem()\n")],
    ),
    Wrong(
        "a member from the first moment",
        stage=3,
        mistakes=(26,),
        checks=("test_the_unnamed_hear_nothing",),
        says="hears something else",
        race=True,
        edits=[
            (
                NAME,
                "client.settimeout(0)\n"
                "        try:\n"
                "            client.recv(1, socket.MSG_PEEK)\n"
                "        except BlockingIOError:  # it has not given a name yet: meanwhile it can listen\n"
                "            with clients_lock:\n"
                "                clients[str(client.fileno())] = client\n"
                "        except OSError:\n"
                "            return\n"
                "        client.settimeout(None)\n"
                f"        {NAME}\n"
                "        remove_client(str(client.fileno()))",
            ),
            (REMOVE, POP),
        ],
    ),
    Wrong(
        "who is refused is announced",
        stage=3,
        mistakes=(26,),
        checks=("test_a_taken_name_is_refused", "test_the_unnamed_hear_nothing"),
        says="came: * alice has joined the chat",
        edits=[
            (
                '            send_line(client, "failed")\n',
                "            if USERNAME.fullmatch(username):\n"
                '                send_message_to_clients(f"* {username} has joined the chat")\n'
                '            send_line(client, "failed")\n',
            ),
        ],
    ),
    Wrong(
        "each speaks when it likes, and orders differ",
        stage=3,
        mistakes=(),
        checks=("test_all_hear_the_same_order",),
        says="one turn at a time",
        edits=[("        with speaking:\n            show(line)\n", "        if True:\n            show(line)\n")],
    ),
    Wrong(
        "a global for what the speaker says",
        stage=3,
        mistakes=(29,),
        checks=("test_all_hear_the_same_order",),
        says="",
        race=True,
        edits=[
            ("    for message in lines:\n        " + SAY, "    global line\n    for message in lines:\n        " + SAY),
        ],
    ),
    Wrong(
        "the live dictionary is looped over",
        stage=3,
        mistakes=(10,),
        checks=("test_a_storm_of_joins_and_leaves",),
        says="loop over a copy",
        race=True,
        edits=[
            (BROADCAST, "    for receiver in clients.values():\n        send_line(receiver, message)\n"),
        ],
    ),
    Wrong(
        "the end of a connection is taken for empty messages",
        stage=3,
        mistakes=(17,),
        checks=("test_others_go_on_when_one_goes[closes]", "test_leaving_is_quiet"),
        says="No bytes from recv (or readline) mean",
        edits=[reading_lines("while True:\n            line = stream.readline(MAX_LINE)")],
    ),
    Wrong(
        "no bytes are no reason to stop reading",
        stage=3,
        mistakes=(17,),
        checks=("test_others_go_on_when_one_goes[closes]", "test_leaving_is_quiet[finishes]"),
        says="expected: * bob has left the chat",
        edits=[
            reading_lines(
                "while True:\n"
                "            line = stream.readline(MAX_LINE)\n"
                "            if not line:\n"
                "                continue"
            ),
        ],
    ),
    Wrong(
        "the lock is held for a look at the dictionary, not for a copy of it",
        stage=3,
        mistakes=(10,),
        checks=("test_a_newcomer_is_let_in_while_the_room_waits",),
        says="loop over a copy",
        race=True,
        edits=[("receivers = list(clients.values())", "receivers = clients.values()")],
    ),
    Wrong(
        "sending while holding the lock that newcomers need",
        stage=3,
        mistakes=(1, 23),
        checks=("test_a_newcomer_is_let_in_while_the_room_waits",),
        says="send outside it",
        edits=[
            (
                BROADCAST,
                "    with clients_lock:\n"
                "        for receiver in clients.values():\n"
                "            send_line(receiver, message)\n",
            ),
        ],
    ),
    Wrong(
        "the room stands still for one who does not read",  # the stage's own server, as it is
        stage=5,
        mistakes=(1,),
        checks=("test_a_reader_that_stops_holds_up_nobody",),
        says="Nobody waits for a slow reader",
    ),
    Wrong(
        "control characters go to everybody",
        stage=3,
        mistakes=(4,),
        checks=("test_the_servers_screen_is_safe", "test_no_control_character_reaches_anybody"),
        says="has reached the server's terminal",
        edits=[(CLEAN, "yield text")],
    ),
    Wrong(
        "only what is not printable in ASCII's sense is replaced",
        stage=3,
        mistakes=(4,),
        checks=("test_no_control_character_reaches_anybody",),
        says="should be replaced",
        edits=[(CLEAN, r"""yield re.sub(r"[\x00-\x08\x0a-\x1f]", "?", text)""")],
    ),
    Wrong(
        "splitlines, which cuts at much more than a newline",
        stage=3,
        mistakes=(32,),
        checks=("test_no_control_character_reaches_anybody", "test_a_line_ends_at_its_newline_alone"),
        says="mallory: hi should be replaced, the rest should stay",
        edits=[
            (DECODE, 'for text in line.decode("utf-8", errors="replace").splitlines():'),
            (f"        {CLEAN}", f"            {CLEAN}"),
        ],
    ),
    Wrong(
        "what looks like a notice is passed on as one",
        stage=3,
        mistakes=(14,),
        checks=("test_nobody_can_fake_a_notice",),
        says="came: * bob has left the chat",
        edits=[(SAY, 'line = message if message.startswith("*") else f"{username}: {message}"')],
    ),
    Wrong(
        "a sleep as separator",
        stage=3,
        mistakes=(2, 33),
        checks=("test_two_lines_in_one_send_are_two", "test_a_burst_reaches_everyone_whole"),
        says="One recv may bring two lines",
        edits=[
            reading(
                "        while data := stream.read1(65536):\n"
                '            yield data.decode(errors="replace").strip()\n'
                "            time.sleep(0.001)\n"
            )
        ],
    ),
    Wrong(
        "the server's screen does not show who comes and goes",
        stage=3,
        mistakes=(9,),
        checks=("test_the_server_prints_who_comes_and_goes",),
        says="should print who",
        edits=[
            ('                show(f"* {username} has joined the chat")\n', ""),
            ('                show(f"* {username} has left the chat")\n', ""),
        ],
    ),
    Wrong(
        "the server's screen shows who comes, not who goes",
        stage=3,
        mistakes=(9,),
        checks=("test_the_server_prints_who_comes_and_goes",),
        says="should print who",
        edits=[('                show(f"* {username} has left the chat")\n', "")],
    ),
    # The client.
    Wrong(
        "the client listens only after it has spoken",
        stage=3,
        mistakes=(51,),
        checks=("test_client_prints_what_others_say_at_once", "test_client_ends_with_the_server"),
        says="Listen in a thread of its own",
        program="client.py",
        source="../stages/02_usernames/client.py",
    ),
    Wrong(
        "the client stays at the keyboard when the server is gone",
        stage=3,
        mistakes=(49,),
        checks=("test_client_says_that_the_server_is_gone[closes]", "test_client_ends_with_the_server"),
        says="Say so on standard error, and end with status 1",
        program="client.py",
        edits=[("        os._exit(1)  # the main thread", "        return  # the main thread")],
    ),
    Wrong(
        "the client prints empty lines for ever when the server is gone",
        stage=3,
        mistakes=(49,),
        checks=("test_client_says_that_the_server_is_gone[closes]", "test_client_ends_with_the_server"),
        says="Say so on standard error, and end with status 1",
        program="client.py",
        edits=[
            reading_lines("while True:\n            line = stream.readline()", READ_LOOP_CLIENT),
        ],
    ),
    Wrong(
        "the client hangs up at the end of its input",
        stage=3,
        mistakes=(),
        checks=("test_client_hears_the_rest_when_its_input_has_ended",),
        says="",
        program="client.py",
        edits=[("server.shutdown(socket.SHUT_WR)", "server.shutdown(socket.SHUT_RDWR)")],
    ),
    Wrong(
        "the listening thread keeps the client alive",
        stage=3,
        mistakes=(11, 48),
        checks=("test_client_ends_on_ctrl_c",),
        says="",
        program="client.py",
        edits=[("args=(lines,), daemon=True)", "args=(lines,))"), (WHEN_TOLD, EXIT)],
    ),
]
