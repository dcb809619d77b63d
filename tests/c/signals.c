/* A signal handler that sets a flag and wakes the broker ends its loop wherever the signal meets it, and disturbs no call that it
 * interrupts. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* setitimer */
#endif

#include "support.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t over;
static volatile sig_atomic_t handled;
static roomcast_status answer;
static roomcast_remote *self;

static void on_signal(int number) {
    int before = errno;
    over = number;
    handled = handled + 1;
    answer = roomcast_remote_wake(self);
    errno = before;
}

static roomcast_broker *make(uint32_t loops) {
    roomcast_broker *broker = NULL;
    roomcast_config config;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    OK(roomcast_remote_new(broker, &self));
    return broker;
}

/* The flag is set after the loop has looked at it and before it waits. */
static void between_test_and_wait(uint32_t loops) {
    roomcast_broker *broker = make(loops);
    int round;
    for (round = 0; round < 10; round++) {
        over = 0;
        while (!over) {
            CHECK(raise(SIGUSR1) == 0);
            OK(roomcast_poll(broker, -1));
        }
        OK(answer);
    }
    roomcast_free(broker);
    /* The broker is gone: a status, and nobody's text is overwritten. */
    {
        char text[256], again[256];
        broker = NULL;
        IS(ROOMCAST_ERROR_NULL, roomcast_poll(NULL, 0));
        roomcast_last_error(text, sizeof text);
        CHECK(raise(SIGUSR1) == 0);
        CHECK(answer == ROOMCAST_ERROR_CLOSED);
        roomcast_last_error(again, sizeof again);
        CHECK(strcmp(text, again) == 0);
    }
    roomcast_remote_free(self);
    self = NULL;
}

/* Signals at any moment of calls that allocate, lock and fail. */
static void at_any_moment(uint32_t loops) {
    roomcast_broker *broker = make(loops);
    roomcast_namespace ns = 0;
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    int enough = (int)scaled(2000);
    OK(roomcast_find_namespace(broker, ROOMCAST_TEXT("/"), &ns));
    handled = 0;
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (handled < enough) {
        OK(roomcast_remote_wake(self));
        OK(roomcast_emit_all(broker, ns, 0, ROOMCAST_TEXT("n"), ROOMCAST_TEXT("[1]")));
        IS(ROOMCAST_ERROR_NULL, roomcast_poll(NULL, 0));
        OK(roomcast_poll(broker, 0));
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    roomcast_free(broker);
    roomcast_remote_free(self);
    self = NULL;
}

int main(void) {
    struct sigaction action;
    CLEAR(action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    between_test_and_wait(0);
    between_test_and_wait(4);
    at_any_moment(0);
    at_any_moment(4);
    return 0;
}
