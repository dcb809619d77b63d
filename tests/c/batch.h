/* A packed batch, as a host writes it. It must not check what is put into it: broken ones are tested too. */
#ifndef BATCH_H
#define BATCH_H

#include "support.h"

typedef struct batch {
    uint8_t at[8192];
    size_t len, start; /* where the last record begins */
} batch;

/* The lowest bytes of a number, the lowest first. */
static void batch_put(batch *b, uint64_t value, size_t bytes) {
    while (bytes-- > 0) {
        b->at[b->len++] = (uint8_t)value;
        value >>= 8;
    }
}

static void batch_put_bytes(batch *b, const char *bytes, size_t len) {
    memcpy(b->at + b->len, bytes, len);
    b->len += len;
}

/* A text behind its length. */
static void batch_put_text(batch *b, const char *text) {
    batch_put(b, strlen(text), 4);
    batch_put_bytes(b, text, strlen(text));
}

/* A record begins: with its size, which is known when it ends. */
static void batch_begin(batch *b) {
    b->start = b->len;
    batch_put(b, 0, 4);
}

/* It ends at a multiple of 8 bytes. */
static void batch_end(batch *b) {
    size_t size, i;
    while (b->len % 8 != 0) {
        batch_put(b, 0, 1);
    }
    size = b->len - b->start;
    for (i = 0; i < 4; i++) {
        b->at[b->start + i] = (uint8_t)(size >> 8 * i);
    }
}

#endif
