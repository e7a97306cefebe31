"""Uses the sockets of Python's standard library, and prints what it gets."""

# Names are encoded with it. Python would import it at the first lookup, but a component has of
# Python's library what was imported while it was built.
import encodings.idna  # noqa: F401
import socket
import sys

from wit_world import exports
from wit_world.imports import exit as wasi_exit

V4 = ("127.0.0.1", 9)
V6 = ("::1", 9)


def show(what, function):
    """Prints what became of a call: the class and number of its error, if it had one."""
    try:
        function()
        print(f"{what}: ok")
    except OSError as e:
        print(f"{what}: {type(e).__name__} {e.errno}")


def create(family, kind):
    socket.socket(family, kind).close()


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as tcp:
        tcp.connect(address)


def listen(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as tcp:
        tcp.bind(address)
        tcp.listen()


def bind(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.bind(address)


def send(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"never", address)


def main():
    show("create tcp", lambda: create(socket.AF_INET, socket.SOCK_STREAM))
    show("create udp", lambda: create(socket.AF_INET6, socket.SOCK_DGRAM))
    show("connect v4", lambda: connect(socket.AF_INET, V4))
    show("connect v6", lambda: connect(socket.AF_INET6, V6))
    show("create connection", lambda: socket.create_connection(V4, timeout=1))
    show("listen v4", lambda: listen(socket.AF_INET, V4))
    show("listen v6", lambda: listen(socket.AF_INET6, V6))
    show("bind v4", lambda: bind(socket.AF_INET, V4))
    show("bind v6", lambda: bind(socket.AF_INET6, V6))
    show("send v4", lambda: send(socket.AF_INET, V4))
    show("send v6", lambda: send(socket.AF_INET6, V6))
    show("lookup", lambda: socket.getaddrinfo("example.com", 80))
    sys.exit(7)


class Run(exports.Run):
    """What `wasi:cli/command` exports."""

    def run(self):
        try:
            main()
        except SystemExit as e:
            # componentize-py traps on it as on any exception that the WIT does not name.
            sys.stdout.flush()
            wasi_exit.exit_with_code(e.code)
