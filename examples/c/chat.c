/* A chat for as many browser tabs as you like: rooms, who is there, who types, and a corner for staff. Whoever loses the connection
 * for a while is told what was said meanwhile. The page and what it hears are those of examples/chat.
 *
 * chat [PORT [DIRECTORY OF THE PAGE [PATH OF socket.io.min.js]]] */
#include "json.h"
#include <roomcast.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEOPLE = 1024, NAME = 24 * 4 + 1, SAID = 2000 * 4 + 1 };

/* The rooms of "/". The first is where people arrive. */
static const char *const open_rooms[] = { "lobby", "music", "games", NULL };
/* The only room of "/staff". */
static const char *const staff_rooms[] = { "staff", NULL };

struct person {
    roomcast_socket socket; /* 0: nobody */
    char name[NAME];
    const char *room; /* "": nowhere yet */
};

static struct {
    roomcast_broker *broker;
    roomcast_namespace staff;
    const char *token;
    struct person people[PEOPLE];
    char args[PEOPLE * NAME * 6 + 16]; /* whatever is emitted next */
} chat;

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static struct person *find(roomcast_socket socket)
{
    size_t at;
    for (at = 0; at < PEOPLE; at++)
        if (chat.people[at].socket == socket)
            return &chat.people[at];
    return NULL;
}

static const char *const *rooms_of(roomcast_namespace ns)
{
    return ns == chat.staff ? staff_rooms : open_rooms;
}

/* ---- emits: what stands in chat.args, to a room, or to a whole namespace if that is NULL ---- */

static void emit(roomcast_namespace ns, const char *room, roomcast_socket except, const char *name, uint32_t delivery)
{
    roomcast_slice rooms;
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_message message = ROOMCAST_MESSAGE_INIT;

    target.ns = ns;
    if (room == NULL) {
        target.flags = ROOMCAST_TARGET_ALL;
    } else {
        rooms = roomcast_slice_of(room);
        target.rooms = &rooms;
        target.room_count = 1;
    }
    if (except != 0) {
        target.except_sockets = &except;
        target.except_socket_count = 1;
    }
    message.delivery = delivery;
    message.name = name;
    message.name_len = strlen(name);
    message.args = chat.args;
    message.args_len = strlen(chat.args);
    /* The one error to expect is that somebody is gone by now. The disconnect is on its way. */
    roomcast_emit_to(chat.broker, &target, &message, NULL);
}

static void write_one(const char *text)
{
    char *end = json_quote(chat.args + 1, text);
    chat.args[0] = '[';
    strcpy(end, "]");
}

/* Tells a room who is in it. */
static void show_who_is_in(roomcast_namespace ns, const char *room)
{
    const roomcast_socket *members;
    size_t count, at;
    char *end = chat.args;

    if (roomcast_members(chat.broker, ns, room, strlen(room), &members, &count) != ROOMCAST_OK)
        return;
    end += sprintf(end, "[[");
    for (at = 0; at < count; at++) {
        const struct person *person = find(members[at]);
        if (person != NULL) {
            if (end[-1] != '[')
                *end++ = ',';
            end = json_quote(end, person->name);
        }
    }
    strcpy(end, "]]");
    emit(ns, room, 0, "people", ROOMCAST_RELIABLE);
}

/* Tells everybody how full each room is. */
static void show_how_full(roomcast_namespace ns)
{
    const char *const *room;
    char *end = chat.args;

    end += sprintf(end, "[[");
    for (room = rooms_of(ns); *room != NULL; room++) {
        const roomcast_socket *members;
        size_t count = 0;
        roomcast_members(chat.broker, ns, *room, strlen(*room), &members, &count);
        end += sprintf(end, "%s[\"%s\",%lu]", end[-1] == '[' ? "" : ",", *room, (unsigned long)count);
    }
    strcpy(end, "]]");
    /* Of several counts that a slow client has yet to get, the newest is enough: latest, with the key 0. */
    emit(ns, NULL, 0, "rooms", ROOMCAST_LATEST);
}

/* Takes somebody into a room, out of the one before, and tells everybody concerned. */
static void enter(struct person *person, roomcast_namespace ns, struct json wanted)
{
    const char *const *room;
    const char *from = person->room, *to = rooms_of(ns)[0];
    char name[NAME];
    roomcast_slice leave, join;

    json_text(wanted, 24, name);
    for (room = rooms_of(ns); *room != NULL; room++)
        if (strcmp(*room, name) == 0)
            to = *room;
    if (*person->name == 0 || from == to)
        return;
    leave = roomcast_slice_of(from);
    join = roomcast_slice_of(to);
    person->room = to;
    roomcast_change_rooms(chat.broker, person->socket, &leave, *from != 0, &join, 1, NULL);
    write_one(to);
    roomcast_send(chat.broker, person->socket, ROOMCAST_TEXT("room"), chat.args, strlen(chat.args));
    write_one(person->name);
    emit(ns, from, 0, "left", ROOMCAST_RELIABLE);
    emit(ns, to, person->socket, "joined", ROOMCAST_RELIABLE);
    if (*from != 0)
        show_who_is_in(ns, from);
    show_who_is_in(ns, to);
    show_how_full(ns);
}

