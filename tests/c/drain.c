/* Events drained partly, packed, and both mixed; emits in packed batches, good ones and broken ones. */
#include "batch.h"
#include "support.h"

#include <poll.h>

static uint32_t u32(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

static uint64_t u64(const uint8_t *at) { return u32(at) | (uint64_t)u32(at + 4) << 32; }

/* What is expected as the next event: the message of this number. */
static void is_number(const char *name, size_t name_len, const char *data, size_t data_len, size_t number) {
    char args[32];
    snprintf(args, sizeof args, "[%u]", (unsigned)number);
    CHECK(name_len == 1 && name[0] == 'n');
    CHECK(data_len == strlen(args) && memcmp(data, args, data_len) == 0);
}

static int readable(int fd) {
    struct pollfd p;
    p.fd = fd;
    p.events = POLLIN;
    return poll(&p, 1, 0) == 1;
}

static int32_t timeout_of(world *w) {
    int32_t ms;
    OK(roomcast_next_timeout(w->broker, &ms));
    return ms;
}

#define TAG (UINT64_MAX - 1)

/* Takes the records of a packed batch apart; returns how many there were. */
static size_t read_packed(const uint8_t *packed, size_t len, roomcast_socket from, size_t number) {
    const uint8_t *at = packed + 16, *name;
    size_t count, names, names_at, i;
    if (len == 0) {
        return 0;
    }
    CHECK(len >= 16 && len % 8 == 0 && u32(packed + 12) == 0);
    count = u32(packed);
    names = u32(packed + 4);
    names_at = u32(packed + 8);
    /* They all have the same name. */
    CHECK(count > 0 && names == 1 && names_at % 8 == 0 && names_at + 8 * names == len);
    for (i = 0; i < count; i++, at += 64) {
        uint32_t begin = u32(at + 36), end = u32(at + 40);
        CHECK((at[0] | at[1] << 8) == ROOMCAST_EVENT_MESSAGE && u64(at + 8) == from && u32(at + 4) == 0 && u32(at + 44) == 0);
        CHECK(u64(at + 48) == TAG && u64(at + 56) == 0);
        CHECK(u32(at + 32) < names && begin >= 16 + 64 * count && begin <= end && end <= names_at);
        name = packed + names_at + 8 * u32(at + 32);
        CHECK(u32(name) >= 16 + 64 * count && u32(name) <= u32(name + 4) && u32(name + 4) <= names_at);
        is_number((const char *)packed + u32(name), u32(name + 4) - u32(name), (const char *)packed + begin, end - begin,
                  number + i);
    }
    return count;
}

static void partly_and_mixed(void) {
    world w;
    client *c;
    seen event;
    roomcast_event events[7];
    roomcast_event kept[3];
    roomcast_socket from;
    const uint8_t *packed;
    size_t sent = 500, got = 0, count, len, more, i, turn = 0;
    int32_t fd;
    char packet[32];
    world_open(&w, NULL);
    OK(roomcast_fd(w.broker, &fd));
    c = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    from = event.socket;
    seen_free(&event);
    OK(roomcast_set_tag(w.broker, from, TAG));
    for (i = 0; i < sent; i++) {
        snprintf(packet, sizeof packet, "42[\"n\",%u]", (unsigned)i);
        client_say(c, packet);
    }
    w.holds = 1;
    while (got < sent) {
        /* A poll does not disturb what is left of the last batch. */
        world_turn(&w);
        switch (turn++ % 4) {
        case 0:
            OK(roomcast_events(w.broker, events, sizeof *events, 7, &count));
            break;
        case 1:
            OK(roomcast_events_packed(w.broker, 3, &packed, &len));
            got += read_packed(packed, len, from, got);
            count = 0;
            break;
        case 2:
            /* What was lent by one call is good while the batch is drained by others. */
            OK(roomcast_events(w.broker, kept, sizeof *kept, 3, &count));
            for (i = 0; i < count; i++) {
                is_number(kept[i].name, kept[i].name_len, kept[i].data, kept[i].data_len, got + i);
            }
            OK(roomcast_events_packed(w.broker, 2, &packed, &len));
            more = read_packed(packed, len, from, got + count);
            for (i = 0; i < count; i++) {
                is_number(kept[i].name, kept[i].name_len, kept[i].data, kept[i].data_len, got + i);
            }
            got += count + more;
            count = 0;
            break;
        default:
            OK(roomcast_events(w.broker, events, sizeof *events, 0, &count));
            CHECK(count == 0);
            OK(roomcast_events(w.broker, events, sizeof *events, 1, &count));
        }
        for (i = 0; i < count; i++) {
            CHECK(events[i].kind == ROOMCAST_EVENT_MESSAGE && events[i].socket == from && events[i].parts == NULL);
            is_number(events[i].name, events[i].name_len, events[i].data, events[i].data_len, got++);
        }
    }
    CHECK(got == sent);
    /* With events left, the descriptor is readable and the timeout 0, however often it is asked; without, both are silent. */
    client_say(c, "42[\"n\",0]");
    UNTIL(&w, timeout_of(&w) == 0 && readable(fd));
    for (i = 0; i < 10; i++) {
        world_turn(&w);
        CHECK(timeout_of(&w) == 0 && readable(fd));
    }
    OK(roomcast_events(w.broker, events, sizeof *events, 7, &count));
    CHECK(count == 1);
    UNTIL(&w, timeout_of(&w) > 0 && !readable(fd));
    world_close(&w);
}

/* A client has ended its connection behind an event that is not drained: its end waits, and the descriptor is silent meanwhile. */
static void an_end_behind_what_is_undrained(void) {
    world w;
    client *c;
    seen event;
    roomcast_event events[2];
    size_t count, i;
    int32_t fd;
    world_open(&w, NULL);
    OK(roomcast_fd(w.broker, &fd));
    c = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    seen_free(&event);
    w.holds = 1;
    client_say(c, "42[\"n\",0]");
    client_say(c, "42[\"n\",1]");
    UNTIL(&w, timeout_of(&w) == 0);
    client_vanish(c, 0);
    CHECK(readable(fd));
    /* Somebody who asks for no timeout, and drains nothing, turns while the descriptor says so. */
    for (i = 0; i < 10 && readable(fd); i++) {
        OK(roomcast_poll(w.broker, 0));
    }
    CHECK(!readable(fd));
    count = 0;
    while (count == 0) {
        OK(roomcast_events(w.broker, events, sizeof *events, 2, &count));
        CHECK(count <= 2);
        for (i = 0; i < count; i++) {
            CHECK(events[i].kind == ROOMCAST_EVENT_MESSAGE);
        }
    }
    /* Now it is told. */
    w.holds = 0;
    CHECK(timeout_of(&w) == 0 && readable(fd));
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.code == ROOMCAST_REASON_TRANSPORT_CLOSE);
    seen_free(&event);
    UNTIL(&w, timeout_of(&w) == -1 && !readable(fd));
    world_close(&w);
}

