// Servers and their clients in one program, by the bindings of WASI's sockets, over loopback.

import { getStdout } from 'wasi:cli/stdout@0.2.12';
import { poll } from 'wasi:io/poll@0.2.12';
import { instanceNetwork } from 'wasi:sockets/instance-network@0.2.12';
import { resolveAddresses } from 'wasi:sockets/ip-name-lookup@0.2.12';
import { createTcpSocket } from 'wasi:sockets/tcp-create-socket@0.2.12';
import { createUdpSocket } from 'wasi:sockets/udp-create-socket@0.2.12';

const HERE = {
    ipv4: { tag: 'ipv4', val: { port: 0, address: [127, 0, 0, 1] } },
    ipv6: {
        tag: 'ipv6',
        val: { port: 0, flowInfo: 0, address: [0, 0, 0, 0, 0, 0, 0, 1], scopeId: 0 },
    },
};

// Handles are not left to the garbage collector: it would drop sockets before what is theirs.
const kept = [];

function keep(...handles) {
    kept.push(...handles);
    return handles.length === 1 ? handles[0] : handles;
}

function bytesOf(text) {
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function print(...words) {
    keep(getStdout()).blockingWriteAndFlush(bytesOf(words.join(' ') + '\n'));
}

// Calls a function until it has no need to wait.
function wait(subject, call) {
    const pollable = keep(subject.subscribe());
    for (;;) {
        try {
            return call();
        } catch (e) {
            if (e.payload !== 'would-block') throw e;
            pollable.block();
        }
    }
}

function bound(socket, network, family) {
    keep(socket).startBind(network, HERE[family]);
    wait(socket, () => socket.finishBind());
    return socket;
}

function connection(network, family) {
    const listener = bound(createTcpSocket(family), network, family);
    listener.startListen();
    wait(listener, () => listener.finishListen());
    const client = keep(createTcpSocket(family));
    client.startConnect(network, listener.localAddress());
    const [, output] = keep(...wait(client, () => client.finishConnect()));
    const [, input] = keep(...wait(listener, () => listener.accept()));
    return { client, output, input };
}

// More than a buffer holds, with one poll that waits for both ends.
function stream(network, family) {
    const { client, output, input } = connection(network, family);
    const said = new Uint8Array(300_000).map((_, i) => i % 251);
    const [readable, writable] = keep(input.subscribe(), output.subscribe());
    const heard = [];
    for (let written = 0; ; ) {
        const ready = poll(written < said.length ? [readable, writable] : [readable]);
        if (ready.includes(1)) {
            const count = Math.min(output.checkWrite(), said.length - written);
            output.write(said.slice(written, written + count));
            written += count;
            if (written === said.length) client.shutdown('send');
        }
        try {
            heard.push(...input.read(10_000));
        } catch (e) {
            if (e.payload?.tag !== 'closed') throw e;
            return heard.length === said.length && heard.every((byte, i) => byte === said[i]);
        }
    }
}

function datagram(network, family) {
    const one = bound(createUdpSocket(family), network, family);
    const two = bound(createUdpSocket(family), network, family);
    const [, outgoing] = keep(...one.stream(undefined));
    const [incoming] = keep(...two.stream(undefined));
    outgoing.checkSend();
    outgoing.send([{ data: bytesOf('a datagram'), remoteAddress: two.localAddress() }]);
    keep(incoming.subscribe()).block();
    const [received] = incoming.receive(1);
    return String.fromCharCode(...received.data);
}

function lookup(network, name) {
    const found = keep(resolveAddresses(network, name));
    const next = () => wait(found, () => found.resolveNextAddress());
    const { tag, val } = next();
    return [tag, val.join('.'), next()].join(' ');
}

function refused(network) {
    const socket = keep(createTcpSocket('ipv4'));
    socket.startConnect(network, { tag: 'ipv4', val: { port: 9, address: [127, 0, 0, 1] } });
    try {
        wait(socket, () => socket.finishConnect());
    } catch (e) {
        return e.payload;
    }
}

export const run = {
    run() {
        const network = keep(instanceNetwork());
        for (const family of ['ipv4', 'ipv6']) {
            print(family, 'stream:', stream(network, family));
            print(family, 'datagram:', datagram(network, family));
        }
        print('127.0.0.1:', lookup(network, '127.0.0.1'));
        print('nobody listens:', refused(network));
    },
};
