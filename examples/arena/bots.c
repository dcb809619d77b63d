/* Players without a head, to fill the arena: each a WebSocket connection of its own. It must not need a Socket.IO library: it shows
 * how little a client has to speak.
 *
 * bots [HOST [PORT [COUNT]]] */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BOTS = 2000, BUFFER = 64 * 1024, DECIDE_MS = 700 };

struct bot {
    int upgraded; /* it is a WebSocket by now */
    int joined;
    long decide_at; /* ms */
    double x, y;    /* itself */
    int id;
    double prey_x, prey_y; /* whom it saw last */
    size_t len;
    unsigned char buffer[BUFFER]; /* frames that have not arrived whole */
};

static struct bot *bots;
static struct pollfd *fds;
static int count;

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static void leave(int at)
{
    close(fds[at].fd);
    fds[at].fd = -1;
}

static void write_all(int at, const unsigned char *bytes, size_t len)
{
    /* A few bytes a second: the kernel has room for them, or the connection is lost. */
    if (fds[at].fd >= 0 && send(fds[at].fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        leave(at);
}

/* One text frame, masked as a client must; the mask may be zero, which leaves the bytes as they are. */
static void say(int at, const char *text)
{
    size_t len = strlen(text);
    unsigned char frame[256] = { 0x81 };
    if (len > 125)
        return;
    frame[1] = (unsigned char)(0x80 | len);
    memcpy(frame + 6, text, len);
    write_all(at, frame, len + 6);
}

static void heard(int at, const char *text, size_t len)
{
    struct bot *bot = &bots[at];
    char line[128];
    int id, x, y;
    if (len >= sizeof line)
        return;
    memcpy(line, text, len);
    line[len] = 0;
    if (line[0] == '0') {
        say(at, "40"); /* Engine.IO is open: join the namespace "/" */
    } else if (strcmp(line, "2") == 0) {
        say(at, "3"); /* ping, pong */
    } else if (strncmp(line, "40", 2) == 0) {
        snprintf(line, sizeof line, "420[\"join\",\"bot %d\"]", at);
        say(at, line);
    } else if (sscanf(line, "430[%d,%d,%d", &id, &x, &y) == 3) {
        bot->joined = 1;
        bot->id = id;
    } else if (sscanf(line, "42[\"p\",%d,%d,%d", &id, &x, &y) == 3) {
        if (id == bot->id) {
            bot->x = x;
            bot->y = y;
        } else {
            bot->prey_x = x;
            bot->prey_y = y;
        }
    }
}

/* Takes whole frames off the buffer. Server frames carry no mask. */
static void read_frames(int at)
{
    struct bot *bot = &bots[at];
    size_t done = 0;
    for (;;) {
        const unsigned char *frame = bot->buffer + done;
        size_t left = bot->len - done, head = 2, len;
        if (left < 2)
            break;
        len = frame[1];
        if (len == 126) {
            head = 4;
            if (left < head)
                break;
            len = (size_t)frame[2] << 8 | frame[3];
        } else if (len == 127) {
            leave(at); /* nothing in this game is that long */
            return;
        }
        if (left < head + len)
            break;
        if ((frame[0] & 15) == 1)
            heard(at, (const char *)frame + head, len);
        else if ((frame[0] & 15) == 8)
            leave(at);
        done += head + len;
    }
    memmove(bot->buffer, bot->buffer + done, bot->len - done);
    bot->len -= done;
}

/* The answer to the upgrade request; frames may follow at once. */
static void read_answer(int at)
{
    struct bot *bot = &bots[at];
    const char *end;
    size_t len;
    bot->buffer[bot->len] = 0;
    end = strstr((const char *)bot->buffer, "\r\n\r\n");
    if (end == NULL)
        return;
    if (strncmp((const char *)bot->buffer, "HTTP/1.1 101", 12) != 0) {
        leave(at);
        return;
    }
    len = (size_t)(end + 4 - (const char *)bot->buffer);
    bot->upgraded = 1;
    bot->len -= len;
    memmove(bot->buffer, bot->buffer + len, bot->len);
}

static void receive(int at)
{
    struct bot *bot = &bots[at];
    ssize_t got = recv(fds[at].fd, bot->buffer + bot->len, BUFFER - 1 - bot->len, 0);
    if (got <= 0) {
        leave(at);
        return;
    }
    bot->len += (size_t)got;
    if (!bot->upgraded)
        read_answer(at);
    if (bot->upgraded)
        read_frames(at);
}

static void decide(int at, long now)
{
    struct bot *bot = &bots[at];
    double way = rand() % 628 / 100.0, aim = atan2(bot->prey_y - bot->y, bot->prey_x - bot->x);
    char line[128];
    bot->decide_at = now + DECIDE_MS / 2 + rand() % DECIDE_MS;
    snprintf(line, sizeof line, "42[\"input\",%.2f,%.2f,%.2f]", cos(way), sin(way), aim);
    say(at, line);
    if (rand() % 2) {
        snprintf(line, sizeof line, "42[\"shoot\",%.2f]", aim);
        say(at, line);
    }
}

/* Connects and asks to become a WebSocket. */
static int come(int at, const char *host, int port)
{
    struct sockaddr_in address;
    char request[512];

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return 0;
    fds[at].events = POLLIN;
    fds[at].fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fds[at].fd < 0 || connect(fds[at].fd, (struct sockaddr *)&address, sizeof address) != 0)
        return 0;
    snprintf(request, sizeof request,
             "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
             host, port);
    write_all(at, (unsigned char *)request, strlen(request));
    return fds[at].fd >= 0;
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 3000, wanted = argc > 3 ? atoi(argv[3]) : 100, at, alive;

    if (wanted < 1 || wanted > MAX_BOTS) {
        fprintf(stderr, "bots: from 1 to %d of them\n", MAX_BOTS);
        return 1;
    }
    srand((unsigned)time(NULL));
    bots = (struct bot *)calloc((size_t)wanted, sizeof *bots);
    fds = (struct pollfd *)calloc((size_t)wanted, sizeof *fds);
    if (bots == NULL || fds == NULL)
        return 1;
    for (count = 0; count < wanted; count++)
        if (!come(count, host, port)) {
            fprintf(stderr, "bots: number %d cannot connect to %s:%d\n", count, host, port);
            return 1;
        }
    printf("%d bots play\n", count);
    fflush(stdout);

    do {
        long now;
        poll(fds, (nfds_t)count, 50);
        now = now_ms();
        for (at = 0, alive = 0; at < count; at++) {
            if (fds[at].fd >= 0 && fds[at].revents != 0)
                receive(at);
            if (fds[at].fd >= 0 && bots[at].joined && now >= bots[at].decide_at)
                decide(at, now);
            alive += fds[at].fd >= 0;
        }
    } while (alive > 0);
    free(bots);
    free(fds);
    fprintf(stderr, "bots: the arena has closed\n");
    return 0;
}
