"""hands.py PORT: a server whose one connection changes hands, a step for each line that it reads.

Prints a line for each step: the pid of whoever took part in it. The other processes end with it.
  accept   the server accepts
  fork     a child inherits the connection
  fill     the server sends as much as it can
  close    the server closes its own descriptor
  send     the server sends the descriptor to a second process, which does not take it yet
  take     that process takes it
"""

import os
import socket
import sys

port = int(sys.argv[1])
here, there = socket.socketpair()
death, alive = os.pipe()  # the write end is the server's alone


def receiver(orders):
    os.close(alive)
    here.close()
    held = []
    for _ in iter(lambda: os.read(orders, 1), b""):
        held += socket.recv_fds(there, 1, 1)[1]
        there.send(b"!")


def child():
    os.close(alive)
    os.read(death, 1)


def fork(run, *arguments):
    pid = os.fork()
    if pid == 0:
        run(*arguments)
        os._exit(0)
    return pid


orders, take = os.pipe()


def second_process():
    os.close(take)
    receiver(orders)


second = fork(second_process)
there.close()

listener = socket.create_server(("127.0.0.1", port))
print(os.getpid(), flush=True)
for step in sys.stdin:
    who = os.getpid()
    match step.strip():
        case "accept":
            connection, _ = listener.accept()
        case "fork":
            who = fork(child)
        case "fill":
            connection.setblocking(False)
            try:
                while connection.send(bytes(65536)):
                    pass
            except BlockingIOError:
                pass
        case "close":
            connection.close()
        case "send":
            socket.send_fds(here, [b"!"], [connection.fileno()])
        case "take":
            os.write(take, b"!")
            here.recv(1)
            who = second
    print(who, flush=True)
