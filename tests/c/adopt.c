/* Connections that the program has accepted: whose they are when they are taken and when they are not, and what had been read of them. */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSION "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static roomcast_broker *make(uint32_t loops, uint64_t links) {
    roomcast_broker *made = NULL;
    roomcast_config config = ROOMCAST_CONFIG_INIT;
    config.loops = loops;
    config.max_links = links;
    config.guard_handshakes = 1;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &made));
    return made;
}

/* Two ends of a connection. */
static void pair(int ends[2]) { CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }

/* Waits until a handshake is asked about, allows it if it comes from there, and reads its answer to the end. */
static void is_answered(roomcast_broker *b, int fd, const char *from) {
    roomcast_handshake how;
    roomcast_event event;
    char answer[4096];
    size_t got = 0, count;
    uint64_t end = now_ms() + 60000;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (;;) {
        ssize_t more;
        OK(roomcast_poll(b, 1));
        OK(roomcast_events(b, &event, sizeof event, 1, &count));
        if (count == 1 && event.kind == ROOMCAST_EVENT_HANDSHAKE) {
            CLEAR(how);
            how.struct_size = sizeof how;
            OK(roomcast_get_handshake(b, event.connection, &how));
            CHECK(how.address.len == strlen(from) && memcmp(how.address.ptr, from, how.address.len) == 0);
            OK(roomcast_allow(b, event.connection));
        }
        more = recv(fd, answer + got, sizeof answer - got - 1, 0);
        if (more == 0)
            break;
        if (more > 0)
            got += (size_t)more;
        else
            CHECK(errno == EAGAIN && now_ms() < end);
    }
    answer[got] = 0;
    CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, "\"sid\":"));
    close(fd);
}

static void taken(uint32_t loops) {
    static const roomcast_pair headers[] = {{ROOMCAST_SLICE_INIT("Host"), ROOMCAST_SLICE_INIT("x")},
                                            {ROOMCAST_SLICE_INIT("Connection"), ROOMCAST_SLICE_INIT("close")}};
    roomcast_request request = ROOMCAST_REQUEST_INIT;
    roomcast_broker *b = make(loops, 1000);
    roomcast_remote *remote = NULL;
    int ends[2];
    size_t read;
    OK(roomcast_remote_new(b, &remote));
    for (read = 0; read < sizeof SESSION; read += 17) {
        pair(ends);
        CHECK(send(ends[1], SESSION + read, sizeof SESSION - 1 - read, 0) >= 0);
        if (read % 2)
            OK(roomcast_adopt(b, ends[0], SESSION, read, NULL, 0));
        else
            OK(roomcast_remote_adopt(remote, ends[0], SESSION, read, NULL, 0));
        CHECK(fcntl(ends[0], F_GETFD) < 0 && errno == EBADF);
        is_answered(b, ends[1], "unix:");
    }
    request.method = roomcast_slice_of("GET");
    request.target = roomcast_slice_of("/socket.io/?EIO=4&transport=polling");
    request.headers = headers;
    request.header_count = 2;
    request.peer = roomcast_slice_of("[2001:db8::1]:7");
    pair(ends);
    OK(roomcast_adopt_request(b, ends[0], &request));
    is_answered(b, ends[1], "[2001:db8::1]:7");
    pair(ends);
    OK(roomcast_remote_adopt_request(remote, ends[0], &request));
    is_answered(b, ends[1], "[2001:db8::1]:7");
    roomcast_remote_free(remote);
    roomcast_free(b);
}

/* What cannot be taken stays the caller's, and is as it was. */
static void not_taken(uint32_t loops) {
    static char large[1100000];
    roomcast_request request = ROOMCAST_REQUEST_INIT;
    roomcast_broker *b = make(loops, 1);
    int ends[2], listens = socket(AF_INET, SOCK_STREAM, 0), others[2], last = -1, n;
    pair(ends);
#define STAYS(fd) CHECK(fcntl((fd), F_GETFL) >= 0 && !(fcntl((fd), F_GETFL) & O_NONBLOCK))
    CHECK(listen(listens, 1) == 0);
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_adopt(b, listens, NULL, 0, NULL, 0));
    SAYS("roomcast_adopt: fd: it listens, and is no connection");
    STAYS(listens);
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_adopt(b, -1, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_SYSTEM - EBADF, roomcast_adopt(b, 1 << 20, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_adopt(b, ends[0], NULL, 0, "there", 5));
    SAYS("roomcast_adopt: peer: it is an address, or begins with unix:");
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_adopt(b, ends[0], large, sizeof large, NULL, 0));
    IS(ROOMCAST_ERROR_NULL, roomcast_adopt(b, ends[0], NULL, 1, NULL, 0));
    IS(ROOMCAST_ERROR_NULL, roomcast_adopt_request(b, ends[0], NULL));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_adopt_request(b, ends[0], &request));
    SAYS("roomcast_adopt_request: method: it is none");
    request.struct_size = 4;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_adopt_request(b, ends[0], &request));
    STAYS(ends[0]);
    /* One for each loop, and then no more. */
    for (n = 0; n < 100 && last != ROOMCAST_ERROR_TOO_MANY; n++) {
        pair(others);
        last = roomcast_adopt(b, others[0], NULL, 0, NULL, 0);
    }
    CHECK(last == ROOMCAST_ERROR_TOO_MANY);
    SAYS("roomcast_adopt: a limit of the broker was reached: max_links is 1");
    STAYS(others[0]);
    OK(roomcast_close(b, 0));
    IS(ROOMCAST_ERROR_CLOSED, roomcast_adopt(b, ends[0], NULL, 0, NULL, 0));
    STAYS(ends[0]);
    OK(roomcast_reopen(b));
    OK(roomcast_adopt(b, ends[0], NULL, 0, NULL, 0));
    roomcast_free(b);
}

int main(void) {
    uint32_t loops;
    for (loops = 0; loops <= 2; loops += 2) {
        taken(loops);
        not_taken(loops);
    }
    puts("adopt: ok");
    return 0;
}
