/* Two brokers of one program as nodes of a cluster, over a Redis that the test starts; and a node whose Redis is not there. */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/roomcast-c-cluster-XXXXXX";
static char path[64], url[80];

/* Whether somebody listens there. */
static int listens(void) {
    struct sockaddr_un address;
    int found, fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CLEAR(address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path));
    found = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return found;
}

/* Starts a Redis; 0 if there is none here. */
static pid_t redis(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, (char *)NULL);
        _exit(127);
    }
    while (!listens()) {
        int status;
        if (waitpid(child, &status, WNOHANG) == child) {
            return 0;
        }
    }
    return child;
}

static void join_cluster(world *w) {
    roomcast_config config;
    OK(roomcast_config_init(&config, sizeof config));
    config.cluster_url = slice(url);
    world_open(w, &config);
}

/* The next event of this kind on one node, while both are turned. */
static seen on_one(world *one, world *other, uint32_t kind) {
    UNTIL(other, (world_turn(one), world_has(one, kind)));
    return world_wait(one, kind);
}

#define EMPTY NULL, 0

static roomcast_target in_room(const world *w, const roomcast_slice *room) {
    roomcast_target target;
    CLEAR(target);
    target.struct_size = sizeof target;
    target.ns = w->ns;
    target.rooms = room;
    target.room_count = 1;
    return target;
}

/* A node says something until the other one's client hears it, as that it listens cannot be known: and then one thing more,
   behind which none of the many is still on its way. */
static void reach(world *here, world *there, client *c) {
    roomcast_slice room = slice(client_sid(c));
    roomcast_target target = in_room(here, &room);
    roomcast_message message = message_of("knock", "[]");
    const char *heard;
    while (client_waiting(c) == 0) {
        OK(roomcast_emit_to(here->broker, &target, &message, NULL));
        world_turn(here);
        world_turn(there);
    }
    message = message_of("reached", "[]");
    OK(roomcast_emit_to(here->broker, &target, &message, NULL));
    do {
        UNTIL(there, (world_turn(here), client_waiting(c) > 0));
        heard = client_next(there, c, NULL);
    } while (strcmp(heard, "42[\"reached\"]") != 0);
}

