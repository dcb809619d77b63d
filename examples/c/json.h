/* As much JSON as the examples need beyond what the library has: look into what a client sent. The broker has checked that it is
 * JSON, so nothing here has to. */
#ifndef EXAMPLES_JSON_H
#define EXAMPLES_JSON_H

#include <roomcast.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A value as it stands in its text. */
struct json {
    const char *text;
    size_t len;
};

static inline const char *json_blank(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) != NULL)
        at++;
    return at;
}

/* Behind the value that begins at `at`. */
static inline const char *json_skip(const char *at, const char *end)
{
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '[' || *at == '{') {
            depth++;
            at++;
        } else if (*at == ']' || *at == '}') {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
        } else {
            while (at < end && strchr(",]} \t\r\n", *at) == NULL)
                at++;
        }
    } while (depth > 0 && at < end);
    return at < end ? at : end;
}

/* Calls for each element of an array, or for each name and value of an object, in turn: `at` is where it goes on, NULL at
 * first. Returns 0 when there are no more. */
static inline int json_next(struct json whole, const char **at, struct json *value)
{
    const char *end = whole.text + whole.len;
    if (*at == NULL) {
        *at = json_blank(whole.text, end);
        if (*at == end || (**at != '[' && **at != '{'))
            return 0;
        ++*at;
    }
    *at = json_blank(*at, end);
    if (*at < end && (**at == ',' || **at == ':'))
        *at = json_blank(*at + 1, end);
    if (*at >= end || **at == ']' || **at == '}')
        return 0;
    value->text = *at;
    *at = json_skip(*at, end);
    value->len = (size_t)(*at - value->text);
    return 1;
}

/* The first argument of an event, or nothing. */
static inline struct json json_first(const char *args, size_t len)
{
    struct json whole = { NULL, 0 }, first = { "", 0 };
    const char *at = NULL;
    whole.text = args;
    whole.len = len;
    if (!json_next(whole, &at, &first))
        first.len = 0;
    return first;
}

/* The value of this name in an object, or nothing. */
static inline struct json json_member(struct json object, const char *name)
{
    struct json key = { "", 0 }, value = { "", 0 };
    const char *at = NULL;
    while (json_next(object, &at, &key) && json_next(object, &at, &value))
        if (key.len == strlen(name) + 2 && memcmp(key.text + 1, name, key.len - 2) == 0)
            return value;
    value.text = "";
    value.len = 0;
    return value;
}

/* A string's text, without the blanks around it and without NULs, cut after so many characters; `out` holds four bytes for each
 * of them and one more. Nothing, if it is no string. */
static inline void json_text(struct json value, size_t most, char *out)
{
    char *text = (char *)malloc(value.len + 1); /* never shorter than what it stands for */
    size_t len = 0, at = 0, kept = 0, count = 0;

    if (text == NULL || roomcast_json_unescape(value.text, value.len, text, value.len, &len) != ROOMCAST_OK)
        len = 0;
    while (at < len && count < most) {
        char first = text[at];
        if (first == 0 || (kept == 0 && strchr(" \t\r\n", first) != NULL)) {
            at++;
            continue;
        }
        do
            out[kept++] = text[at++];
        while (at < len && ((unsigned char)text[at] & 0xC0) == 0x80);
        count++;
    }
    while (kept > 0 && strchr(" \t\r\n", out[kept - 1]) != NULL)
        kept--;
    out[kept] = 0;
    free(text);
}

/* Writes a text as a JSON string; `out` holds six bytes for each of its bytes and three more. Returns the end. What is not UTF-8
 * becomes an empty one. */
static inline char *json_quote(char *out, const char *text)
{
    size_t len = strlen(text), written = 0;

    if (roomcast_json_escape(text, len, out, 6 * len + 2, &written) != ROOMCAST_OK)
        roomcast_json_escape("", 0, out, 2, &written);
    out[written] = 0;
    return out + written;
}

#endif