static void name(struct person *person, roomcast_namespace ns, struct json given, struct json room)
{
    if (*person->name != 0)
        return;
    json_text(given, 24, person->name);
    enter(person, ns, room);
}

/* Somebody is new here: with a name, if this is not the first time, and says it later otherwise. */
static void welcome(const roomcast_event *event)
{
    struct person *person = find(0);
    struct json auth;
    if (person == NULL) {
        roomcast_disconnect(chat.broker, event->socket, 0);
        return;
    }
    auth.text = event->data;
    auth.len = event->data_len;
    printf("connect    %.*s\n", (int)event->name_len, event->name);
    person->socket = event->socket;
    person->name[0] = 0;
    person->room = "";
    name(person, event->ns, json_member(auth, "name"), json_member(auth, "room"));
}

static void message(const roomcast_event *event)
{
    struct json first = json_first(event->data, event->data_len), none = { "", 0 };
    struct person *person = find(event->socket);

    if (person == NULL)
        return;
    if (roomcast_event_is(event, "name")) {
        name(person, event->ns, first, none);
    } else if (roomcast_event_is(event, "move")) {
        enter(person, event->ns, first);
    } else if (roomcast_event_is(event, "say")) {
        static char said[SAID];
        char *end = chat.args;
        json_text(first, 2000, said);
        *end++ = '[';
        end = json_quote(end, person->name);
        *end++ = ',';
        end = json_quote(end, said);
        strcpy(end, "]");
        emit(event->ns, person->room, event->socket, "message", ROOMCAST_RELIABLE);
    } else if (roomcast_event_is(event, "typing")) {
        /* Worth nothing later: it is skipped for whoever does not keep up. */
        write_one(person->name);
        emit(event->ns, person->room, event->socket, "typing", ROOMCAST_VOLATILE);
    }
    if (event->ack != 0)
        roomcast_ack(chat.broker, event->socket, event->ack, NULL, 0, NULL, 0);
}

static void request(const roomcast_event *event)
{
    static const char hint[] = "{\"hint\":\"The server prints the token when it starts.\"}";
    char token[64 * 4 + 1];
    struct json auth;
    auth.text = event->data;
    auth.len = event->data_len;
    json_text(json_member(auth, "token"), 64, token);
    if (strcmp(token, chat.token) != 0)
        roomcast_reject(chat.broker, event->socket, ROOMCAST_TEXT("Wrong token"), ROOMCAST_TEXT(hint));
    else if (roomcast_accept(chat.broker, event->socket) == ROOMCAST_OK)
        welcome(event);
}

/* Somebody comes into their room, or goes: the others are told. */
static void came_or_went(struct person *person, roomcast_namespace ns, const char *what)
{
    write_one(person->name);
    emit(ns, person->room, person->socket, what, ROOMCAST_RELIABLE);
    if (*person->room != 0)
        show_who_is_in(ns, person->room);
    show_how_full(ns);
}

static void left(const roomcast_event *event)
{
    struct person *person = find(event->socket);

    if (person == NULL)
        return;
    printf("disconnect %s: %s\n", person->name, roomcast_reason_text(event->code));
    came_or_went(person, event->ns, "left");
    if ((event->flags & ROOMCAST_FLAG_RECOVERABLE) == 0)
        person->socket = 0;
}

static void back(const roomcast_event *event)
{
    struct person *person = find(event->socket);

    if (person == NULL)
        return;
    printf("back       %s\n", person->name);
    came_or_went(person, event->ns, "joined");
}

static void handle(const roomcast_event *event)
{
    switch (event->kind) {
    case ROOMCAST_EVENT_CONNECT: /* everybody may come to "/" */
        if ((event->flags & ROOMCAST_FLAG_RECOVERED) != 0)
            back(event);
        else
            welcome(event);
        break;
    case ROOMCAST_EVENT_CONNECT_REQUEST: /* "/staff" is guarded, so there the broker asks first */
        request(event);
        break;
    case ROOMCAST_EVENT_MESSAGE:
        message(event);
        break;
    case ROOMCAST_EVENT_DISCONNECT:
        left(event);
        break;
    case ROOMCAST_EVENT_SESSION_EXPIRED: {
        struct person *person = find(event->socket);
        if (person != NULL)
            person->socket = 0;
        break;
    }
    default:
        break;
    }
}

/* ---- the page, served by the broker itself from memory ---- */

/* Reads a file. The caller frees it. */
static char *slurp(const char *directory, const char *file, size_t *len)
{
    char path[4096], *bytes = NULL;
    long size = -1;
    FILE *stream;

    snprintf(path, sizeof path, "%s%s%s", directory, *directory != 0 ? "/" : "", file);
    stream = fopen(path, "rb");
    if (stream == NULL)
        return NULL;
    if (fseek(stream, 0, SEEK_END) == 0 && (size = ftell(stream)) >= 0)
        bytes = (char *)malloc((size_t)size + 1);
    rewind(stream);
    if (bytes != NULL) {
        *len = fread(bytes, 1, (size_t)size, stream);
        bytes[*len] = 0;
    }
    fclose(stream);
    return bytes;
}

