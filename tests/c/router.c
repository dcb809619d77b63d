/* The router alone: whom an emit reaches and which bytes each connection is owed, compared with a model that keeps sets. */
#include "support.h"

#define MEMBERS 40
#define ROOMS 6
#define OWED 4096

static const char *const NAMES[ROOMS] = {"a", "b", "c", "d", "e", "f"};

typedef struct model {
    int in[MEMBERS][ROOMS], there[MEMBERS];
    char owed[MEMBERS][OWED];
} model;

/* Appends to what a connection was owed; members 2k and 2k+1 share connection k. */
static void owe(model *m, uint32_t member, const char *text) {
    char *at = m->owed[member / 2];
    CHECK(strlen(at) + strlen(text) < OWED);
    strcat(at, text);
}

static void take(model *m, uint32_t connection, const roomcast_slice *ranges, size_t count) {
    const char *expected = m->owed[connection];
    size_t i;
    CHECK(count > 0);
    for (i = 0; i < count; i++) {
        CHECK(strncmp(expected, (const char *)ranges[i].ptr, ranges[i].len) == 0);
        expected += ranges[i].len;
    }
    CHECK(*expected == 0);
    m->owed[connection][0] = 0;
}

static void compared_with_a_model(void) {
    static model m;
    roomcast_router *router;
    roomcast_selection selection;
    const roomcast_slice *slices;
    const uint32_t *members;
    roomcast_slice rooms[2], except_rooms[1];
    uint32_t ns, other, random = 521288629u, connection, yes, who, except;
    size_t step, i, count, reached, expected, steps = scaled(100000) + 2000;
    char text[16];
    OK(roomcast_router_new(ROOMCAST_ABI_VERSION, &router));
    OK(roomcast_router_add_namespace(router, &ns));
    OK(roomcast_router_add_namespace(router, &other));
    CHECK(ns != other);
    for (step = 0; step < steps; step++) {
        uint32_t dice = next_random(&random), room = dice >> 8 & 3, room2 = 2 + (dice >> 10 & 3);
        who = (dice >> 16) % MEMBERS;
        switch (dice % 16) {
        case 0:
            IS(m.there[who] ? ROOMCAST_ERROR_EXISTS : ROOMCAST_OK, roomcast_router_add(router, who, ns, who / 2));
            m.there[who] = 1;
            break;
        case 1:
            if (dice >> 30 == 0) {
                IS(m.there[who] ? ROOMCAST_OK : ROOMCAST_ERROR_GONE, roomcast_router_remove(router, who));
                memset(m.in[who], 0, sizeof m.in[who]);
                m.there[who] = 0;
            }
            break;
        case 2:
        case 3:
        case 4:
            IS(m.there[who] ? ROOMCAST_OK : ROOMCAST_ERROR_GONE, roomcast_router_join(router, who, NAMES[room2], 1));
            m.in[who][room2] = m.there[who];
            break;
        case 5:
            IS(m.there[who] ? ROOMCAST_OK : ROOMCAST_ERROR_GONE, roomcast_router_leave(router, who, NAMES[room], 1));
            m.in[who][room] = 0;
            break;
        case 6:
            rooms[0] = slice(NAMES[room]);
            rooms[1] = slice(NAMES[room2]);
            IS(m.there[who] ? ROOMCAST_OK : ROOMCAST_ERROR_GONE,
               roomcast_router_change_rooms(router, who, rooms, 1, rooms + 1, 1));
            m.in[who][room] = 0;
            m.in[who][room2] = m.there[who];
            break;
        case 7:
            if (dice >> 29 == 0) {
                IS(m.there[who] ? ROOMCAST_OK : ROOMCAST_ERROR_GONE, roomcast_router_leave_all(router, who));
                memset(m.in[who], 0, sizeof m.in[who]);
            }
            break;
        case 8:
            OK(roomcast_router_take(router, who, &slices, &count));
            if (count > 0) {
                take(&m, who, slices, count);
            } else {
                CHECK(who >= MEMBERS / 2 || m.owed[who][0] == 0);
            }
            break;
        case 9:
            if (dice >> 28 == 0) {
                for (;;) {
                    OK(roomcast_router_next(router, &connection, &slices, &count));
                    if (count == 0) {
                        break;
                    }
                    take(&m, connection, slices, count);
                }
                for (i = 0; i < MEMBERS; i++) {
                    CHECK(m.owed[i][0] == 0);
                }
                OK(roomcast_router_end_tick(router));
            }
            break;
        case 10:
            OK(roomcast_router_members(router, ns, NAMES[room], 1, &members, &count));
            for (expected = i = 0; i < MEMBERS; i++) {
                expected += (size_t)m.in[i][room];
            }
            CHECK(count == expected);
            for (i = 0; i < count; i++) {
                CHECK(members[i] < MEMBERS && m.in[members[i]][room]);
            }
            if (m.there[who]) {
                OK(roomcast_router_is_member(router, who, NAMES[room], 1, &yes));
                CHECK((int)yes == m.in[who][room]);
                OK(roomcast_router_rooms_of(router, who, &slices, &count));
                for (expected = i = 0; i < ROOMS; i++) {
                    expected += (size_t)m.in[who][i];
                }
                CHECK(count == expected);
            } else {
                IS(ROOMCAST_ERROR_GONE, roomcast_router_is_member(router, who, NAMES[room], 1, &yes));
                IS(ROOMCAST_ERROR_GONE, roomcast_router_rooms_of(router, who, &slices, &count));
            }
            break;
        default:
            /* Members of two rooms and one member, minus a room and a member. */
            rooms[0] = slice(NAMES[room]);
            rooms[1] = slice(NAMES[room2]);
            except = (dice >> 4) % MEMBERS;
            except_rooms[0] = slice(NAMES[5]);
            CLEAR(selection);
            selection.struct_size = sizeof selection;
            selection.ns = ns;
            selection.rooms = rooms;
            selection.room_count = 2;
            selection.members = &who;
            selection.member_count = 1;
            selection.except_rooms = except_rooms;
            selection.except_room_count = 1;
            selection.except_members = &except;
            selection.except_member_count = 1;
            snprintf(text, sizeof text, "<%u>", (unsigned)(step % 1000));
            if (strlen(m.owed[0]) > OWED - 64) {
                break;
            }
            OK(roomcast_router_emit(router, &selection, text, strlen(text), &reached));
            for (expected = i = 0; i < MEMBERS; i++) {
                int in = m.there[i] && (m.in[i][room] || m.in[i][room2] || i == who);
                if (in && !m.in[i][5] && i != except) {
                    expected++;
                    owe(&m, (uint32_t)i, text);
                }
            }
            CHECK(reached == expected);
        }
        for (i = 0; i < MEMBERS / 2; i++) {
            if (strlen(m.owed[i]) > OWED / 2) {
                OK(roomcast_router_forget(router, (uint32_t)i));
                m.owed[i][0] = 0;
            }
        }
    }
    OK(roomcast_router_rooms_in(router, other, &slices, &count));
    CHECK(count == 0);
    roomcast_router_free(router);
}

