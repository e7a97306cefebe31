"""Servers and their clients in one program, by Python's standard library, over loopback."""

# Python would import these when they are first needed, but a component has of Python's library
# what was imported while it was built.
import encodings.idna  # noqa: F401
import asyncio
import socket
import socketserver
import sys

from wit_world import exports

V4 = "127.0.0.1"
V6 = "::1"


class Capitals(socketserver.StreamRequestHandler):
    """Answers a line in capitals."""

    def handle(self):
        self.wfile.write(self.rfile.readline().upper())


class Server6(socketserver.TCPServer):
    address_family = socket.AF_INET6


class Backwards(socketserver.BaseRequestHandler):
    """Answers a datagram backwards."""

    def handle(self):
        data, server = self.request
        server.sendto(data[::-1], self.client_address)


def served(server, ip):
    """A request of a client that has asked before the server takes its turn."""
    with server((ip, 0), Capitals) as tcp:
        with socket.create_connection(tcp.server_address[:2]) as client:
            client.sendall(b"a line\n")
            tcp.handle_request()
            return client.makefile("rb").read()


def datagram():
    with socketserver.UDPServer((V4, 0), Backwards) as udp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(udp.server_address)
            client.send(b"a datagram")
            udp.handle_request()
            return client.recv(100)


async def echo(reader, writer):
    while data := await reader.read(5000):
        writer.write(data)
        await writer.drain()
    writer.close()


async def talk(port, count):
    """Says and hears at the same time."""
    reader, writer = await asyncio.open_connection(V4, port)
    said = bytes(i % 251 for i in range(count))
    writer.write(said)
    writer.write_eof()
    heard = await reader.read(-1)
    writer.close()
    assert heard == said, f"{len(heard)} of {count} bytes"
    return count


async def streams():
    server = await asyncio.start_server(echo, V4, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        counts = await asyncio.gather(*(talk(port, 100_000 * i + 1) for i in range(8)))
    return sum(counts)


async def deadlines():
    """What never comes ends with the time."""
    never = asyncio.Event()

    async def silence(reader, writer):
        await never.wait()
        writer.close()

    server = await asyncio.start_server(silence, V4, 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection(V4, port)
    try:
        await asyncio.wait_for(reader.read(1), 0.01)
        return "something came"
    except TimeoutError:
        return "nothing came"
    finally:
        never.set()
        writer.close()
        server.close()


async def nobody():
    try:
        await asyncio.open_connection(V4, 9)
    except OSError as e:
        return type(e).__name__


class Run(exports.Run):
    """What `wasi:cli/command` exports."""

    def run(self):
        print("socketserver:", served(socketserver.TCPServer, V4))
        print("socketserver over IPv6:", served(Server6, V6))
        print("socketserver of datagrams:", datagram())
        print("asyncio:", asyncio.run(streams()), "bytes")
        print("asyncio:", asyncio.run(deadlines()))
        print("asyncio:", asyncio.run(nobody()))
        sys.stdout.flush()
