"""Connections that are WebSockets. The end that connected is the client: it masks its frames."""

import pairs
import websocket

MESSAGE = bytes(pairs.MESSAGE)


def client_and_server(stage, pair):
    return (pair.near, pair.far) if stage.role == "client" else (pair.far, pair.near)


def pass_on(sender, receiver, data):
    """All of it is read."""
    sender.sendall(data)
    pairs.receive(receiver, len(data))


def ask(stage, pair, answer=websocket.SWITCH, request=websocket.REQUEST):
    client, server = client_and_server(stage, pair)
    pass_on(client, server, request)
    pass_on(server, client, answer)


def open_one(stage, family):
    pair = stage.open_one(family)
    ask(stage, pair)
    return pair


def talk(stage, pair):
    """A message each way, each read."""
    client, server = client_and_server(stage, pair)
    pass_on(client, server, websocket.frame(websocket.TEXT, MESSAGE, from_client=True))
    pass_on(server, client, websocket.frame(websocket.TEXT, MESSAGE))


def close_frame(stage, pair, sender, code):
    return websocket.close(code, from_client=sender is client_and_server(stage, pair)[0])


def say_close(stage, pair, sender, code=1000):
    """A Close frame that the other end reads."""
    receiver = pair.far if sender is pair.near else pair.near
    pass_on(sender, receiver, close_frame(stage, pair, sender, code))


def open_all(stage):
    """The scenario's connections, half of them IPv4, each of which has carried messages."""
    opened = [open_one(stage, pairs.FAMILIES[i % 2]) for i in range(stage.count)]
    for pair in opened:
        talk(stage, pair)
    return opened
