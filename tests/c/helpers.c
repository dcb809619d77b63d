/* What the header compiles into a program, and the JSON strings of the library. It needs no client. */
#include "support.h"

static const roomcast_slice rooms[] = {ROOMCAST_SLICE_INIT("red"), ROOMCAST_SLICE_INIT("")};
static const roomcast_target nobody_yet = ROOMCAST_TARGET_INIT;

static void slices(void) {
    roomcast_slice made = ROOMCAST_SLICE("lobby");
    roomcast_slice several[] = {ROOMCAST_SLICE("a"), ROOMCAST_SLICE("b\0c")};
    CHECK(slice_is(made, "lobby") && made.len == 5);
    made = ROOMCAST_SLICE("other");
    CHECK(slice_is(made, "other"));
    CHECK(slice_is(several[0], "a") && several[1].len == 3 && memcmp(several[1].ptr, "b\0c", 3) == 0);
    CHECK(slice_is(rooms[0], "red") && rooms[1].len == 0);
    CHECK(slice_is(roomcast_slice_of("text"), "text") && roomcast_slice_of("").len == 0);
}

#define SIZED(type, init)                                                                          \
    do {                                                                                           \
        type made = init, zero;                                                                    \
        memset(&zero, 0, sizeof zero);                                                             \
        zero.struct_size = sizeof zero;                                                            \
        CHECK(memcmp(&made, &zero, sizeof zero) == 0);                                             \
    } while (0)

static void initialisers(void) {
    roomcast_config config = ROOMCAST_CONFIG_INIT, filled;
    roomcast_broker *broker = NULL;
    memset(&filled, 0, sizeof filled);
    OK(roomcast_config_init(&filled, sizeof filled));
    CHECK(config.struct_size == sizeof config && config.ping_interval == filled.ping_interval && config.polling == 1);
    CHECK(slice_is(config.path, "/socket.io/"));
    SIZED(roomcast_target, ROOMCAST_TARGET_INIT);
    SIZED(roomcast_message, ROOMCAST_MESSAGE_INIT);
    SIZED(roomcast_handshake, ROOMCAST_HANDSHAKE_INIT);
    SIZED(roomcast_histogram, ROOMCAST_HISTOGRAM_INIT);
    SIZED(roomcast_selection, ROOMCAST_SELECTION_INIT);
    CHECK(nobody_yet.struct_size == sizeof nobody_yet && nobody_yet.rooms == NULL);
    config.health_path = ROOMCAST_SLICE("/health");
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_free(broker);
}

static void names(void) {
    roomcast_event event;
    CLEAR(event);
    event.kind = ROOMCAST_EVENT_MESSAGE;
    CHECK(roomcast_event_is(&event, "") && !roomcast_event_is(&event, "say"));
    event.name = "says";
    event.name_len = 3;
    CHECK(roomcast_event_is(&event, "say"));
    CHECK(!roomcast_event_is(&event, "sa") && !roomcast_event_is(&event, "says") && !roomcast_event_is(&event, "saw"));
    event.kind = ROOMCAST_EVENT_ROOM_CREATED;
    CHECK(!roomcast_event_is(&event, "say"));
}

/* The text's JSON string is this one, in a buffer of just its size; and back. */
static void both(const char *text, size_t text_len, const char *string) {
    size_t len = strlen(string), written = 77, cap;
    char *out = (char *)malloc(len), *back = (char *)malloc(text_len + 1);
    for (cap = 0; cap < len; cap++) {
        memset(out, 'x', len);
        IS(ROOMCAST_ERROR_TOO_SMALL, roomcast_json_escape(text, text_len, out, cap, &written));
        CHECK(written == 77 && out[0] == 'x');
    }
    OK(roomcast_json_escape(text, text_len, out, len, &written));
    CHECK(written == len && memcmp(out, string, len) == 0 && written <= 6 * text_len + 2);
    for (cap = 0; cap < text_len; cap++) {
        IS(ROOMCAST_ERROR_TOO_SMALL, roomcast_json_unescape(string, len, back, cap, &written));
        CHECK(written == len);
    }
    OK(roomcast_json_unescape(string, len, back, text_len, &written));
    CHECK(written == text_len && memcmp(back, text, text_len) == 0);
    free(out);
    free(back);
}

static void becomes(const char *string, const char *text) {
    char out[64];
    size_t written = 0;
    OK(roomcast_json_unescape(string, strlen(string), out, sizeof out, &written));
    CHECK(written == strlen(text) && memcmp(out, text, written) == 0);
}

static void json(void) {
    static const char *const none[] = {"",      "x",      "\"",        "\"\\\"",     "\"a\"b",    "\"\\x\"",
                                       "[\"a\"]", "1",      "{\"a\":1}", "null",       "\"\\u12\"", "\"\n\"",
                                       "\"a\",",  "\"a\" 1", "'a'",       "\"\\ud83d", "\"a"};
    char out[8];
    size_t written = 77, at;
    both("", 0, "\"\"");
    both("plain", 5, "\"plain\"");
    both("\"\\/", 3, "\"\\\"\\\\/\"");
    both("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    both("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
    both("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 15, "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
    becomes(" \t\"a\\/b\"\r\n", "a/b");
    becomes("\"\\u00fc\\u20AC\\ud83d\\uDE00\"", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
    becomes("\"\\ud83d!\"", "\xef\xbf\xbd!");
    becomes("\"\\ude00\"", "\xef\xbf\xbd");
    for (at = 0; at < sizeof none / sizeof *none; at++) {
        IS(ROOMCAST_ERROR_BAD_DATA, roomcast_json_unescape(none[at], strlen(none[at]), out, sizeof out, &written));
    }
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_json_unescape("\"\xff\"", 3, out, sizeof out, &written));
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_json_escape("\xff", 1, out, sizeof out, &written));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_escape(NULL, 1, out, sizeof out, &written));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_escape("a", 1, NULL, sizeof out, &written));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_escape("a", 1, out, sizeof out, NULL));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_unescape(NULL, 1, out, sizeof out, &written));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_unescape("\"a\"", 3, NULL, sizeof out, &written));
    IS(ROOMCAST_ERROR_NULL, roomcast_json_unescape("\"a\"", 3, out, sizeof out, NULL));
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_json_escape("a", SIZE_MAX, out, sizeof out, &written));
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_json_unescape("\"a\"", SIZE_MAX, out, sizeof out, &written));
    CHECK(written == 77);
    /* Nothing fits into nothing. */
    OK(roomcast_json_unescape("\"\"", 2, NULL, 0, &written));
    CHECK(written == 0);
}

int main(void) {
    slices();
    initialisers();
    names();
    json();
    return 0;
}