static void two_nodes(pid_t server) {
    world here, there;
    client *a, *b;
    roomcast_slice room = slice("room");
    roomcast_target target;
    roomcast_message message;
    roomcast_ack_id ack;
    roomcast_remote *remote;
    seen event;
    join_cluster(&here);
    join_cluster(&there);
    event = on_one(&here, &there, ROOMCAST_EVENT_CLUSTER_UP);
    CHECK(event.context == 0);
    seen_free(&event);
    a = client_connect(&here, "/", NULL);
    b = client_connect(&there, "/", "{\"who\":\"b\"}");
    reach(&here, &there, b);
    reach(&there, &here, a);

    /* Joined by its id from elsewhere, and reached by the room. */
    {
        roomcast_slice id = slice(client_sid(b));
        target = in_room(&here, &id);
        OK(roomcast_sockets_join(here.broker, &target, &room, 1, NULL));
    }
    target = in_room(&here, &room);
    message = message_of("news", "[1]");
    OK(roomcast_emit_to(here.broker, &target, &message, NULL));
    UNTIL(&there, (world_turn(&here), client_waiting(b) > 0));
    client_expect(&there, b, "42[\"news\",1]");

    /* What is for this node alone, by each way that an emit can go. */
    target = in_room(&here, &room);
    target.rooms = NULL;
    target.room_count = 0;
    target.flags = ROOMCAST_TARGET_ALL;
    message = message_of("here", "[]");
    message.flags = ROOMCAST_MESSAGE_LOCAL;
    OK(roomcast_emit_to(here.broker, &target, &message, NULL));
    OK(roomcast_remote_new(here.broker, &remote));
    OK(roomcast_remote_emit_to(remote, &target, &message));
    roomcast_remote_free(remote);
    world_turn(&here);
    client_expect(&here, a, "42[\"here\"]");
    client_expect(&here, a, "42[\"here\"]");
    message = message_of("news", "[2]");
    OK(roomcast_emit_to(here.broker, &target, &message, NULL));
    client_expect(&here, a, "42[\"news\",2]");
    UNTIL(&there, (world_turn(&here), client_waiting(b) > 0));
    client_expect(&there, b, "42[\"news\",2]");
    target = in_room(&here, &room);

    /* Who is there. */
    OK(roomcast_fetch_remote_sockets(here.broker, &target, 0, 7));
    event = on_one(&here, &there, ROOMCAST_EVENT_REMOTE_SOCKET);
    CHECK(event.context == 7 && strcmp(event.name, client_sid(b)) == 0 && event.part_count == 3);
    CHECK(strstr(event.data, "\"auth\":{\"who\":\"b\"}") != NULL && strstr(event.parts, "room") != NULL);
    seen_free(&event);
    event = on_one(&here, &there, ROOMCAST_EVENT_ANSWERS_END);
    CHECK(event.context == 7 && event.code == 0);
    seen_free(&event);
    OK(roomcast_count_nodes(here.broker, here.ns, 8));
    event = on_one(&here, &there, ROOMCAST_EVENT_NODES);
    CHECK(event.context == 8 && event.code == 2);
    seen_free(&event);

    /* Its answer. */
    message = message_of("q", "[]");
    OK(roomcast_emit_with_ack(here.broker, &target, &message, 60000, 9, &ack, NULL));
    CHECK(ack != 0);
    UNTIL(&there, (world_turn(&here), client_waiting(b) > 0));
    client_expect(&there, b, "420[\"q\"]");
    client_say(b, "430[{\"x\":1},2]");
    event = on_one(&here, &there, ROOMCAST_EVENT_REMOTE_ACK);
    CHECK(event.ack == ack && event.context == 9 && event.code == 0 && event.socket == 0 && strcmp(event.data, "[{\"x\":1}]") == 0);
    seen_free(&event);

    /* The hosts speak to each other. */
    OK(roomcast_server_emit(here.broker, here.ns, "reload", 6, "[1]", 3, EMPTY));
    event = on_one(&there, &here, ROOMCAST_EVENT_SERVER_EVENT);
    CHECK(strcmp(event.name, "reload") == 0 && strcmp(event.data, "[1]") == 0 && event.ack == 0);
    seen_free(&event);
    OK(roomcast_ask_nodes(here.broker, here.ns, "load", 4, EMPTY, EMPTY, 0, 10));
    event = on_one(&there, &here, ROOMCAST_EVENT_SERVER_EVENT);
    CHECK(event.ack != 0 && strcmp(event.data, "[]") == 0);
    OK(roomcast_answer_node(there.broker, event.ack, "0.5", 3, EMPTY));
    IS(ROOMCAST_ERROR_GONE, roomcast_answer_node(there.broker, event.ack, "0.5", 3, EMPTY));
    seen_free(&event);
    event = on_one(&here, &there, ROOMCAST_EVENT_NODE_ANSWER);
    CHECK(event.context == 10 && strcmp(event.data, "0.5") == 0);
    seen_free(&event);
    event = on_one(&here, &there, ROOMCAST_EVENT_ANSWERS_END);
    CHECK(event.context == 10 && event.code == 0);
    seen_free(&event);

    /* Without Redis each is on its own. */
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    event = on_one(&here, &there, ROOMCAST_EVENT_CLUSTER_DOWN);
    CHECK(event.name_len > 0);
    seen_free(&event);
    OK(roomcast_count_nodes(here.broker, here.ns, 11));
    event = on_one(&here, &there, ROOMCAST_EVENT_ANSWERS_END);
    CHECK(event.context == 11 && event.code == ROOMCAST_UNKNOWN_NODES);
    seen_free(&event);
    world_close(&here);
    world_close(&there);
}

static void without_redis(void) {
    world w;
    seen event;
    roomcast_target target;
    roomcast_slice room = slice("room");
    join_cluster(&w);
    event = world_wait(&w, ROOMCAST_EVENT_CLUSTER_DOWN);
    CHECK(strstr(event.name, path) != NULL);
    seen_free(&event);
    target = in_room(&w, &room);
    OK(roomcast_fetch_remote_sockets(w.broker, &target, 0, 3));
    event = world_wait(&w, ROOMCAST_EVENT_ANSWERS_END);
    CHECK(event.context == 3 && event.code == ROOMCAST_UNKNOWN_NODES);
    seen_free(&event);
    world_close(&w);
}

static void without_a_cluster(void) {
    world w;
    roomcast_target target;
    roomcast_slice room = slice("room");
    world_open(&w, NULL);
    target = in_room(&w, &room);
    IS(ROOMCAST_ERROR_NO_CLUSTER, roomcast_server_emit(w.broker, w.ns, "x", 1, EMPTY, EMPTY));
    IS(ROOMCAST_ERROR_NO_CLUSTER, roomcast_ask_nodes(w.broker, w.ns, "x", 1, EMPTY, EMPTY, 0, 0));
    IS(ROOMCAST_ERROR_NO_CLUSTER, roomcast_answer_node(w.broker, 1, "1", 1, EMPTY));
    IS(ROOMCAST_ERROR_NO_CLUSTER, roomcast_fetch_remote_sockets(w.broker, &target, 0, 0));
    IS(ROOMCAST_ERROR_NO_CLUSTER, roomcast_count_nodes(w.broker, w.ns, 0));
    world_close(&w);
}

int main(void) {
    pid_t server;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/redis", folder);
    snprintf(url, sizeof url, "unix://%s", path);
    without_a_cluster();
    without_redis();
    server = redis();
    if (server != 0) {
        two_nodes(server);
    } else {
        CHECK(getenv("CI") == NULL && "the tests' tools bring a redis-server");
        puts("there is no redis-server here: what needs it is left out");
    }
    unlink(path);
    rmdir(folder);
    return 0;
}