static void edges(void) {
    roomcast_router *router;
    roomcast_selection selection;
    const roomcast_slice *slices;
    const uint32_t *members;
    uint32_t ns, connection, yes, made_up = UINT32_MAX;
    size_t count = 7;
    OK(roomcast_router_new(ROOMCAST_ABI_VERSION, &router));
    IS(ROOMCAST_ERROR_GONE, roomcast_router_add(router, 0, 0, 0));
    OK(roomcast_router_add_namespace(router, &ns));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_router_add(router, UINT32_MAX, ns, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_router_add(router, 0, ns, 67108864));
    OK(roomcast_router_add(router, 0, ns, 0));
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_router_join(router, 0, NULL, 0));
    IS(ROOMCAST_ERROR_NULL, roomcast_router_join(router, 0, NULL, 1));
    IS(ROOMCAST_ERROR_GONE, roomcast_router_join(router, UINT32_MAX, "r", 1));
    IS(ROOMCAST_ERROR_GONE, roomcast_router_remove_namespace(router, ns)); /* it has a member */
    IS(ROOMCAST_ERROR_GONE, roomcast_router_remove_namespace(router, UINT32_MAX));
    IS(ROOMCAST_ERROR_GONE, roomcast_router_rooms_in(router, UINT32_MAX, &slices, &count));
    IS(ROOMCAST_ERROR_GONE, roomcast_router_is_member(router, UINT32_MAX, "r", 1, &yes));
    OK(roomcast_router_forget(router, UINT32_MAX));
    OK(roomcast_router_take(router, UINT32_MAX, &slices, &count));
    CHECK(count == 0);
    OK(roomcast_router_members(router, UINT32_MAX, "r", 1, &members, &count));
    CHECK(count == 0);
    /* Nobody by that number; an empty message to everybody; a namespace that is not. */
    CLEAR(selection);
    selection.struct_size = sizeof selection;
    selection.ns = ns;
    selection.members = &made_up;
    selection.member_count = 1;
    OK(roomcast_router_emit(router, &selection, "x", 1, &count));
    CHECK(count == 0);
    selection.flags = ROOMCAST_TARGET_ALL;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_router_emit(router, &selection, "x", 1, &count));
    selection.member_count = 0;
    OK(roomcast_router_emit(router, &selection, NULL, 0, &count));
    CHECK(count == 1);
    selection.flags = 0;
    OK(roomcast_router_emit(router, &selection, "x", 1, &count));
    CHECK(count == 0);
    OK(roomcast_router_everyone(router, ns, &members, &count));
    CHECK(count == 1 && members[0] == 0);
    OK(roomcast_router_members(router, ns, NULL, 0, &members, &count));
    CHECK(count == 0);
    OK(roomcast_router_next(router, &connection, &slices, &count));
    CHECK(count == 0);
    selection.ns = UINT32_MAX;
    OK(roomcast_router_emit(router, &selection, "x", 1, &count));
    CHECK(count == 0);
    IS(ROOMCAST_ERROR_NULL, roomcast_router_emit(router, NULL, "x", 1, &count));
    IS(ROOMCAST_ERROR_NULL, roomcast_router_emit(router, &selection, NULL, 1, &count));
    OK(roomcast_router_remove(router, 0));
    OK(roomcast_router_remove_namespace(router, ns));
    roomcast_router_free(router);
}

int main(void) {
    edges();
    compared_with_a_model();
    return 0;
}
