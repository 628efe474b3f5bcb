"""Wrong programs for the echo suite. Some are of stage 02: what is cut wrongly is seen best with a name before it."""

from .fragments import (
    BREAKS,
    CLEAN,
    DECODE,
    EXIT,
    READ_LOOP_CLIENT,
    REUSE,
    SEND,
    START_THREAD,
    TRY_SEND,
    TRY_START,
    WHEN_TOLD,
    reading,
    reading_lines,
)
from .rows import Wrong

WRONG = [
    Wrong(
        "what is printed stays in the buffer",
        stage=1,
        mistakes=(),
        checks=("test_the_first_line_is_flushed",),
        says="flush=True",
        edits=[("print(text, flush=True)", "print(text)")],
    ),
    Wrong(
        "the answer has no newline",
        stage=1,
        mistakes=(),
        checks=("test_a_line_comes_back", "test_several_are_served_at_once"),
        says="without its newline",
        edits=[(SEND, "client.sendall(text.encode())")],
    ),
    Wrong(
        "the answer is the bytes object as text",
        stage=1,
        mistakes=(34,),
        checks=("test_a_line_comes_back",),
        says="came: b'hello'",
        edits=[(DECODE, r"""text = str(line.rstrip(b"\r\n"))""")],
    ),
    Wrong(
        "one client at a time",
        stage=1,
        mistakes=(16,),
        checks=("test_several_are_served_at_once", "test_a_silent_client_holds_up_nobody"),
        says="talk in the client's own thread",
        edits=[(START_THREAD, "serve_client(client)")],
    ),
    Wrong(
        "the tutorial's echo: one recv, decoded, is one message",
        stage=1,
        mistakes=(2, 3, 8, 11, 12, 17),
        checks=(
            "test_a_letter_in_two_pieces_is_one",
            "test_byte_by_byte",
            "test_the_server_ends_when_it_is_told_to",
            "test_the_server_can_start_again_on_its_port",
            "test_a_busy_port_is_said_in_one_line",
            "test_lines_may_be_cut_everywhere",
            "test_the_servers_screen_is_safe",
        ),
        says="decode whole lines",
        source="wrong/programs/recv_echo.py",
    ),
    Wrong(
        "one recv is one message",
        stage=2,
        mistakes=(2, 3, 8, 33),
        checks=(
            "test_two_lines_in_one_send_are_two",
            "test_a_line_in_two_pieces_is_one",
            "test_surplus_is_kept",
            "test_lines_may_be_cut_everywhere",
            "test_byte_by_byte",
            "test_a_burst_comes_back_in_order",
            "test_a_letter_in_two_pieces_is_one",
            "test_name_and_message_in_one_send",
        ),
        says="One recv may bring two lines",
        edits=[
            reading_lines("while line := stream.read1(4096):"),
            (DECODE, 'text = line.decode(errors="replace").strip()'),
        ],
    ),
    Wrong(
        "what comes after the first line is dropped",
        stage=1,
        mistakes=(32,),
        checks=("test_two_lines_in_one_send_are_two", "test_surplus_is_kept", "test_a_burst_comes_back_in_order"),
        says="keep what is left over",
        edits=[
            reading_lines(
                'data = b""\n'
                "        while chunk := stream.read1(MAX_LINE):\n"
                "            data += chunk\n"
                '            if b"\\n" not in data:\n'
                "                continue\n"
                '            line, data = data.partition(b"\\n")[0], b""'
            )
        ],
    ),
    Wrong(
        "each recv is cut at newlines, and no tail is kept",
        stage=1,
        mistakes=(3, 32),
        checks=("test_a_line_in_two_pieces_is_one", "test_surplus_is_kept"),
        says="keep what has come until its newline is there",
        edits=[
            reading(
                "        while data := stream.read1(MAX_LINE):\n"
                '            for line in data.decode(errors="replace").splitlines():\n'
                "                yield line\n"
            )
        ],
    ),
    Wrong(
        "each recv is decoded, then collected",
        stage=2,
        mistakes=(8,),
        checks=("test_a_letter_in_two_pieces_is_one", "test_lines_may_be_cut_everywhere"),
        says="decode whole lines",
        edits=[
            reading(
                '        text = ""\n'
                "        while data := stream.read1(MAX_LINE):\n"
                '            text += data.decode(errors="replace")\n'
                '            while "\\n" in text:\n'
                '                line, _, text = text.partition("\\n")\n'
                '                yield UNSAFE.sub("?", line.rstrip("\\r"))\n'
            )
        ],
    ),
    Wrong(
        "the carriage return stays",
        stage=1,
        mistakes=(),
        checks=("test_a_carriage_return_at_the_end_is_no_part_of_the_line",),
        says="hears something else",
        edits=[(DECODE, DECODE.replace(r"\r\n", r"\n"))],
    ),
    Wrong(
        "ASCII only",
        stage=1,
        mistakes=(28,),
        checks=("test_any_language", "test_a_letter_in_two_pieces_is_one"),
        says="'ascii' codec can't decode",
        edits=[(DECODE, r"""text = line.decode("ascii").rstrip("\r\n")""")],
    ),
    Wrong(
        "Latin-1, which fits its author's language",
        stage=1,
        mistakes=(28,),
        checks=("test_any_language",),
        says="What came is not UTF-8",
        edits=[
            (DECODE, r"""text = line.decode("latin-1").rstrip("\r\n")"""),
            (SEND, r"""client.sendall(f"{text}\n".encode("latin-1", "replace"))"""),
        ],
    ),
    Wrong(
        "a line longer than a recv's 1024 bytes is cut",
        stage=1,
        mistakes=(3,),
        checks=("test_a_long_line_comes_back_whole",),
        says="",
        edits=[reading_lines("while line := stream.readline(1024):")],
    ),
    # In Python, on a socket that waits, `send` goes on until all is taken, on every system: there the mistake can't be
    # seen from outside. It shows on a socket that does not wait, as a loop with select has it.
    Wrong(
        "send for sendall, on a socket that does not wait",
        stage=1,
        mistakes=(7,),
        checks=("test_nothing_is_lost_when_a_client_reads_late",),
        says="sendall goes on until all of it is gone",
        edits=[(SEND, r"""client.send(f"{text}\n".encode(), socket.MSG_DONTWAIT)""")],
    ),
    Wrong(
        "exit ends the connection",
        stage=1,
        mistakes=(20,),
        checks=("test_words_are_only_words",),
        says="not a command",
        edits=[
            ("        show(message)\n", '        if message == "exit":\n            break\n        show(message)\n')
        ],
    ),
    Wrong(
        "the first recv is in the accept loop, and a reset ends it",
        stage=1,
        mistakes=(16, 18),
        checks=(
            "test_several_are_served_at_once",
            "test_clients_that_go_at_once_do_no_harm[breaks]",
            "test_a_silent_client_holds_up_nobody",
        ),
        says="talk in the client's own thread",
        edits=[
            (START_THREAD, "show(str(client.recv(1, socket.MSG_PEEK)))\n            " + START_THREAD),
        ],
    ),
    Wrong(
        "the thread's start is given what only a client that stays has",
        stage=1,
        mistakes=(18, 36),
        checks=("test_several_are_served_at_once", "test_clients_that_go_at_once_do_no_harm[closes]"),
        says="talk in the client's own thread",
        edits=[
            (
                START_THREAD,
                "if not client.recv(1, socket.MSG_PEEK):\n                break\n            " + START_THREAD,
            )
        ],
    ),
    Wrong(
        "a select loop that a reset ends for all",
        stage=1,
        mistakes=(9, 18, 19),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]", "test_others_go_on_when_one_goes[breaks]"),
        says="A connection broke, and that was not caught",
        source="wrong/programs/select_echo.py",
    ),
    Wrong(
        "a thread that a reset ends with a traceback",
        stage=1,
        mistakes=(19,),
        checks=("test_clients_that_go_at_once_do_no_harm[breaks]", "test_others_go_on_when_one_goes[breaks]"),
        says="was not caught",
        edits=[(BREAKS, BREAKS.replace("OSError", "ValueError"))],
    ),
    Wrong(
        "the end of a connection is taken for an empty message",
        stage=1,
        mistakes=(17,),
        checks=("test_a_client_that_is_gone_costs_nothing",),
        says="of a processor",
        edits=[
            reading_lines(
                "while True:\n"
                "            line = stream.readline(MAX_LINE)\n"
                "            if not line:\n"
                "                continue"
            )
        ],
    ),
    Wrong(
        "an answer that can't arrive is an exception",
        stage=1,
        mistakes=(9,),
        checks=("test_somebody_goes_without_waiting_for_the_answer",),
        says="was not caught",
        edits=[(TRY_SEND, f"    {SEND}\n")],
    ),
    Wrong(
        "threads that are no daemons keep the program alive",
        stage=1,
        mistakes=(11,),
        checks=("test_the_server_ends_when_it_is_told_to", "test_the_server_can_start_again_on_its_port"),
        says="make them daemon threads",
        edits=[(START_THREAD, START_THREAD.replace(", daemon=True", "")), (WHEN_TOLD, EXIT)],
    ),
    Wrong(
        "Ctrl-C is a traceback",
        stage=1,
        mistakes=(37,),
        checks=("test_the_server_ends_when_it_is_told_to[interrupt]",),
        says="exit status",
        edits=[(WHEN_TOLD, "pass")],
    ),
    Wrong(
        "except: around accept, so that Ctrl-C does not stop it",
        stage=1,
        mistakes=(15, 37),
        checks=("test_the_server_ends_when_it_is_told_to[interrupt]",),
        says="should end.",
        edits=[
            ("except OSError as error:\n            show", "except BaseException as error:\n            show"),
            ("except RuntimeError as error:", "except BaseException as error:"),
            (WHEN_TOLD, "pass"),
        ],
    ),
    Wrong(
        "the port rests after the end",
        stage=1,
        mistakes=(12,),
        checks=("test_the_server_can_start_again_on_its_port",),
        says="SO_REUSEADDR",
        edits=[(REUSE, "pass")],
    ),
    Wrong(
        "the port rests after the end, and that is a traceback",
        stage=1,
        mistakes=(12,),
        checks=("test_the_server_can_start_again_on_its_port",),
        says="Set SO_REUSEADDR before bind, and it is free at once.",
        edits=[(REUSE, "pass"), (TRY_START, "    server = start_server(arguments.host, arguments.port)\n")],
    ),
    Wrong(
        "a busy port is a traceback",
        stage=1,
        mistakes=(12,),
        checks=("test_a_busy_port_is_said_in_one_line", "test_a_bad_address_is_said_in_one_line"),
        says="catch the error of bind",
        edits=[(TRY_START, "    server = start_server(arguments.host, arguments.port)\n")],
    ),
    Wrong(
        "two servers on one port",
        stage=1,
        mistakes=(12,),
        checks=("test_a_busy_port_is_said_in_one_line",),
        says="it was not noticed",
        edits=[(REUSE, f"{REUSE}\n        {REUSE}".replace("SO_REUSEADDR, 1)\n", "SO_REUSEPORT, 1)\n"))],
    ),
    Wrong(
        "any number is a port",
        stage=1,
        mistakes=(),
        checks=("test_a_bad_port_is_a_wrong_argument",),
        says="exit status",
        edits=[("default=PORT, type=port_number", "default=PORT, type=int")],
    ),
    Wrong(
        "what clients send is printed as it came",
        stage=1,
        mistakes=(4,),
        checks=("test_the_servers_screen_is_safe",),
        says="has reached the server's terminal",
        edits=[(CLEAN, "yield text")],
    ),
    Wrong(
        "the last port is none",
        stage=1,
        mistakes=(),
        checks=("test_the_last_port_is_a_port",),
        says="exit status should be 1",
        edits=[("int(text) <= 65535", "int(text) < 65535")],
    ),
    Wrong(
        "a letter that the server's screen lacks throws its client out",
        stage=1,
        mistakes=(28,),
        checks=("test_the_server_lives_on_a_screen_that_lacks_letters",),
        says="letters",
        edits=[('sys.stdout.reconfigure(errors="replace")', "sys.stdout.reconfigure()")],
    ),
    # The client.
    Wrong(
        "the client waits for an answer before it sends",
        stage=1,
        mistakes=(),
        checks=("test_client_sends_what_is_typed_and_prints_what_comes",),
        says="",
        program="client.py",
        edits=[
            (
                "        send_message(server, text)\n        show(next_line(lines))\n",
                "        show(next_line(lines))\n        send_message(server, text)\n",
            )
        ],
    ),
    Wrong(
        "the client prints an empty line after each line",
        stage=1,
        mistakes=(),
        checks=("test_client_sends_what_is_typed_and_prints_what_comes",),
        says="print adds another",
        program="client.py",
        edits=[("        print(text, flush=True)", '        print(text, end="\\n\\n", flush=True)')],
    ),
    Wrong(
        "the client takes one recv for one message",
        stage=1,
        mistakes=(41,),
        checks=("test_client_puts_pieces_together",),
        says="decode whole lines, not what a recv brings",
        program="client.py",
        edits=[
            reading(
                '        while data := stream.read1(1024):\n            yield data.decode(errors="replace").strip()\n',
                READ_LOOP_CLIENT,
            )
        ],
    ),
    Wrong(
        "the client sends empty lines",
        stage=1,
        mistakes=(45,),
        checks=("test_client_sends_no_empty_line",),
        says="An empty line came",
        program="client.py",
        edits=[("elif text.strip():", "else:")],
    ),
    Wrong(
        "no server: a traceback",
        stage=1,
        mistakes=(43,),
        checks=("test_client_says_that_there_is_no_server",),
        says="catch the error of connecting",
        program="client.py",
        edits=[("    except (OSError, ValueError) as error:", "    except ValueError as error:")],
    ),
    Wrong(
        "the client prints empty lines when the server is gone",
        stage=1,
        mistakes=(49,),
        checks=("test_client_says_that_the_server_is_gone",),
        says="gone for good",
        program="client.py",
        edits=[("    sys.exit(GONE)\n\n\ndef read_lines", '    return ""\n\n\ndef read_lines')],
    ),
    Wrong(
        "a reset is a traceback in the client",
        stage=1,
        mistakes=(44,),
        checks=("test_client_says_that_the_server_is_gone[breaks]",),
        says="",
        program="client.py",
        edits=[
            ("    except OSError:\n        sys.exit(GONE)", "    except ValueError:\n        sys.exit(GONE)"),
            (BREAKS, BREAKS.replace("OSError", "ValueError")),
        ],
    ),
    Wrong(
        "the client goes without a word",
        stage=1,
        mistakes=(49,),
        checks=("test_client_says_that_the_server_is_gone",),
        says="exit status",
        program="client.py",
        edits=[("    sys.exit(GONE)\n\n\ndef read_lines", "    sys.exit()\n\n\ndef read_lines")],
    ),
    Wrong(
        "what the server sends is printed as it came",
        stage=1,
        mistakes=(4,),
        checks=("test_clients_screen_is_safe",),
        says="has reached the client's terminal",
        program="client.py",
        edits=[(CLEAN, "yield text")],
    ),
    Wrong(
        "the end of the input is an EOFError",
        stage=1,
        mistakes=(),
        checks=("test_client_sends_what_is_typed_and_prints_what_comes", "test_client_ends_with_its_input"),
        says="input() raises EOFError",
        program="client.py",
        edits=[("    for line in sys.stdin:\n", "    while True:\n        line = input()\n")],
    ),
    Wrong(
        "Ctrl-C is a traceback in the client",
        stage=1,
        mistakes=(11,),
        checks=("test_client_ends_on_ctrl_c",),
        says="exit status",
        program="client.py",
        edits=[(WHEN_TOLD, "pass")],
    ),
    Wrong(
        "a letter that the screen lacks ends the client",
        stage=1,
        mistakes=(28,),
        checks=("test_client_lives_on_a_screen_that_lacks_letters",),
        says="reconfigure",
        program="client.py",
        edits=[('            stream.reconfigure(errors="replace")', "            stream.reconfigure()")],
    ),
]
