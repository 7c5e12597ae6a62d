"""Who began an end and how, as scenarios expect it, and what they share on the way to it."""

import pairs

LOCAL_FIN = {"initiator": "local", "mechanism": "fin"}
LOCAL_RST = {"initiator": "local", "mechanism": "rst"}
REMOTE_FIN = {"initiator": "remote", "mechanism": "fin"}
REMOTE_RST = {"initiator": "remote", "mechanism": "rst"}
TIMEOUT = {"initiator": "kernel", "mechanism": "timeout"}

SOON_SECONDS = 0.5  # well below every limit of wsbpf's


def nears(opened):
    return [pair.near for pair in opened]


def near_answers_the_fin(stage, opened):
    """The peer has closed; the application sees it, and closes, too."""
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pairs.drain(pair.near)
        pair.near.close()


def near_answers_the_end(stage, opened):
    """The connection has ended by a reset or timeout; the application closes its descriptor."""
    stage.until_state(nears(opened), pairs.CLOSE)
    for pair in opened:
        pair.near.close()
