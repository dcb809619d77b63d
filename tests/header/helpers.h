/*
 * ---- Helpers ----
 *
 * They are compiled into your program and are no part of what the library exports. A generator that reads this header
 * for another language may define ROOMCAST_NO_HELPERS.
 */
#ifndef ROOMCAST_NO_HELPERS

#include <string.h>

/* A literal as the two arguments, pointer and length, that texts are passed as: roomcast_join(broker, socket,
 * ROOMCAST_TEXT("lobby")). */
#define ROOMCAST_TEXT(literal) (literal), (sizeof(literal) - 1)

/* A literal as a roomcast_slice: config.health_path = ROOMCAST_SLICE("/health"). */
#ifdef __cplusplus
#define ROOMCAST_SLICE(literal) (roomcast_slice{(literal), sizeof(literal) - 1})
#else
#define ROOMCAST_SLICE(literal) ((roomcast_slice){(literal), sizeof(literal) - 1})
#endif

/* The same as an initialiser, for what is static too: static const roomcast_slice room = ROOMCAST_SLICE_INIT("lobby"). */
#define ROOMCAST_SLICE_INIT(literal) {(literal), sizeof(literal) - 1}

/* A text that ends in a NUL as a roomcast_slice, which borrows it. */
static inline roomcast_slice roomcast_slice_of(const char *text)
{
    roomcast_slice slice;
    slice.ptr = text;
    slice.len = strlen(text);
    return slice;
}

/* The defaults, for a variable of a function: roomcast_config config = ROOMCAST_CONFIG_INIT. */
#define ROOMCAST_CONFIG_INIT roomcast_config_default()

static inline roomcast_config roomcast_config_default(void)
{
    roomcast_config config;
    memset(&config, 0, sizeof config);
    roomcast_config_init(&config, sizeof config);
    return config;
}

/* Structs with their size set and all else 0: roomcast_target target = ROOMCAST_TARGET_INIT. */
@initialisers@

/* Whether it is a message of this name, which ends in a NUL. */
static inline int roomcast_event_is(const roomcast_event *event, const char *name)
{
    size_t len = strlen(name);
    return event->kind == ROOMCAST_EVENT_MESSAGE && event->name_len == len
           && (len == 0 || memcmp(event->name, name, len) == 0);
}

#endif  /* ROOMCAST_NO_HELPERS */
