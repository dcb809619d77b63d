/* Connections that go back to the program, with the requests that are not for the broker, and come again. */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSION "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
#define API "GET /api HTTP/1.1\r\nHost: x\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static roomcast_broker *make(uint32_t loops) {
    roomcast_broker *made = NULL;
    roomcast_config config = ROOMCAST_CONFIG_INIT;
    config.loops = loops;
    config.hand_back = 1;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &made));
    return made;
}

/* Waits for a connection that goes back. */
static roomcast_event foreign(roomcast_broker *b) {
    roomcast_event event;
    size_t count = 0;
    uint64_t end = now_ms() + 60000;
    do {
        CHECK(now_ms() < end);
        OK(roomcast_poll(b, 100));
        OK(roomcast_events(b, &event, sizeof event, 1, &count));
    } while (count == 0);
    CHECK(event.kind == ROOMCAST_EVENT_FOREIGN);
    return event;
}

/* Reads until the client has heard this, while the broker goes on. */
static void hears(roomcast_broker *b, int fd, const char *text) {
    char heard[4096];
    size_t got = 0;
    uint64_t end = now_ms() + 60000;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    do {
        ssize_t more = recv(fd, heard + got, sizeof heard - got - 1, 0);
        if (more > 0)
            got += (size_t)more;
        else
            CHECK(more < 0 && errno == EAGAIN && now_ms() < end);
        heard[got] = 0;
        OK(roomcast_poll(b, 1));
    } while (!strstr(heard, text));
}

static void says(int fd, const char *text) { CHECK(send(fd, text, strlen(text), 0) == (ssize_t)strlen(text)); }

static void to_and_fro(uint32_t loops) {
    roomcast_broker *b = make(loops);
    int ends[2], round;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    OK(roomcast_adopt(b, ends[0], NULL, 0, "192.0.2.1:7", 11));
    for (round = 0; round < 20; round++) {
        roomcast_event event;
        int fd;
        says(ends[1], SESSION);
        hears(b, ends[1], "\"sid\"");
        says(ends[1], API);
        event = foreign(b);
        CHECK(event.data_len == sizeof API - 1 && memcmp(event.data, API, sizeof API - 1) == 0);
        CHECK(event.name_len == 11 && memcmp(event.name, "192.0.2.1:7", 11) == 0);
        fd = (int)event.context;
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        OK(roomcast_take_descriptor(b, fd));
        IS(ROOMCAST_ERROR_GONE, roomcast_take_descriptor(b, fd));
        SAYS("roomcast_take_descriptor: fd: the handle is dead or was never valid");
        /* A poll later it is the program's still. */
        OK(roomcast_poll(b, 0));
        says(fd, ANSWER);
        hears(b, ends[1], "hi");
        OK(roomcast_adopt(b, fd, NULL, 0, "192.0.2.1:7", 11));
    }
    close(ends[1]);
    roomcast_free(b);
}

static void not_taken(uint32_t loops) {
    roomcast_broker *b = make(loops);
    roomcast_event event;
    int ends[2], fd;
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    OK(roomcast_adopt(b, ends[0], API, sizeof API - 1, NULL, 0));
    event = foreign(b);
    fd = (int)event.context;
    CHECK(event.name_len == 5 && memcmp(event.name, "unix:", 5) == 0);
    IS(ROOMCAST_ERROR_GONE, roomcast_take_descriptor(b, fd + 1));
    IS(ROOMCAST_ERROR_GONE, roomcast_take_descriptor(b, -1));
    OK(roomcast_poll(b, 0));
    IS(ROOMCAST_ERROR_GONE, roomcast_take_descriptor(b, fd));
    CHECK(recv(ends[1], &byte, 1, 0) == 0);
    close(ends[1]);
    /* Nor one that nobody has drained. */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    OK(roomcast_adopt(b, ends[0], API, sizeof API - 1, NULL, 0));
    OK(roomcast_poll(b, 100));
    roomcast_free(b);
    CHECK(recv(ends[1], &byte, 1, 0) == 0);
    close(ends[1]);
}

int main(void) {
    uint32_t loops;
    for (loops = 0; loops <= 2; loops += 2) {
        to_and_fro(loops);
        not_taken(loops);
    }
    puts("hand_back: ok");
    return 0;
}
