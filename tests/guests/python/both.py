"""Sockets of WASI 0.3, by its own interfaces, and those of Python's library, which are of 0.2."""

# Python would import it when it is first needed, but a component has of Python's library what was
# imported while it was built.
import encodings.idna  # noqa: F401
import socket
import sys

from wit_world import byte_stream, exports
from wit_world.imports.wasi_sockets_types import (
    IpAddressFamily,
    IpSocketAddress_Ipv4,
    Ipv4SocketAddress,
    TcpSocket,
    UdpSocket,
)


def address(host, port):
    return IpSocketAddress_Ipv4(Ipv4SocketAddress(port, tuple(map(int, host.split(".")))))


async def write(connection, data):
    writer, reader = byte_stream()
    connection.send(reader)
    with writer:
        await writer.write_all(data)


async def read(connection):
    reader, _ = connection.receive()
    return await reader.read(100)


async def server():
    listener = TcpSocket.create(IpAddressFamily.IPV4)
    listener.bind(address("127.0.0.1", 0))
    accepted = listener.listen()
    port = listener.get_local_address().value.port
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"question")
        [connection] = await accepted.read(1)
        print("server of 0.3:", await read(connection))
        await write(connection, b"answer")
        print("client of 0.2:", client.recv(100))


async def client():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = TcpSocket.create(IpAddressFamily.IPV4)
        await connection.connect(address(*listener.getsockname()))
        await write(connection, b"question")
        accepted, _ = listener.accept()
        with accepted:
            print("server of 0.2:", accepted.recv(100))
            accepted.sendall(b"answer")
            print("client of 0.3:", await read(connection))


async def datagrams():
    new = UdpSocket.create(IpAddressFamily.IPV4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
        old.bind(("127.0.0.1", 0))
        await new.send(b"a datagram", address(*old.getsockname()))
        data, there = old.recvfrom(100)
        print("datagram of 0.3:", data)
        old.sendto(data[::-1], there)
        data, _ = await new.receive()
        print("datagram of 0.2:", data)


async def peers():
    with socket.create_connection(("one.test", 80)) as old:
        old.sendall(b"question")
        print("peer of 0.2:", old.recv(100))
    new = TcpSocket.create(IpAddressFamily.IPV4)
    await new.connect(address("192.0.2.2", 80))
    await write(new, b"question")
    print("peer of 0.3:", await read(new))


class Run(exports.Run):
    """What `wasi:cli/command` of 0.3 exports."""

    async def run(self):
        if "peers" in sys.argv:
            await peers()
        else:
            await server()
            await client()
            await datagrams()
        sys.stdout.flush()