/* ---- Packed emits ---- */

static void record(batch *b, roomcast_namespace ns, const char *name, const char *args, const char *room, const char *blob,
                   roomcast_socket to, roomcast_socket except) {
    batch_begin(b);
    batch_put(b, ROOMCAST_RELIABLE, 1);
    batch_put(b, room == NULL && to == 0 ? ROOMCAST_TARGET_ALL : 0, 1);
    batch_put(b, blob != NULL, 2);
    batch_put(b, ns, 8);
    batch_put(b, 0, 8);
    batch_put(b, strlen(name), 4);
    batch_put(b, strlen(args), 4);
    batch_put(b, room != NULL, 4);
    batch_put(b, to != 0, 4);
    batch_put(b, 0, 4);
    batch_put(b, except != 0, 4);
    if (to != 0) {
        batch_put(b, to, 8);
    }
    if (except != 0) {
        batch_put(b, except, 8);
    }
    batch_put_bytes(b, name, strlen(name));
    batch_put_bytes(b, args, strlen(args));
    if (room != NULL) {
        batch_put_text(b, room);
    }
    if (blob != NULL) {
        batch_put_text(b, blob);
    }
    batch_end(b);
}

static void emits(void) {
    world w;
    client *a, *b;
    seen event;
    roomcast_socket sa;
    batch good, broken;
    uint8_t *exact;
    size_t done, i, n;
    uint32_t random = 88172645u;
    roomcast_status status;
    world_open(&w, NULL);
    a = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    sa = event.socket;
    seen_free(&event);
    b = client_connect(&w, "/", NULL);
    OK(roomcast_join(w.broker, sa, ROOMCAST_TEXT("room")));
    CLEAR(good);
    record(&good, w.ns, "one", "[1]", "room", NULL, 0, 0);
    record(&good, w.ns, "two", "", NULL, NULL, 0, sa);
    record(&good, w.ns, "three", "[{\"_placeholder\":true,\"num\":0}]", NULL, "blob", sa, 0);
    OK(roomcast_emit_packed(w.broker, good.at, good.len, &done));
    CHECK(done == 3);
    client_expect(&w, a, "42[\"one\",1]");
    client_expect(&w, b, "42[\"two\"]");
    client_expect(&w, a, "451-[\"three\",{\"_placeholder\":true,\"num\":0}]");
    client_expect(&w, a, "blob");

    /* It ends at the record that cannot be emitted; what came before is out. */
    broken = good;
    record(&broken, w.ns, "connect", "[]", NULL, NULL, 0, 0);
    record(&broken, w.ns, "never", "[]", NULL, NULL, 0, 0);
    IS(ROOMCAST_ERROR_RESERVED_EVENT, roomcast_emit_packed(w.broker, broken.at, broken.len, &done));
    CHECK(done == 3);
    client_expect(&w, a, "42[\"one\",1]");
    client_expect(&w, b, "42[\"two\"]");
    client_expect(&w, a, "451-[\"three\",{\"_placeholder\":true,\"num\":0}]");
    client_expect(&w, a, "blob");

    /* Cut anywhere, in a buffer of exactly that size, so that the sanitizer sees a read past it. */
    for (i = 0; i < good.len; i++) {
        exact = (uint8_t *)malloc(i + 1);
        CHECK(exact != NULL);
        memcpy(exact, good.at, i);
        status = roomcast_emit_packed(w.broker, exact, i, &done);
        CHECK(done <= 3 && (status == ROOMCAST_OK || status == ROOMCAST_ERROR_BAD_VALUE));
        free(exact);
    }
    /* And with bytes changed. */
    n = scaled(200000);
    for (i = 0; i < n; i++) {
        size_t changes = 1 + next_random(&random) % 4;
        exact = (uint8_t *)malloc(good.len);
        CHECK(exact != NULL);
        memcpy(exact, good.at, good.len);
        while (changes-- > 0) {
            exact[next_random(&random) % good.len] = (uint8_t)(next_random(&random) % 3 ? next_random(&random) : 0xff);
        }
        done = 99;
        status = roomcast_emit_packed(w.broker, exact, good.len, &done);
        CHECK(done <= 4 && status <= 0 && status > ROOMCAST_ERROR_PANIC);
        free(exact);
        if (i % 64 == 0) {
            world_turn(&w);
        }
    }
    OK(roomcast_send(w.broker, sa, ROOMCAST_TEXT("end"), NULL, 0));
    while (strcmp(client_next(&w, a, NULL), "42[\"end\"]") != 0) {
    }
    CHECK(!client_gone(a) && !client_gone(b));
    world_close(&w);
}

int main(void) {
    partly_and_mixed();
    an_end_behind_what_is_undrained();
    emits();
    return 0;
}
