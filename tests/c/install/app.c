/* A program outside the tree: what is installed is enough to build it and run it. */
#include <roomcast.h>
#include <stdio.h>

int main(void) {
    roomcast_broker *broker;
    roomcast_namespace ns;
    uint16_t port;
    if (roomcast_new(ROOMCAST_ABI_VERSION, NULL, &broker) != ROOMCAST_OK) {
        return 1;
    }
    if (roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), 0, &port) != ROOMCAST_OK || port == 0) {
        return 2;
    }
    if (roomcast_add_namespace(broker, ROOMCAST_TEXT("/chat"), 0, &ns) != ROOMCAST_OK) {
        return 3;
    }
    if (roomcast_emit_all(broker, ns, 0, ROOMCAST_TEXT("hello"), ROOMCAST_TEXT("[1]")) != ROOMCAST_OK) {
        return 4;
    }
    if (roomcast_poll(broker, 0) != ROOMCAST_OK) {
        return 5;
    }
    roomcast_free(broker);
    printf("roomcast %s\n", roomcast_version());
    return 0;
}
