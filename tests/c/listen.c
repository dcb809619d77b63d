/* Where a broker listens: Unix sockets and their files, descriptors and whose they are, options. */
#include "support.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static struct sockaddr_un unix_address(const char *path) {
    struct sockaddr_un address;
    CLEAR(address);
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

static int unix_client(const char *path) {
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static int tcp_client(uint16_t port) {
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CLEAR(address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* Asks for a session and reads the answer to its end. */
static void ask(roomcast_broker *b, int fd) {
    char answer[4096];
    size_t got = 0;
    uint64_t end = now_ms() + 60000;
    CHECK(send(fd, SESSION, sizeof SESSION - 1, 0) == (ssize_t)sizeof SESSION - 1);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (;;) {
        ssize_t count = recv(fd, answer + got, sizeof answer - got - 1, 0);
        if (count == 0)
            break;
        if (count > 0)
            got += (size_t)count;
        else
            CHECK(errno == EAGAIN && now_ms() < end);
        OK(roomcast_poll(b, 1));
    }
    answer[got] = 0;
    CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, "\"sid\":"));
    close(fd);
}

static roomcast_broker *make(uint32_t loops) {
    roomcast_broker *made = NULL;
    roomcast_config config;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &made));
    return made;
}

static void unix_sockets(uint32_t loops) {
    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;
    roomcast_broker *b = make(loops), *other = make(0);
    char path[64], said[256];
    struct stat found;
    pid_t child;
    int status;
    snprintf(path, sizeof path, "/tmp/roomcast-%ld-c.sock", (long)getpid());
    how.mode = 0640;
    how.backlog = 16;
    OK(roomcast_listen_unix(b, path, strlen(path), &how));
    CHECK(stat(path, &found) == 0 && S_ISSOCK(found.st_mode) && (found.st_mode & 0777) == 0640);
    ask(b, unix_client(path));
    CHECK(roomcast_listen_unix(other, path, strlen(path), NULL) == ROOMCAST_ERROR_SYSTEM - EADDRINUSE);
    roomcast_last_error(said, sizeof said);
    CHECK(strstr(said, path));
    roomcast_free(other);
    /* A child has no right to take it away. */
    child = fork();
    if (child == 0) {
        roomcast_free(b);
        /* Another program, and so no search for leaks: what threads held that are not here stays allocated. */
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    ask(b, unix_client(path));
    OK(roomcast_close(b, 1000));
    CHECK(stat(path, &found) != 0);
    OK(roomcast_listen_unix(b, path, strlen(path), NULL));
    ask(b, unix_client(path));
    roomcast_free(b);
    CHECK(stat(path, &found) != 0);
}

/* What a process leaves that is killed. */
static void stale(void) {
    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;
    roomcast_broker *b = make(0);
    struct sockaddr_un address;
    char path[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(path, sizeof path, "/tmp/roomcast-%ld-stale.sock", (long)getpid());
    address = unix_address(path);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    close(fd);
    how.flags = ROOMCAST_LISTEN_KEEP_STALE;
    CHECK(roomcast_listen_unix(b, path, strlen(path), &how) == ROOMCAST_ERROR_SYSTEM - EADDRINUSE);
    OK(roomcast_listen_unix(b, path, strlen(path), NULL));
    ask(b, unix_client(path));
    roomcast_free(b);
    CHECK(access(path, F_OK) != 0);
}

static void descriptors(uint32_t loops) {
    roomcast_broker *b = make(loops);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CLEAR(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    /* It does not listen yet, and stays ours. */
    IS(ROOMCAST_ERROR_BAD_ADDRESS, roomcast_listen_fd(b, fd));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK(listen(fd, 16) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    OK(roomcast_listen_fd(b, fd));
    /* The broker has it. */
    CHECK(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    ask(b, tcp_client(ntohs(address.sin_port)));
    OK(roomcast_stop_listening(b));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, size) < 0 && errno == ECONNREFUSED);
    close(fd);
    roomcast_free(b);
}

static void options(uint32_t loops) {
    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;
    roomcast_broker *b = make(loops), *other = make(0);
    uint16_t port = 0, same = 0;
    how.flags = ROOMCAST_LISTEN_REUSE_PORT | ROOMCAST_LISTEN_ONE_ACCEPTOR;
    OK(roomcast_listen_with(b, ROOMCAST_TEXT("127.0.0.1"), 0, &how, &port));
    ask(b, tcp_client(port));
    OK(roomcast_listen_with(other, ROOMCAST_TEXT("127.0.0.1"), port, &how, &same));
    CHECK(same == port);
    CHECK(roomcast_listen(other, ROOMCAST_TEXT("127.0.0.1"), port, NULL) == ROOMCAST_ERROR_SYSTEM - EADDRINUSE);
    roomcast_free(b);
    roomcast_free(other);
}

/* A proxy says whose each connection is; who does not is closed without a word. */
static void proxied(uint32_t loops) {
    static const char header[] = "PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n";
    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;
    roomcast_broker *b = make(loops);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    uint64_t end = now_ms() + 60000;
    uint16_t port = 0;
    char byte;
    int client, fd = socket(AF_INET, SOCK_STREAM, 0);
    how.flags = ROOMCAST_LISTEN_PROXY_PROTOCOL;
    OK(roomcast_listen_with(b, ROOMCAST_TEXT("127.0.0.1"), 0, &how, &port));
    client = tcp_client(port);
    CHECK(send(client, header, sizeof header - 1, 0) == (ssize_t)sizeof header - 1);
    ask(b, client);
    client = tcp_client(port);
    CHECK(send(client, SESSION, sizeof SESSION - 1, 0) == (ssize_t)sizeof SESSION - 1);
    CHECK(fcntl(client, F_SETFL, O_NONBLOCK) == 0);
    while (recv(client, &byte, 1, 0) < 0 && errno == EAGAIN) {
        CHECK(now_ms() < end);
        OK(roomcast_poll(b, 1));
    }
    CHECK(recv(client, &byte, 1, 0) <= 0);
    close(client);
    CLEAR(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    how.flags = 64;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_fd_with(b, fd, &how));
    how.flags = ROOMCAST_LISTEN_PROXY_PROTOCOL;
    OK(roomcast_listen_fd_with(b, fd, &how));
    client = tcp_client(ntohs(address.sin_port));
    CHECK(send(client, header, sizeof header - 1, 0) == (ssize_t)sizeof header - 1);
    ask(b, client);
    roomcast_free(b);
}

/* What is shown over TLS, and is none. Clients are in bindings/python/tests/test_tls.py. */
static void tls(void) {
    roomcast_identity identity = {{NULL, 0}, {NULL, 0}};
    roomcast_tls shown = ROOMCAST_TLS_INIT;
    roomcast_broker *b = make(0);
    IS(ROOMCAST_ERROR_NULL, roomcast_listen_tls(b, "::1", 3, 0, NULL, NULL, NULL));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_tls(b, "::1", 3, 0, &shown, NULL, NULL));
    SAYS("roomcast_listen_tls: tls.identities: there is one at least");
    shown.identities = &identity;
    shown.identity_count = 1;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_tls(b, "::1", 3, 0, &shown, NULL, NULL));
    SAYS("roomcast_listen_tls: tls.identities[0]: there is no certificate in the PEM");
    identity.chain = slice("-----BEGIN CERTIFICATE-----\n!");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_set_tls(b, 1, &shown));
    SAYS("roomcast_set_tls: tls.identities[0]: the PEM of the certificates cannot be read");
    shown.flags = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_set_tls(b, 1, &shown));
    shown.struct_size = 4;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_set_tls(b, 1, &shown));
    roomcast_free(b);
}

int main(void) {
    uint32_t loops;
    for (loops = 0; loops <= 4; loops += 2) {
        unix_sockets(loops);
        descriptors(loops);
        options(loops);
        proxied(loops);
    }
    stale();
    tls();
    puts("listen: ok");
    return 0;
}
