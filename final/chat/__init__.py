"""The chat that the course arrives at: a server that a thousand people can talk on.

Start reading at server.py. The parts, from the inside out:

    text        what people say, with nothing in it that could hide or move text
    names       when two names are one person (confusables.py is its table)
    protocol    the wire: lines, and the two ways to write one conversation in them
    log         the conversation: bounded, and every listener an integer into it
    room        who is here, and what each may do to the conversation
    limits      how much of everything one client may have
    session     what one client may say next, and what it does
    transport   one socket: reading, sending, and parting without losing the last word
    server      the loop that turns them all
    terminal    the conversation on the server's own screen; logs on standard error
    metrics     the figures, for whoever asks (optional)

Those before transport are pure: they know no socket, thread, clock or file, so that every one of their mistakes can be
provoked in a test by calling a function. A test reads the imports and keeps it so.
"""

__version__ = "0.1.0"
