/* The process is the host's: SIGPIPE keeps its default action and does not end it when peers vanish; no signal is touched, no
 * thread is started, and no descriptor is left behind. */
#include "support.h"

#include <dirent.h>
#include <signal.h>

static size_t entries(const char *folder) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static void dispositions(struct sigaction *all) {
    int i;
    memset(all, 0, 65 * sizeof *all);
    for (i = 1; i < 32; i++) {
        sigaction(i, NULL, &all[i]);
    }
}

static void peers_vanish(void) {
    world w;
    client *c;
    seen event;
    char *args;
    size_t i, n = scaled(200) + 4;
    args = (char *)malloc(60001);
    CHECK(args != NULL);
    memset(args, '7', 60000);
    args[0] = '[';
    args[59999] = ']';
    args[60000] = 0;
    world_open(&w, NULL);
    for (i = 0; i < n; i++) {
        c = client_connect(&w, "/", NULL);
        /* With bytes on the way, unread, or none; by a reset, or a close that resets once something comes. */
        if (i % 2) {
            client_read(c, 0);
            OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("big"), args, 60000));
            OK(roomcast_flush(w.broker));
        }
        client_vanish(c, i % 3 == 0);
        /* The broker does not know yet: it writes into the void. */
        OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("void"), args, 60000));
        OK(roomcast_flush(w.broker));
        OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("void"), args, 60000));
        OK(roomcast_flush(w.broker));
        event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
        seen_free(&event);
        client_remove(&w, c);
    }
    free(args);
    world_close(&w);
}

int main(void) {
    struct sigaction before[65], after[65];
    size_t descriptors, i, threads = entries("/proc/self/task");
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    descriptors = entries("/proc/self/fd");
    dispositions(before);
    peers_vanish();
    dispositions(after);
    for (i = 1; i < 32; i++) {
        CHECK(before[i].sa_handler == after[i].sa_handler && before[i].sa_flags == after[i].sa_flags);
    }
    CHECK(after[SIGPIPE].sa_handler == SIG_DFL);
    CHECK(entries("/proc/self/task") == threads);
    CHECK(entries("/proc/self/fd") == descriptors);
    return 0;
}
