/*
 * The kernel's limit: what fan-out costs when nothing but the system calls is left. One epoll loop, plain
 * WebSocket, everybody in one room. It checks nothing and trusts its client; it is a yardstick, not a server.
 *
 *   bare PORT each   one send to every other connection for each message, as it arrives
 *   bare PORT tick   the messages of one epoll round joined, one send to each connection, own frames cut out
 *   bare PORT ring   as tick, with the sends handed to io_uring, many in one system call (built with -DRING -luring)
 *   bare PORT inbound   counts what comes in and sends nothing on; acknowledges what asks for it, one send for each read
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef RING
#include <liburing.h>
#endif

enum { MAX_CONNS = 65536, MAX_EVENTS = 1024, BUFFER = 1 << 20 };
enum { DEFLATED = 0x40 }; /* in a frame's first byte; passed on, for receivers that know what to do with it */

struct bytes {
    char *data;
    size_t len, cap;
};

/* Connections are keyed by descriptor; `members` lists the open ones densely. */
struct conn {
    int place; /* in members */
    bool upgraded;
    bool watching;        /* for writability */
    uint32_t round;       /* the last round in which it published */
    uint32_t first, last; /* its frames in `published`, a chain within the round */
    struct bytes input, backlog;
};

/* A frame of this round: where it is in the log, and the same sender's next one. */
struct published {
    size_t start, end;
    uint32_t next;
};

static struct conn *conns[MAX_CONNS];
static int members[MAX_CONNS], member_count;
static struct bytes tick_log, scratch;
static struct published *published;
static uint32_t published_count, published_cap, this_round = 1;
static int poll_fd;
static bool joined, ringed, inbound;
static uint64_t counted;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void append(struct bytes *to, const void *data, size_t len)
{
    if (to->len + len > to->cap) {
        to->cap = (to->len + len) * 2;
        to->data = realloc(to->data, to->cap);
        if (!to->data)
            die("realloc");
    }
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

static void consume(struct bytes *from, size_t len)
{
    from->len -= len;
    memmove(from->data, from->data + len, from->len);
    if (from->len == 0) {
        free(from->data);
        *from = (struct bytes){0};
    }
}

static void watch(int fd, bool writable)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.fd = fd};
    conns[fd]->watching = writable;
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
        die("epoll_ctl");
}

/* One system call, and a copy of what the kernel did not take. */
static void transmit(int fd, const char *data, size_t len)
{
    struct conn *conn = conns[fd];
    if (conn->backlog.len == 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent == (ssize_t)len)
            return;
        if (sent < 0) {
            if (errno != EAGAIN)
                return; /* gone: the next read says so */
            sent = 0;
        }
        data += sent;
        len -= (size_t)sent;
        watch(fd, true);
    }
    append(&conn->backlog, data, len);
}

#ifdef RING
enum { DEPTH = 512 };
static struct io_uring ring;
static const char *sending[MAX_CONNS]; /* what the ring was given for a descriptor */
static size_t lengths[MAX_CONNS];

/* Has the kernel send what the ring holds, and copies what it did not take. */
static void submit(void)
{
    unsigned head, count = io_uring_sq_ready(&ring);
    struct io_uring_cqe *cqe;
    if (count == 0)
        return;
    io_uring_submit_and_wait(&ring, count);
    count = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
        int fd = (int)cqe->user_data;
        size_t sent = cqe->res > 0 ? (size_t)cqe->res : 0;
        if (sent < lengths[fd] && (cqe->res >= 0 || cqe->res == -EAGAIN)) {
            watch(fd, true);
            append(&conns[fd]->backlog, sending[fd] + sent, lengths[fd] - sent);
        }
        count++;
    }
    io_uring_cq_advance(&ring, count);
}

