/* A program with a message loop of its own on Windows, which the broker joins as one more event handle. A thread of its own waits in
 * roomcast_poll, and stands still while this loop handles what came: so the broker is one thread's at any time. It must not call the
 * broker anywhere else; what else happens here goes through the remote.
 *
 * pump [PORT]: what a client says in "say" goes to all others as "said"; ten times a second
 * they hear "tick". */
#include <roomcast.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static roomcast_broker *broker;
static roomcast_remote *remote;
static roomcast_namespace ns;
static HANDLE polled, handled; /* auto-reset events: whose the broker is now */

static DWORD WINAPI wait_for_the_broker(void *unused)
{
    (void)unused;
    while (roomcast_poll(broker, -1) == ROOMCAST_OK) {
        SetEvent(polled);
        WaitForSingleObject(handled, INFINITE);
    }
    exit(1);
}

static void handle(const roomcast_event *event)
{
    if (event->kind == ROOMCAST_EVENT_CONNECT) {
        ns = event->ns;
        roomcast_join(broker, event->socket, ROOMCAST_TEXT("lobby"));
    } else if (event->kind == ROOMCAST_EVENT_MESSAGE) {
        roomcast_emit(broker, event->ns, ROOMCAST_TEXT("lobby"), event->socket, ROOMCAST_TEXT("said"), event->data,
                      event->data_len);
        if (event->ack)
            roomcast_ack(broker, event->socket, event->ack, ROOMCAST_TEXT("[\"ok\"]"), NULL, 0);
    }
}

static void drain(void)
{
    roomcast_event events[64];
    size_t count, i;
    while (roomcast_events(broker, events, sizeof *events, 64, &count) == ROOMCAST_OK && count > 0)
        for (i = 0; i < count; i++)
            handle(&events[i]);
}

/* Of this loop's own, while the thread may be in roomcast_poll: so by the remote, which ends its wait. */
static void CALLBACK tick(HWND window, UINT message, UINT_PTR timer, DWORD now)
{
    (void)window, (void)message, (void)timer, (void)now;
    if (ns != 0)
        roomcast_remote_emit(remote, ns, ROOMCAST_TEXT("lobby"), 0, ROOMCAST_TEXT("tick"), ROOMCAST_TEXT("[]"));
}

static int failed(void)
{
    char why[256] = "";
    roomcast_last_error(why, sizeof why);
    fprintf(stderr, "%s\n", why);
    return 1;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    if (roomcast_new(ROOMCAST_ABI_VERSION, NULL, &broker) != ROOMCAST_OK
        || roomcast_listen(broker, ROOMCAST_TEXT("127.0.0.1"), (uint16_t)(argc > 1 ? atoi(argv[1]) : 3000), &port) != ROOMCAST_OK
        || roomcast_remote_new(broker, &remote) != ROOMCAST_OK)
        return failed();
    printf("listening on %u\n", port);
    fflush(stdout);
    polled = CreateEventA(NULL, FALSE, FALSE, NULL);
    handled = CreateEventA(NULL, FALSE, FALSE, NULL);
    if (!polled || !handled || !SetTimer(NULL, 0, 100, tick) || !CreateThread(NULL, 0, wait_for_the_broker, NULL, 0, NULL))
        return 1;

    for (;;) {
        MSG message;
        if (MsgWaitForMultipleObjects(1, &polled, FALSE, INFINITE, QS_ALLINPUT) == WAIT_OBJECT_0) {
            drain();
            SetEvent(handled);
        }
        while (PeekMessageA(&message, NULL, 0, 0, PM_REMOVE)) {
            if (message.message == WM_QUIT)
                return 0;
            DispatchMessageA(&message);
        }
    }
}
