"""The chat's client: one conversation, seen through a window or on a terminal.

Start reading at model.py. The parts, from the inside out:

    events       what can happen, a data class for each
    wire         our side of the conversation, without its socket: bytes in, events out
    model        what there is to see: the transcript, the people, what isn't acknowledged yet
    colours      a colour for each name that can be read on its background
    connection   one thread that owns the socket, and comes back when the connection is lost
    settings     what is remembered from one day to the next
    journal      what goes wrong, logged to a file
    theme        how the window's parts look, by day and by night
    transcript   the conversation drawn in a Tk text
    people       who is here, in a list
    editing      the menu of whatever holds text
    window       the window: drains the events, draws the model
    console      the same on a terminal

Those before connection are pure: they know no socket, thread, clock, file or Tk. Between the thread of the connection
and that of the window there are two queues and nothing else: events come out, requests go in.
"""