static void transmit_later(int fd, const char *data, size_t len)
{
    struct io_uring_sqe *sqe;
    if (conns[fd]->backlog.len > 0) {
        append(&conns[fd]->backlog, data, len);
        return;
    }
    sqe = io_uring_get_sqe(&ring);
    if (!sqe) {
        submit();
        sqe = io_uring_get_sqe(&ring);
    }
    io_uring_prep_send(sqe, fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    sqe->user_data = (unsigned)fd;
    sending[fd] = data;
    lengths[fd] = len;
}

static void open_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    if (io_uring_queue_init_params(DEPTH, &ring, &params) < 0 || io_uring_register_ring_fd(&ring) < 0)
        die("io_uring");
}
#else
static void submit(void) {}
static void transmit_later(int fd, const char *data, size_t len)
{
    transmit(fd, data, len);
}
static void open_ring(void)
{
    errno = ENOSYS;
    die("built without io_uring");
}
#endif

static void close_conn(int fd)
{
    struct conn *conn = conns[fd];
    if (conn->upgraded) {
        int moved = members[--member_count];
        members[conn->place] = moved;
        conns[moved]->place = conn->place;
    }
    free(conn->input.data);
    free(conn->backlog.data);
    free(conn);
    conns[fd] = NULL;
    close(fd);
}

static size_t write_header(char *out, unsigned char first, size_t len)
{
    out[0] = (char)(0x80 | first);
    if (len < 126) {
        out[1] = (char)len;
        return 2;
    }
    if (len < 65536) {
        out[1] = 126;
        out[2] = (char)(len >> 8);
        out[3] = (char)len;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (char)((uint64_t)len >> (56 - 8 * i));
    return 10;
}

static void publish(int from, unsigned char first, char *payload, size_t len)
{
    char header[10];
    size_t header_len = write_header(header, first, len);
    size_t start = tick_log.len;
    append(&tick_log, header, header_len);
    append(&tick_log, payload, len);
    if (!joined) {
        for (int i = 0; i < member_count; i++)
            if (members[i] != from)
                transmit(members[i], tick_log.data, tick_log.len);
        tick_log.len = 0;
        return;
    }
    struct conn *conn = conns[from];
    if (published_count == published_cap) {
        published_cap = published_cap ? published_cap * 2 : 64;
        published = realloc(published, published_cap * sizeof *published);
        if (!published)
            die("realloc");
    }
    if (conn->round != this_round) {
        conn->round = this_round;
        conn->first = published_count;
    } else {
        published[conn->last].next = published_count;
    }
    conn->last = published_count;
    published[published_count++] = (struct published){start, tick_log.len, UINT32_MAX};
}

/* The round's frames without those that the connection itself sent. */
static void transmit_others(int fd)
{
    size_t from = 0;
    scratch.len = 0;
    for (uint32_t i = conns[fd]->first; i != UINT32_MAX; i = published[i].next) {
        append(&scratch, tick_log.data + from, published[i].start - from);
        from = published[i].end;
    }
    append(&scratch, tick_log.data + from, tick_log.len - from);
    if (scratch.len > 0)
        transmit(fd, scratch.data, scratch.len);
}

static void end_round(void)
{
    if (tick_log.len == 0)
        return;
    for (int i = 0; i < member_count; i++) {
        if (conns[members[i]]->round == this_round)
            transmit_others(members[i]);
        else if (ringed)
            transmit_later(members[i], tick_log.data, tick_log.len);
        else
            transmit(members[i], tick_log.data, tick_log.len);
    }
    submit();
    tick_log.len = 0;
    published_count = 0;
    this_round++;
}

/* Counts an event, "42[...", and gathers the acknowledgement of one that has a number, "42<number>[...". */
static void count(const char *payload, size_t len)
{
    char reply[64];
    size_t head, digits = 2;
    while (digits < len && payload[digits] >= '0' && payload[digits] <= '9')
        digits++;
    bool asked = len - digits == 11 && memcmp(payload + digits, "[\"counted\"]", 11) == 0;
    counted += !asked;
    if (digits == 2 || digits > 20)
        return;
    memcpy(reply + 2, payload, digits);
    reply[3] = '3';
    size_t size = digits + (size_t)(asked ? sprintf(reply + 2 + digits, "[%llu]", (unsigned long long)counted)
                                          : sprintf(reply + 2 + digits, "[]"));
    head = write_header(reply, 1, size);
    append(&scratch, reply, head + size);
}

/* Handles the whole frames of `data`; returns how many bytes they took. */
static size_t read_frames(int fd, char *data, size_t len)
{
    size_t used = 0;
    for (;;) {
        unsigned char *frame = (unsigned char *)data + used;
        size_t left = len - used, head = 6, size;
        if (left < 2)
            return used;
        size = frame[1] & 0x7f;
        if (size == 126)
            head = 8;
        else if (size == 127)
            head = 14;
        if (left < head)
            return used;
        if (size >= 126) {
            size = 0;
            for (size_t i = 2; i < head - 4; i++)
                size = size << 8 | frame[i];
        }
        if (left - head < size)
            return used;
        char *payload = (char *)frame + head;
        for (size_t i = 0; i < size; i++)
            payload[i] ^= (char)frame[head - 4 + (i & 3)];
        unsigned char opcode = frame[0] & 0x0f;
        if (inbound)
            count(payload, size);
        else if (opcode == 1 || opcode == 2)
            publish(fd, opcode | (frame[0] & DEFLATED), payload, size);
        used += head + size;
    }
}

/* The answer to the fixed key that the load client sends. */
static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static size_t read_bytes(int fd, char *data, size_t len)
{
    struct conn *conn = conns[fd];
    if (conn->upgraded) {
        scratch.len = 0;
        size_t used = read_frames(fd, data, len);
        if (inbound && scratch.len > 0)
            transmit(fd, scratch.data, scratch.len);
        return used;
    }
    char *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end + 4 - data);
    conn->upgraded = true;
    conn->place = member_count;
    members[member_count++] = fd;
    transmit(fd, upgrade, sizeof upgrade - 1);
    return head + read_frames(fd, data + head, len - head);
}

