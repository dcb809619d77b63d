/* As much JSON as the examples need: look into what a client sent, and write what it gets. The broker has checked that it is
 * JSON, so nothing here has to. It must not allocate. */
#ifndef EXAMPLES_JSON_H
#define EXAMPLES_JSON_H

#include <stddef.h>
#include <stdio.h>
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

/* Four digits. The broker has checked that they are there; no NUL ends what they stand in. */
static inline unsigned json_hex(const char *at)
{
    unsigned code = 0;
    int digit;
    for (digit = 0; digit < 4; digit++, at++)
        code = code << 4 | (unsigned)(*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
    return code;
}

/* One character as UTF-8. Returns its bytes. */
static inline size_t json_utf8(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* A string's text, without the blanks around it, cut after so many characters; `out` holds four bytes for each of them and one
 * more. Nothing, if it is no string. */
static inline void json_text(struct json value, size_t most, char *out)
{
    const char *at = value.text + 1, *end = value.text + value.len - 1;
    size_t len = 0, count = 0;
    if (value.len >= 2 && value.text[0] == '"') {
        while (at < end && count < most) {
            size_t before = len;
            if (*at != '\\') {
                do
                    out[len++] = *at++;
                while (at < end && ((unsigned char)*at & 0xC0) == 0x80);
            } else {
                static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
                const char *escape = strchr(from, at[1]);
                if (at[1] == 'u') {
                    unsigned code = json_hex(at + 2);
                    at += 6;
                    if (code >= 0xD800 && code < 0xDC00 && at + 6 <= end && at[0] == '\\' && at[1] == 'u') {
                        code = 0x10000 + ((code - 0xD800) << 10) + (json_hex(at + 2) & 0x3FF);
                        at += 6;
                    } else if (code >= 0xD800 && code < 0xE000) {
                        code = 0xFFFD; /* half of a character */
                    }
                    if (code != 0)
                        len += json_utf8(code, out + len);
                } else {
                    out[len++] = escape != NULL ? to[escape - from] : at[1];
                    at += 2;
                }
            }
            if (before == 0 && len == 1 && strchr(" \t\r\n", out[0]) != NULL)
                len = 0;
            else
                count++;
        }
    }
    while (len > 0 && strchr(" \t\r\n", out[len - 1]) != NULL)
        len--;
    out[len] = 0;
}

/* Writes a text as a JSON string; `out` holds six bytes for each of its bytes and three more. Returns the end. */
static inline char *json_quote(char *out, const char *text)
{
    *out++ = '"';
    for (; *text != 0; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *out++ = '\\';
            *out++ = *text;
        } else if (byte < 0x20) {
            out += sprintf(out, "\\u%04x", byte);
        } else {
            *out++ = *text;
        }
    }
    *out++ = '"';
    *out = 0;
    return out;
}

#endif
