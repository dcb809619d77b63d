/* What an operator does: figures as text and as numbers, an admission rate, and a drain, from the broker's thread and
 * through a remote. */

#include "support.h"

static uint64_t stat(world *w, const char *name) {
    const roomcast_stat *stats = NULL;
    size_t count = 0, i;
    OK(roomcast_stats(w->broker, &stats, &count));
    for (i = 0; i < count; i++)
        if (strcmp(stats[i].name, name) == 0)
            return stats[i].value;
    fail(__FILE__, __LINE__, name);
    return 0;
}

static int holds(roomcast_slice text, const char *part) {
    size_t len = strlen(part), at;
    for (at = 0; at + len <= text.len; at++)
        if (memcmp((const char *)text.ptr + at, part, len) == 0)
            return 1;
    return 0;
}

static void figures(void) {
    roomcast_config config;
    roomcast_histogram times;
    roomcast_slice text;
    world w;
    client *c;
    static char answer[32768];
    uint64_t count = 0;
    size_t i;
    OK(roomcast_config_init(&config, sizeof config));
    CHECK(config.step_time == 10 && config.max_handshakes_per_second == 0 && config.metrics_path.len == 0);
    config.metrics_path = slice("/metrics");
    world_open(&w, &config);
    c = client_connect(&w, "/", NULL);
    OK(roomcast_metrics(w.broker, &text));
    CHECK(holds(text, "\nroomcast_connections 1\n"));
    CHECK(holds(text, "\n# TYPE roomcast_flush_seconds histogram\n"));
    CHECK(((const char *)text.ptr)[text.len - 1] == '\n');
    http_get(&w, "/metrics", answer, sizeof answer);
    CHECK(strstr(answer, "text/plain; version=0.0.4") != NULL);
    CHECK(strstr(answer, "\nroomcast_sockets 1\n") != NULL);

    CLEAR(times);
    times.struct_size = sizeof times;
    OK(roomcast_times(w.broker, ROOMCAST_TIMES_FLUSHES, &times));
    CHECK(times.struct_size == sizeof times && times.count >= 2 && times.sum > 0);
    for (i = 0; i < times.bucket_count; i++)
        count += times.buckets[i];
    CHECK(count == times.count);
    OK(roomcast_times(w.broker, ROOMCAST_TIMES_STEPS, &times));
    CHECK(times.count > 0);
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_times(w.broker, 3, &times));
    times.struct_size = 8;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_times(w.broker, ROOMCAST_TIMES_STEPS, &times));
    client_remove(&w, c);
    world_close(&w);
}

static void rate(void) {
    roomcast_config config;
    roomcast_slice proxy;
    world w;
    client *one, *two;
    OK(roomcast_config_init(&config, sizeof config));
    CHECK(config.max_connections == 1000000 && config.max_connections_per_address == 0);
    CHECK(config.max_handshakes_per_address == 0 && config.trusted_proxies == NULL);
    config.max_connections_per_address = 1;
    proxy = slice("localhost");
    config.trusted_proxies = &proxy;
    config.trusted_proxy_count = 1;
    w.broker = NULL;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &w.broker));
    proxy = slice("10.0.0.0/8");
    world_open(&w, &config);
    one = client_open(&w);
    two = client_open(&w);
    UNTIL(&w, client_gone(two));
    CHECK(!client_gone(one));
    CHECK(stat(&w, "handshakes_over_address") == 1 && stat(&w, "connections") == 1);
    client_remove(&w, one);
    client_remove(&w, two);
    world_close(&w);
    OK(roomcast_config_init(&config, sizeof config));
    config.max_handshakes_per_second = 1;
    world_open(&w, &config);
    one = client_open(&w);
    two = client_open(&w);
    UNTIL(&w, client_gone(two));
    CHECK(!client_gone(one));
    CHECK(stat(&w, "handshakes_over_rate") == 1);
    client_remove(&w, one);
    client_remove(&w, two);
    world_close(&w);
}

/* Twice, and once more for a broker that is empty already: each time it is told, whoever asks and however many loops. */
static void drain(int by_remote, uint32_t loops) {
    roomcast_remote *remote = NULL;
    world w;
    client *clients[3], *late;
    roomcast_config config;
    seen event;
    size_t i, round, left;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    world_open(&w, &config);
    OK(roomcast_remote_new(w.broker, &remote));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_drain(w.broker, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_remote_drain(remote, 0, NULL, 0));
    for (round = 0; round < 3; round++) {
        left = round < 2 ? 3 : 0;
        for (i = 0; i < left; i++) {
            clients[i] = client_connect(&w, "/", NULL);
            event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
            seen_free(&event);
        }
        if (by_remote)
            OK(roomcast_remote_drain(remote, 100, ROOMCAST_TEXT("deploy")));
        else
            OK(roomcast_drain(w.broker, 100, ROOMCAST_TEXT("deploy")));
        for (i = 0; i < left; i++) {
            event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
            CHECK(event.code == ROOMCAST_REASON_SERVER_SHUTTING_DOWN);
            seen_free(&event);
        }
        event = world_wait(&w, ROOMCAST_EVENT_DRAINED);
        seen_free(&event);
        CHECK(stat(&w, "draining") == 1 && stat(&w, "drained") == (round == 0 ? 3 : 6));
        late = client_open(&w);
        UNTIL(&w, client_gone(late));
        client_remove(&w, late);
        for (i = 0; i < left; i++)
            client_remove(&w, clients[i]);
        if (by_remote)
            OK(roomcast_remote_stop_draining(remote));
        else
            OK(roomcast_stop_draining(w.broker));
        UNTIL(&w, stat(&w, "draining") == 0);
    }
    roomcast_remote_free(remote);
    world_close(&w);
}

int main(void) {
    uint32_t loops;
    figures();
    rate();
    for (loops = 0; loops <= 4; loops += loops < 2 ? 1 : 2) {
        drain(0, loops);
        drain(1, loops);
    }
    return 0;
}