static void on_readable(int fd)
{
    static char buffer[BUFFER];
    struct conn *conn = conns[fd];
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            close_conn(fd);
        return;
    }
    if (conn->input.len == 0) {
        size_t used = read_bytes(fd, buffer, (size_t)count);
        if (used < (size_t)count)
            append(&conn->input, buffer + used, (size_t)count - used);
    } else {
        append(&conn->input, buffer, (size_t)count);
        consume(&conn->input, read_bytes(fd, conn->input.data, conn->input.len));
    }
}

static void on_writable(int fd)
{
    struct conn *conn = conns[fd];
    ssize_t sent = send(fd, conn->backlog.data, conn->backlog.len, MSG_NOSIGNAL);
    if (sent > 0)
        consume(&conn->backlog, (size_t)sent);
    if (conn->backlog.len == 0)
        watch(fd, false);
}

static void on_acceptable(int listener)
{
    for (;;) {
        int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (fd >= MAX_CONNS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conns[fd] = calloc(1, sizeof *conns[fd]);
        if (!conns[fd])
            die("calloc");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
            die("epoll_ctl");
    }
}

int main(int argc, char **argv)
{
    ringed = argc == 3 && strcmp(argv[2], "ring") == 0;
    inbound = argc == 3 && strcmp(argv[2], "inbound") == 0;
    joined = ringed || (argc == 3 && strcmp(argv[2], "tick") == 0);
    if (argc != 3 || (!joined && !inbound && strcmp(argv[2], "each") != 0)) {
        fprintf(stderr, "usage: bare PORT each|tick|ring|inbound\n");
        return 2;
    }
    if (ringed)
        open_ring();
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        die("listen");
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
        die("epoll");

    for (;;) {
        static struct epoll_event events[MAX_EVENTS];
        int count = epoll_wait(poll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                on_acceptable(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                on_writable(fd);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                on_readable(fd);
        }
        end_round();
    }
}
