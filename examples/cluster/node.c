/* One node of the cluster, in C.
 *
 * node PORT REDIS_URL NAME
 *
 * What a client says goes to everybody in its room, whichever node they are connected to; the page and the other nodes are beside this
 * file. */
#include "../c/json.h"
#include <roomcast.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEOPLE = 1024, NAME = 24 * 4 + 1, SAID = 2000 * 4 + 1 };

struct person {
    roomcast_socket socket; /* 0: nobody */
    char name[NAME], room[NAME];
};

static struct person people[PEOPLE];
static const char *node;
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
        if (people[at].socket == socket)
            return &people[at];
    return NULL;
}

/* Emits [name, node] or [name, node, text] to a person's room: on this node, and by itself on all others. */
static void tell(roomcast_broker *broker, roomcast_namespace ns, const struct person *person, const char *event, const char *text)
{
    static char args[(2 * NAME + SAID) * 6 + 16];
    char *end = args;
    *end++ = '[';
    end = json_quote(end, person->name);
    *end++ = ',';
    end = json_quote(end, node);
    if (text != NULL) {
        *end++ = ',';
        end = json_quote(end, text);
    }
    strcpy(end, "]");
    roomcast_emit(broker, ns, person->room, strlen(person->room), 0, event, strlen(event), args, strlen(args));
}

static void handle(roomcast_broker *broker, const roomcast_event *event)
{
    struct person *person = find(event->socket);
    struct json data;
    data.text = event->data;
    data.len = event->data_len;
    switch (event->kind) {
    case ROOMCAST_EVENT_CONNECT:
        person = find(0);
        if (person == NULL) {
            roomcast_disconnect(broker, event->socket, 0);
            break;
        }
        json_text(json_member(data, "name"), 24, person->name);
        json_text(json_member(data, "room"), 24, person->room);
        if (roomcast_join(broker, event->socket, person->room, strlen(person->room)) == ROOMCAST_OK) {
            person->socket = event->socket;
            tell(broker, event->ns, person, "joined", NULL);
        } else {
            roomcast_disconnect(broker, event->socket, 0);
        }
        break;
    case ROOMCAST_EVENT_MESSAGE:
        if (person != NULL && roomcast_event_is(event, "say")) {
            static char said[SAID];
            json_text(json_first(event->data, event->data_len), 2000, said);
            tell(broker, event->ns, person, "said", said);
        }
        break;
    case ROOMCAST_EVENT_DISCONNECT:
        if (person != NULL) {
            tell(broker, event->ns, person, "left", NULL);
            person->socket = 0;
        }
        break;
    case ROOMCAST_EVENT_CLUSTER_UP:
        printf("%s: the others can be heard\n", node);
        break;
    case ROOMCAST_EVENT_CLUSTER_DOWN:
        printf("%s: on its own: %.*s\n", node, (int)event->name_len, event->name);
        break;
    }
}

static void must(roomcast_status status)
{
    if (status != ROOMCAST_OK) {
        char text[256];
        roomcast_last_error(text, sizeof text);
        fprintf(stderr, "%s: %s\n", node, text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    roomcast_config config;
    roomcast_broker *broker;
    uint16_t port;

    if (argc != 4) {
        fprintf(stderr, "usage: node PORT REDIS_URL NAME\n");
        return 2;
    }
    node = argv[3];
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(roomcast_config_init(&config, sizeof config));
    config.cluster_url = roomcast_slice_of(argv[2]);
    must(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    must(roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), (uint16_t)atoi(argv[1]), &port));
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    printf("%s: listening on port %d\n", node, port);
    while (!stopping) {
        roomcast_event events[64];
        size_t count, at;
        must(roomcast_poll(broker, 1000));
        do {
            must(roomcast_events(broker, events, sizeof *events, 64, &count));
            for (at = 0; at < count; at++)
                handle(broker, &events[at]);
        } while (count > 0);
    }
    roomcast_close(broker, 1000);
    roomcast_free(broker);
    return 0;
}
