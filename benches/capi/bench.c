/* What the C interface costs: emits without recipients, to compare with `emit.rs`, and events drained in C. It prints
 * nanoseconds of CPU time, one line a figure; run.sh takes the medians. */
#include "support.h"

#include <time.h>

#define EMITS 2000000
#define ROUNDS 300
#define BATCH 4000

static volatile uint64_t sum; /* so that nothing is left out */

static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void emits(const char *args) {
    world w;
    size_t i, len = strlen(args);
    double start;
    world_open(&w, NULL);
    start = cpu_ns();
    for (i = 0; i < EMITS; i++) {
        OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("empty"), 0, ROOMCAST_TEXT("message"), args, len));
    }
    printf("emit_%zu %.1f\n", len, (cpu_ns() - start) / EMITS);
    world_close(&w);
}

static void emits_packed(const char *args) {
    world w;
    uint8_t *batch = (uint8_t *)calloc(1000, 256), *at = batch;
    uint32_t len = (uint32_t)strlen(args), size, one = 1, name = 7, room = 5;
    size_t i, done;
    double start;
    world_open(&w, NULL);
    CHECK(batch != NULL);
    size = (48 + name + len + 4 + room + 7) / 8 * 8;
    for (i = 0; i < 1000; i++, at += size) {
        memcpy(at, &size, 4);
        memcpy(at + 8, &w.ns, 8);
        memcpy(at + 24, &name, 4);
        memcpy(at + 28, &len, 4);
        memcpy(at + 32, &one, 4);
        memcpy(at + 48, "message", name);
        memcpy(at + 48 + name, args, len);
        memcpy(at + 48 + name + len, &room, 4);
        memcpy(at + 48 + name + len + 4, "empty", room);
    }
    start = cpu_ns();
    for (i = 0; i < EMITS / 1000; i++) {
        OK(roomcast_emit_packed(w.broker, batch, (size_t)(at - batch), &done));
    }
    printf("emit_packed_%u %.1f\n", (unsigned)len, (cpu_ns() - start) / EMITS);
    free(batch);
    world_close(&w);
}

/* Walks what was drained as a host would: the kind, the socket, the name's first byte, the data's first and last. */
static size_t walk_packed(const uint8_t *packed, size_t len) {
    const uint8_t *at = packed + 16;
    uint32_t count, names, i;
    if (len == 0) {
        return 0;
    }
    memcpy(&count, packed, 4);
    memcpy(&names, packed + 8, 4);
    for (i = 0; i < count; i++, at += 64) {
        uint32_t number, name, begin, end;
        uint64_t socket;
        memcpy(&socket, at + 8, 8);
        memcpy(&number, at + 32, 4);
        memcpy(&begin, at + 36, 4);
        memcpy(&end, at + 40, 4);
        memcpy(&name, packed + names + 8 * number, 4);
        sum += socket + at[0] + packed[name] + packed[begin] + packed[end - 1];
    }
    return count;
}

static void drains(const char *args) {
    world w;
    client *c;
    roomcast_event events[64];
    char packet[512];
    const uint8_t *packed;
    double start, in_packed = 0, in_structs = 0;
    size_t round, i, got, len, count, of_packed = 0, of_structs = 0;
    world_open(&w, NULL);
    c = client_connect(&w, "/", NULL);
    w.holds = 1;
    snprintf(packet, sizeof packet, "42[\"message\",%s", args + 1);
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < BATCH; i++) {
            client_say(c, packet);
        }
        for (got = 0; got < BATCH;) {
            world_turn(&w);
            start = cpu_ns();
            if (round % 2) {
                OK(roomcast_events_packed(w.broker, SIZE_MAX, &packed, &len));
                count = walk_packed(packed, len);
                in_packed += cpu_ns() - start;
                of_packed += count;
                got += count;
            } else {
                size_t all = 0;
                do {
                    OK(roomcast_events(w.broker, events, sizeof *events, 64, &count));
                    for (i = 0; i < count; i++) {
                        sum += events[i].socket + events[i].kind + (uint8_t)events[i].data[0] +
                               (uint8_t)events[i].data[events[i].data_len - 1];
                    }
                    all += count;
                } while (count > 0);
                in_structs += cpu_ns() - start;
                of_structs += all;
                got += all;
            }
        }
    }
    printf("drain_packed_%zu %.1f\n", strlen(args), in_packed / (double)of_packed);
    printf("drain_structs_%zu %.1f\n", strlen(args), in_structs / (double)of_structs);
    world_close(&w);
}

int main(void) {
    char args[101];
    memset(args, '7', 100);
    args[0] = '[';
    args[99] = ']';
    args[100] = 0;
    emits("[1]");
    emits(args);
    emits_packed("[1]");
    emits_packed(args);
    drains("[1]");
    drains(args);
    return 0;
}
