// Servers and their clients in one program, by the sockets of the C library, over loopback.

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Room for an address of either family.
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int check(int result, const char *what) {
    if (result < 0) fail(what);
    return result;
}

// The loopback address of a family, with port 0.
static socklen_t loopback(int family, union address *address) {
    memset(address, 0, sizeof *address);
    if (family == AF_INET) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof address->v4;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_addr.s6_addr[15] = 1;
    return sizeof address->v6;
}

// A socket on a port that nobody else has; its address is put into `address`.
static int bound(int family, int type, union address *address, socklen_t *length) {
    int it = check(socket(family, type, 0), "socket");
    *length = loopback(family, address);
    check(bind(it, &address->any, *length), "bind");
    check(getsockname(it, &address->any, length), "getsockname");
    return it;
}

static void do_not_block(int it) {
    int on = 1;
    check(ioctl(it, FIONBIO, &on), "ioctl");
}

// The two ends of a connection.
static void connection(int family, int ends[2]) {
    union address address;
    socklen_t length;
    int listener = bound(family, SOCK_STREAM, &address, &length);
    check(listen(listener, 4), "listen");
    ends[0] = check(socket(family, SOCK_STREAM, 0), "socket");
    check(connect(ends[0], &address.any, length), "connect");
    union address peer, own;
    length = sizeof peer;
    ends[1] = check(accept(listener, &peer.any, &length), "accept");
    length = sizeof own;
    check(getsockname(ends[0], &own.any, &length), "getsockname");
    int same = family == AF_INET ? own.v4.sin_port == peer.v4.sin_port
                                 : own.v6.sin6_port == peer.v6.sin6_port;
    printf("  it comes from whoever connected: %s\n", same ? "yes" : "no");
    close(listener);
}

// More than the network takes at once, with one poll for both ends.
static void pour(int from, int to) {
    static unsigned char said[3000000], heard[sizeof said];
    for (size_t i = 0; i < sizeof said; i++) said[i] = i % 251;
    do_not_block(from);
    do_not_block(to);
    size_t written = 0, read = 0;
    for (;;) {
        struct pollfd ends[2] = {{.fd = to, .events = POLLIN}, {.fd = from, .events = POLLOUT}};
        check(poll(ends, written < sizeof said ? 2 : 1, -1), "poll");
        if (written < sizeof said && ends[1].revents) {
            ssize_t count = send(from, said + written, sizeof said - written, 0);
            if (count < 0 && errno != EAGAIN) fail("send");
            written += count < 0 ? 0 : count;
            if (written == sizeof said) check(shutdown(from, SHUT_WR), "shutdown");
        }
        if (ends[0].revents) {
            ssize_t count = recv(to, heard + read, sizeof heard - read, 0);
            if (count < 0 && errno != EAGAIN) fail("recv");
            if (count == 0 && written == sizeof said) break;
            read += count < 0 ? 0 : count;
        }
        if (read == sizeof heard) break;
    }
    int same = read == sizeof said && memcmp(said, heard, read) == 0;
    printf("  what was said was heard: %s\n", same ? "yes" : "no");
}

static void streams(int family) {
    int ends[2];
    connection(family, ends);
    int on = 1;
    socklen_t length = sizeof on;
    check(setsockopt(ends[0], SOL_SOCKET, SO_KEEPALIVE, &on, length), "setsockopt");
    on = 0;
    check(getsockopt(ends[0], SOL_SOCKET, SO_KEEPALIVE, &on, &length), "getsockopt");
    printf("  it is kept alive: %s\n", on ? "yes" : "no");
    pour(ends[0], ends[1]);
    char byte;
    printf("  then it ends: %zd\n", recv(ends[1], &byte, 1, 0));
    close(ends[1]);
    close(ends[0]);
}

static void datagrams(int family) {
    union address one_address, two_address, from;
    socklen_t length;
    int one = bound(family, SOCK_DGRAM, &one_address, &length);
    int two = bound(family, SOCK_DGRAM, &two_address, &length);
    check(sendto(one, "a datagram", 10, 0, &two_address.any, length), "sendto");
    char heard[32] = {0};
    length = sizeof from;
    ssize_t count = recvfrom(two, heard, sizeof heard, 0, &from.any, &length);
    int same = family == AF_INET ? from.v4.sin_port == one_address.v4.sin_port
                                 : from.v6.sin6_port == one_address.v6.sin6_port;
    printf("  %s of %zd bytes, from whoever sent it: %s\n", heard, count, same ? "yes" : "no");
    do_not_block(two);
    count = recvfrom(two, heard, sizeof heard, 0, NULL, NULL);
    printf("  and nothing more: %s\n", count < 0 && errno == EAGAIN ? "yes" : "no");
    close(one);
    close(two);
}

static void lookup(const char *name) {
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(name, "80", &hints, &found)) {
        printf("%s: nothing\n", name);
        return;
    }
    struct sockaddr_in *address = (struct sockaddr_in *)found->ai_addr;
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    printf("%s: %s port %d\n", name, text, ntohs(address->sin_port));
    freeaddrinfo(found);
}

static void nobody_listens(void) {
    union address address;
    socklen_t length;
    close(bound(AF_INET, SOCK_STREAM, &address, &length));
    int it = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    int refused = connect(it, &address.any, length) < 0 && errno == ECONNREFUSED;
    printf("nobody listens: %s\n", refused ? "refused" : "somebody does");
    close(it);
}

int main(void) {
    const int families[2] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        puts(families[i] == AF_INET ? "over IPv4" : "over IPv6");
        streams(families[i]);
        datagrams(families[i]);
    }
    lookup("127.0.0.5");
    lookup("localhost");
    nobody_listens();
    return 0;
}
