/* Forks, and descriptors that are closed behind the broker: in a child every call says that the broker is not its own, freeing is
 * silent and returns, and the parent goes on; a daemon that has closed everything can free, too. */
#include "support.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child prints to stderr goes here. */
static int said;

/* Runs `body` in a child that has a minute, and returns once it has ended well and silently. */
static void in_child(void (*body)(world *, roomcast_remote *), world *w, roomcast_remote *remote) {
    int ends[2], status = 0;
    char text[512];
    ssize_t got;
    pid_t child;
    CHECK(pipe(ends) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        said = dup(2);
        CHECK(dup2(ends[1], 2) == 2);
        close(ends[0]);
        close(ends[1]);
        body(w, remote);
        /* Another program, and so no search for leaks: what threads held that are not here stays allocated. */
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    got = read(ends[0], text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    while (got > 0) {
        fputs(text, stderr);
        CHECK(!"the child said something");
    }
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void not_ours(world *w, roomcast_remote *remote) {
    const roomcast_stat *stats = NULL;
    roomcast_broker *own = NULL;
    roomcast_config config;
    uint16_t port = 0;
    size_t count = 0;
    int fd;
    IS(ROOMCAST_ERROR_FORKED, roomcast_listen(w->broker, ROOMCAST_TEXT("127.0.0.1"), 0, &port));
    IS(ROOMCAST_ERROR_FORKED, roomcast_poll(w->broker, -1));
    IS(ROOMCAST_ERROR_FORKED, roomcast_flush(w->broker));
    IS(ROOMCAST_ERROR_FORKED, roomcast_fd(w->broker, &fd));
    IS(ROOMCAST_ERROR_FORKED, roomcast_emit_all(w->broker, w->ns, 0, ROOMCAST_TEXT("n"), ROOMCAST_TEXT("[]")));
    IS(ROOMCAST_ERROR_FORKED, roomcast_stats(w->broker, &stats, &count));
    IS(ROOMCAST_ERROR_FORKED, roomcast_close(w->broker, 1000));
    IS(ROOMCAST_ERROR_FORKED, roomcast_remote_wake(remote));
    IS(ROOMCAST_ERROR_FORKED, roomcast_remote_stop_draining(remote));
    IS(ROOMCAST_ERROR_FORKED, roomcast_remote_emit(remote, w->ns, "", 0, 0, ROOMCAST_TEXT("n"), ROOMCAST_TEXT("[]")));
    roomcast_free(w->broker);
    roomcast_remote_free(remote);
    /* One of its own is all right. */
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = 2;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &own));
    OK(roomcast_listen(own, ROOMCAST_TEXT("127.0.0.1"), 0, &port));
    OK(roomcast_poll(own, 0));
    roomcast_free(own);
}

static void forked(uint32_t loops) {
    world w;
    client *c;
    seen event;
    roomcast_remote *remote = NULL;
    roomcast_config config;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    world_open(&w, &config);
    OK(roomcast_remote_new(w.broker, &remote));
    c = client_connect(&w, "/", NULL);
    in_child(not_ours, &w, remote);
    /* The parent and its client have noticed nothing. */
    client_say(c, "42[\"still\"]");
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    seen_free(&event);
    OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("here"), ROOMCAST_TEXT("[]")));
    client_expect(&w, c, "42[\"here\"]");
    client_remove(&w, c);
    roomcast_remote_free(remote);
    world_close(&w);
}

static uint32_t daemon_loops;

/* As closefrom(3) in a daemon that was not told of our descriptors. */
static void all_closed(world *w, roomcast_remote *remote) {
    roomcast_broker *own = NULL;
    roomcast_config config;
    uint16_t port = 0;
    int fd;
    (void)w;
    (void)remote;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = daemon_loops;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &own));
    OK(roomcast_listen(own, ROOMCAST_TEXT("127.0.0.1"), 0, &port));
    OK(roomcast_poll(own, 0));
    for (fd = 3; fd < 256; fd++)
        if (fd != said)
            close(fd);
    roomcast_free(own);
}

int main(void) {
    forked(0);
    forked(1);
    forked(4);
    daemon_loops = 0;
    in_child(all_closed, NULL, NULL);
    daemon_loops = 4;
    in_child(all_closed, NULL, NULL);
    return 0;
}
