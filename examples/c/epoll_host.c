/* A program with an epoll loop of its own, which the broker joins as one more descriptor: beside it a timer, and datagrams that
 * become events. It must not wait anywhere but in epoll_wait.
 *
 * epoll_host [PORT]    then: echo -n hello > /dev/udp/127.0.0.1/UDP_PORT */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <roomcast.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static int fail(const char *what)
{
    char why[256] = "";
    roomcast_last_error(why, sizeof why);
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

static int watch(int epoll, int fd)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int udp_socket(uint16_t *port)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0
        || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return -1;
    *port = ntohs(address.sin_port);
    return fd;
}

/* What the broker has to tell. */
static void drain(roomcast_broker *broker)
{
    roomcast_event events[64];
    size_t count, at;
    while (roomcast_events(broker, events, sizeof *events, 64, &count) == ROOMCAST_OK && count > 0)
        for (at = 0; at < count; at++)
            if (events[at].kind == ROOMCAST_EVENT_MESSAGE && events[at].ack != 0)
                roomcast_ack(broker, events[at].socket, events[at].ack, events[at].data, events[at].data_len, NULL, 0);
}

/* A datagram becomes an event for everybody. */
static void datagram(roomcast_broker *broker, roomcast_namespace ns, int fd)
{
    char bytes[512], args[sizeof bytes * 6 + 4];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        size_t len = 0;
        args[0] = '[';
        /* What is not UTF-8 is refused. */
        if (roomcast_json_escape(bytes, (size_t)got, args + 1, sizeof args - 2, &len) != ROOMCAST_OK) {
            fail("datagram");
            continue;
        }
        args[len + 1] = ']';
        if (roomcast_emit_all(broker, ns, 0, ROOMCAST_TEXT("datagram"), args, len + 2) != ROOMCAST_OK)
            fail("datagram");
    }
}

/* Each beat is worth something only until the next. */
static void beat(roomcast_broker *broker, roomcast_namespace ns, int fd)
{
    static unsigned long beats;
    uint64_t times;
    char args[32];
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_message message = ROOMCAST_MESSAGE_INIT;

    if (read(fd, &times, sizeof times) != (ssize_t)sizeof times)
        return;
    beats += (unsigned long)times;
    target.flags = ROOMCAST_TARGET_ALL;
    target.ns = ns;
    message.delivery = ROOMCAST_LATEST;
    message.name = "beat";
    message.name_len = 4;
    message.args = args;
    message.args_len = (size_t)sprintf(args, "[%lu]", beats);
    roomcast_emit_to(broker, &target, &message, NULL);
}

int main(int argc, char **argv)
{
    static const struct itimerspec every = { { 0, 100000000 }, { 0, 100000000 } };
    uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 3000), udp_port = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC), udp = udp_socket(&udp_port);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), fd = -1;
    roomcast_broker *broker = NULL;
    roomcast_namespace ns = 0;

    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (epoll < 0 || udp < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) != 0) {
        perror("epoll_host");
        return 1;
    }
    if (roomcast_new(ROOMCAST_ABI_VERSION, NULL, &broker) != ROOMCAST_OK
        || roomcast_find_namespace(broker, ROOMCAST_TEXT("/"), &ns) != ROOMCAST_OK
        || roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), port, &port) != ROOMCAST_OK
        || roomcast_fd(broker, &fd) != ROOMCAST_OK) {
        roomcast_free(broker);
        return fail("epoll_host");
    }
    if (watch(epoll, fd) != 0 || watch(epoll, udp) != 0 || watch(epoll, timer) != 0) {
        perror("epoll_ctl");
        return 1;
    }
    printf("listening on http://127.0.0.1:%u, and for datagrams on %u\n", port, udp_port);
    fflush(stdout);

    while (!stopping) {
        struct epoll_event ready[8];
        int timeout = -1, count, at;

        /* Asked anew before every wait: any call may have made it shorter. */
        roomcast_next_timeout(broker, &timeout);
        count = epoll_wait(epoll, ready, 8, timeout);
        for (at = 0; at < count; at++) {
            if (ready[at].data.fd == udp)
                datagram(broker, ns, udp);
            else if (ready[at].data.fd == timer)
                beat(broker, ns, timer);
        }
        /* Once a turn, whatever woke it: this is where it reads, and sends what was emitted above. */
        if (roomcast_poll(broker, 0) != ROOMCAST_OK)
            break;
        drain(broker);
    }
    roomcast_close(broker, 1000);
    roomcast_free(broker);
    close(timer);
    close(udp);
    close(epoll);
    return 0;
}
