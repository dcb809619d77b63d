/* A program that is replaced by the next one: what its broker exports, and what another one takes over and refuses. */
#include "support.h"

/* A broker whose namespace "/" has recovery. */
static void open_with_recovery(world *w) {
    world_open(w, NULL);
    OK(roomcast_add_namespace(w->broker, "/", 1, ROOMCAST_NAMESPACE_RECOVERY, &w->ns));
}

/* A client that says this when its connection is open. */
static client *client_that_says(world *w, const char *packet) {
    client *c = client_open(w);
    CHECK(client_next(w, c, NULL)[0] == '0');
    client_say(c, packet);
    return c;
}

/* The text behind `key` up to the next quote. */
static void quoted(const char *text, const char *key, char *out, size_t cap) {
    const char *at = strstr(text, key);
    size_t len = 0;
    CHECK(at != NULL);
    for (at += strlen(key); at[len] != '"'; len++) {
        CHECK(at[len] != 0 && len + 1 < cap);
    }
    memcpy(out, at, len);
    out[len] = 0;
}

/* What a host does with an export: it is lent only until the next question. */
static char *written(roomcast_slice kept) {
    char *file = (char *)malloc(kept.len);
    CHECK(file != NULL && kept.len > 0);
    memcpy(file, kept.ptr, kept.len);
    return file;
}

static void a_client_goes_on_in_the_next_program(void) {
    world w;
    client *c;
    seen event;
    roomcast_slice kept;
    char *file, pid[64], offset[64], auth[256];
    const char *text;
    size_t len, sessions = 7;
    open_with_recovery(&w);
    c = client_that_says(&w, "40");
    quoted(client_next(&w, c, NULL), "\"pid\":\"", pid, sizeof pid);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    OK(roomcast_join(w.broker, event.socket, "red", 3));
    OK(roomcast_set_tag(w.broker, event.socket, 7));
    seen_free(&event);
    OK(roomcast_emit_all(w.broker, w.ns, 0, "heard", 5, NULL, 0));
    text = client_next(&w, c, NULL);
    quoted(text, "42[\"heard\",\"", offset, sizeof offset);
    OK(roomcast_close(w.broker, 0));
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.flags & ROOMCAST_FLAG_RECOVERABLE);
    seen_free(&event);
    OK(roomcast_emit(w.broker, w.ns, "red", 3, 0, "missed", 6, NULL, 0));
    OK(roomcast_export_recovery(w.broker, &kept));
    file = written(kept);
    len = kept.len;
    world_close(&w);

    open_with_recovery(&w);
    OK(roomcast_import_recovery(w.broker, file, len, &sessions));
    CHECK(sessions == 1);
    IS(ROOMCAST_ERROR_BAD_IMPORT, roomcast_import_recovery(w.broker, file, len, &sessions));
    SAYS("roomcast_import_recovery: data: too late");
    snprintf(auth, sizeof auth, "40{\"pid\":\"%s\",\"offset\":\"%s\"}", pid, offset);
    c = client_that_says(&w, auth);
    CHECK(strncmp(client_next(&w, c, NULL), "42[\"missed\",\"", 13) == 0);
    text = client_next(&w, c, NULL);
    CHECK(strncmp(text, "40{", 3) == 0 && strstr(text, pid) != NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    CHECK((event.flags & ROOMCAST_FLAG_RECOVERED) && event.tag == 7);
    seen_free(&event);
    world_close(&w);
    free(file);
}

static void what_cannot_be_imported_is_refused(void) {
    world w;
    seen event;
    roomcast_slice kept;
    char *file;
    size_t len, sessions = 7;
    open_with_recovery(&w);
    client_that_says(&w, "40");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    seen_free(&event);
    /* Who is connected still is in it, too. */
    OK(roomcast_export_recovery(w.broker, &kept));
    file = written(kept);
    len = kept.len;
    IS(ROOMCAST_ERROR_BAD_IMPORT, roomcast_import_recovery(w.broker, file, len, &sessions));
    SAYS("roomcast_import_recovery: data: too late");
    world_close(&w);
    world_open(&w, NULL);
    IS(ROOMCAST_ERROR_BAD_IMPORT, roomcast_import_recovery(w.broker, file, len, &sessions));
    SAYS("roomcast_import_recovery: data: a namespace of it is not here with recovery");
    OK(roomcast_add_namespace(w.broker, "/", 1, ROOMCAST_NAMESPACE_RECOVERY, &w.ns));
    IS(ROOMCAST_ERROR_BAD_IMPORT, roomcast_import_recovery(w.broker, file, len - 1, &sessions));
    SAYS("roomcast_import_recovery: data: not a whole and unchanged export");
    IS(ROOMCAST_ERROR_BAD_IMPORT, roomcast_import_recovery(w.broker, NULL, 0, &sessions));
    IS(ROOMCAST_ERROR_NULL, roomcast_import_recovery(w.broker, NULL, len, &sessions));
    IS(ROOMCAST_ERROR_NULL, roomcast_import_recovery(w.broker, file, len, NULL));
    CHECK(sessions == 7);
    OK(roomcast_import_recovery(w.broker, file, len, &sessions));
    CHECK(sessions == 1);
    world_close(&w);
    free(file);
}

int main(void) {
    a_client_goes_on_in_the_next_program();
    what_cannot_be_imported_is_refused();
    return 0;
}