static int serve(const char *path, const char *type, const char *directory, const char *file)
{
    size_t len = 0;
    char *bytes = slurp(directory, file, &len);
    int done = bytes != NULL
               && roomcast_serve(chat.broker, path, strlen(path), type, strlen(type), bytes, len, NULL, 0) == ROOMCAST_OK;
    free(bytes);
    return done;
}

/* The page, with the client's script where its comment stands: ours, or a public CDN's. */
static int serve_page(const char *directory, int local)
{
    static const char mark[] = "<!-- the Socket.IO client -->", ours[] = "<script src=\"/socket.io.js\"></script>",
                      theirs[] = "<script src=\"https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.min.js\" "
                                 "integrity=\"sha384-fBrXvbDtHoeKWJ/hcA6M+YGueiDW+h45I7V6F2kD1S8bOkrF9rZYPLVkCR6BLR/1\" "
                                 "crossorigin=\"anonymous\"></script>";
    static const char type[] = "text/html; charset=utf-8";
    size_t len = 0, room;
    char *html = slurp(directory, "index.html", &len), *at = html != NULL ? strstr(html, mark) : NULL, *page = NULL;
    int done = 0;

    room = len + sizeof theirs;
    if (at != NULL)
        page = (char *)malloc(room);
    if (page != NULL) {
        int written = snprintf(page, room, "%.*s%s%s", (int)(at - html), html, local ? ours : theirs, at + sizeof mark - 1);
        done = roomcast_serve(chat.broker, ROOMCAST_TEXT("/"), ROOMCAST_TEXT(type), page, (size_t)written, NULL, 0)
               == ROOMCAST_OK;
    }
    free(page);
    free(html);
    return done;
}

/* Where npm puts the client: the first of the places where it is, or the one that `make chat` fills. */
static const char *find_client(void)
{
    static const char *const places[] = { "tests/interop/node_modules/socket.io-client/dist/socket.io.min.js",
                                          "examples/chat/node_modules/socket.io-client/dist/socket.io.min.js" };
    FILE *there = fopen(places[0], "rb");
    if (there == NULL)
        return places[1];
    fclose(there);
    return places[0];
}

static int fail(const char *what)
{
    char why[256] = "";
    roomcast_last_error(why, sizeof why);
    fprintf(stderr, "chat: %s\n", what != NULL ? what : why);
    roomcast_free(chat.broker);
    return 1;
}

int main(int argc, char **argv)
{
    const char *pages = argc > 2 ? argv[2] : "examples/chat";
    const char *client = argc > 3 ? argv[3] : find_client();
    uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 3000);
    int local;
    roomcast_namespace open;
    roomcast_config config = ROOMCAST_CONFIG_INIT;

    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    chat.token = getenv("STAFF_TOKEN") != NULL ? getenv("STAFF_TOKEN") : "staff";
    config.health_path = ROOMCAST_SLICE("/health");
    if (roomcast_new(ROOMCAST_ABI_VERSION, &config, &chat.broker) != ROOMCAST_OK
        || roomcast_add_namespace(chat.broker, ROOMCAST_TEXT("/"), ROOMCAST_NAMESPACE_RECOVERY, &open) != ROOMCAST_OK
        || roomcast_add_namespace(chat.broker, ROOMCAST_TEXT("/staff"), ROOMCAST_NAMESPACE_GUARDED | ROOMCAST_NAMESPACE_RECOVERY,
                                  &chat.staff)
               != ROOMCAST_OK)
        return fail(NULL);
    local = serve("/socket.io.js", "text/javascript", "", client);
    if (!local)
        fprintf(stderr, "no %s: pages load it from cdn.jsdelivr.net (`make chat` fetches it with npm)\n", client);
    if (!serve_page(pages, local)
        || !serve("/chat.css", "text/css; charset=utf-8", pages, "chat.css")
        || !serve("/chat.js", "text/javascript; charset=utf-8", pages, "chat.js"))
        return fail("the page is not there");
    if (roomcast_listen(chat.broker, ROOMCAST_TEXT("127.0.0.1"), port, &port) != ROOMCAST_OK)
        return fail(NULL);
    printf("listening on http://127.0.0.1:%u (the staff token is \"%s\")\n", port, chat.token);
    fflush(stdout);

    while (!stopping && roomcast_poll(chat.broker, -1) == ROOMCAST_OK) {
        roomcast_event events[64];
        size_t count, at;
        while (roomcast_events(chat.broker, events, sizeof *events, 64, &count) == ROOMCAST_OK && count > 0)
            for (at = 0; at < count; at++)
                handle(&events[at]);
    }
    roomcast_close(chat.broker, 1000);
    roomcast_free(chat.broker);
    return 0;
}
