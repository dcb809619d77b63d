/* A million joins, leaves, changes, emits and disconnects from four threads, while clients come and go under them. What is
 * left at the end is exact: no socket, no room, and every command counted. */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4
#define CLIENTS 12

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static roomcast_socket sockets[CLIENTS]; /* the last known ones; some are gone */
static size_t running;
static int enough; /* clients have come and gone under the commands */

typedef struct racer {
    roomcast_remote *remote;
    roomcast_namespace ns;
    uint32_t random;
    size_t commands, done, full;
} racer;

static int may_end(void) {
    int now;
    pthread_mutex_lock(&lock);
    now = enough;
    pthread_mutex_unlock(&lock);
    return now;
}

static void *race(void *data) {
    racer *r = (racer *)data;
    char name[8];
    roomcast_slice leave, join;
    roomcast_socket who;
    roomcast_status status;
    uint32_t dice;
    while (r->done < r->commands || !may_end()) {
        dice = next_random(&r->random);
        pthread_mutex_lock(&lock);
        who = sockets[dice % CLIENTS];
        pthread_mutex_unlock(&lock);
        snprintf(name, sizeof name, "r%u", (unsigned)(dice >> 8 & 15));
        switch (dice >> 16 & 63) {
        case 0:
            status = roomcast_remote_emit(r->remote, r->ns, name, strlen(name), who, ROOMCAST_TEXT("e"), NULL, 0);
            break;
        case 1:
        case 2:
            leave = slice(name);
            join = slice("r0");
            status = roomcast_remote_change_rooms(r->remote, who, &leave, 1, &join, 1);
            break;
        case 3:
            status = (dice >> 22) % 64 == 0 ? roomcast_remote_disconnect(r->remote, who, dice >> 31) : ROOMCAST_ERROR_FULL;
            break;
        default:
            status = dice >> 31 ? roomcast_remote_join(r->remote, who, name, strlen(name))
                                : roomcast_remote_leave(r->remote, who, name, strlen(name));
        }
        CHECK(status == ROOMCAST_OK || status == ROOMCAST_ERROR_FULL);
        if (status == ROOMCAST_OK) {
            r->done++;
        } else {
            r->full++;
            sched_yield();
        }
    }
    pthread_mutex_lock(&lock);
    running--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static size_t still_running(void) {
    size_t now;
    pthread_mutex_lock(&lock);
    now = running;
    pthread_mutex_unlock(&lock);
    return now;
}

static void connect_as(world *w, size_t at) {
    client *c = client_connect(w, "/", NULL);
    roomcast_socket socket;
    if (roomcast_find_socket(w->broker, client_sid(c), strlen(client_sid(c)), &socket) == ROOMCAST_OK) {
        pthread_mutex_lock(&lock);
        sockets[at] = socket;
        pthread_mutex_unlock(&lock);
    }
}

static void forget_events(world *w) {
    while (w->event_count > 0) {
        seen_free(&w->events[--w->event_count]);
    }
}

static uint64_t stat_of(world *w, const char *name) {
    const roomcast_stat *stats;
    size_t count, i;
    OK(roomcast_stats(w->broker, &stats, &count));
    for (i = 0; i < count && strcmp(stats[i].name, name); i++) {
    }
    CHECK(i < count);
    return stats[i].value;
}

int main(void) {
    world w;
    pthread_t threads[THREADS];
    racer racers[THREADS];
    uint32_t random = 2463534242u;
    size_t i, churned = 0;
    world_open(&w, NULL);
    for (i = 0; i < CLIENTS; i++) {
        connect_as(&w, i);
    }
    running = THREADS;
    for (i = 0; i < THREADS; i++) {
        CLEAR(racers[i]);
        racers[i].ns = w.ns;
        racers[i].random = random + (uint32_t)i * 7919;
        racers[i].commands = scaled(1000000) / THREADS;
        OK(roomcast_remote_new(w.broker, &racers[i].remote));
        CHECK(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
    }
    while (still_running() > 0) {
        size_t at = next_random(&random) % w.client_count;
        roomcast_socket own = sockets[at % CLIENTS];
        roomcast_status status = roomcast_join(w.broker, own, ROOMCAST_TEXT("direct"));
        CHECK(status == ROOMCAST_OK || status == ROOMCAST_ERROR_GONE);
        world_turn(&w);
        forget_events(&w);
        /* A client whose socket was disconnected, or one by chance, is replaced. */
        for (i = 0; i < w.client_count && !client_gone(w.clients[i]); i++) {
        }
        if (i == w.client_count && next_random(&random) % 16 == 0) {
            i = at;
            client_vanish(w.clients[i], (int)(random & 1));
        }
        if (i < w.client_count) {
            client_remove(&w, w.clients[i]);
            connect_as(&w, next_random(&random) % CLIENTS);
            churned++;
            pthread_mutex_lock(&lock);
            enough = churned >= 20;
            pthread_mutex_unlock(&lock);
        }
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(racers[i].done >= racers[i].commands);
        roomcast_remote_free(racers[i].remote);
    }
    while (w.client_count > 0) {
        client_remove(&w, w.clients[0]);
    }
    UNTIL(&w, stat_of(&w, "sockets") == 0 && stat_of(&w, "connections") == 0);
    CHECK(stat_of(&w, "rooms") == 0);
    CHECK(stat_of(&w, "connections_opened") == stat_of(&w, "connections_closed"));
    CHECK(stat_of(&w, "connections_opened") >= CLIENTS + churned);
    CHECK(stat_of(&w, "queued_bytes") == 0);
    world_close(&w);
    return 0;
}
