/* A game server on roomcast: cells are rooms, positions are latest, shots are reliable, one flush a tick. It must not tell
 * a player of anything that is more than a cell away.
 *
 * arena [PORT [DIRECTORY OF THE PAGE [PATH OF socket.io.min.js]]] */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <roomcast.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TICK_RATE = 30,
    WIDTH = 4000,
    HEIGHT = 3000,
    CELL = 250,
    COLUMNS = WIDTH / CELL,
    ROWS = HEIGHT / CELL,
    SPEED = 9, /* a tick */
    RADIUS = 16,
    SHOT_SPEED = 24,
    SHOT_TICKS = 20,
    RELOAD = TICK_RATE / 4,
    FULL_HEALTH = 5,
    MAX_PLAYERS = 4096,
    MAX_SHOTS = 16384,
    NAME = 64 /* bytes of a name as JSON, quotes included */
};

struct player {
    roomcast_socket socket; /* 0: free */
    int cell;
    double x, y, dx, dy, angle;
    int health, score, reload;
    int changed; /* since its position was last sent */
    char name[NAME];
};

struct shot {
    double x, y, dx, dy;
    int ticks;
    int owner;
};

static struct {
    roomcast_broker *broker;
    roomcast_namespace ns;
    struct player players[MAX_PLAYERS];
    int player_count; /* the highest used index, plus 1 */
    struct shot shots[MAX_SHOTS];
    int shot_count;
    char names[COLUMNS * ROWS][8];
    roomcast_slice rooms[COLUMNS * ROWS];
    unsigned tick;
} world;

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* ---- cells ---- */

static int cell_at(double x, double y)
{
    return (int)y / CELL * COLUMNS + (int)x / CELL;
}

/* The rooms around a cell, its own among them: up to nine. */
static size_t around(int cell, roomcast_slice *rooms)
{
    int column = cell % COLUMNS, row = cell / COLUMNS, x, y;
    size_t count = 0;
    for (y = row - 1; y <= row + 1; y++)
        for (x = column - 1; x <= column + 1; x++)
            if (x >= 0 && x < COLUMNS && y >= 0 && y < ROWS)
                rooms[count++] = world.rooms[y * COLUMNS + x];
    return count;
}

/* ---- emits: their arguments are JSON; without rooms (NULL) to everybody ---- */

static void emit(const roomcast_slice *rooms, size_t room_count, uint32_t delivery, uint64_t key, const char *name,
                 const char *format, ...)
{
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_message message = ROOMCAST_MESSAGE_INIT;
    char args[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(args, sizeof args, format, list);
    va_end(list);

    target.flags = rooms == NULL ? ROOMCAST_TARGET_ALL : 0;
    target.ns = world.ns;
    target.rooms = rooms;
    target.room_count = room_count;
    message.delivery = delivery;
    message.key = key;
    message.name = name;
    message.name_len = strlen(name);
    message.args = args;
    message.args_len = strlen(args);
    if (roomcast_emit_to(world.broker, &target, &message, NULL) != ROOMCAST_OK) {
        char why[256] = "";
        roomcast_last_error(why, sizeof why);
        fprintf(stderr, "%s\n", why);
    }
}

static size_t write_position(char *out, size_t cap, int id)
{
    const struct player *player = &world.players[id];
    return (size_t)snprintf(out, cap, "[%d,%d,%d,%.2f,%d,%d]", id, (int)player->x, (int)player->y, player->angle,
                            player->health, player->score);
}

static void emit_position(int id)
{
    char args[128];
    write_position(args, sizeof args, id);
    emit(&world.rooms[world.players[id].cell], 1, ROOMCAST_LATEST, (uint64_t)id, "p", "%s", args);
}

static void emit_gone(int id)
{
    roomcast_slice rooms[9];
    size_t count = around(world.players[id].cell, rooms);
    emit(rooms, count, ROOMCAST_RELIABLE, 0, "gone", "[%d]", id);
}

/* ---- players ---- */

/* The player of an event's socket, or -1: the socket's tag is one more than its number. An event that was waiting already when
 * the tag was set does not carry it; such a one asks for it. */
static int find(const roomcast_event *event)
{
    uint64_t tag = event->tag;
    if (tag == 0)
        roomcast_get_tag(world.broker, event->socket, &tag);
    return (int)tag - 1;
}

/* The player sees the cells around `cell`, and no others any more. */
static void look(int id, int before, int cell)
{
    struct player *player = &world.players[id];
    roomcast_slice leave[9], join[9];
    size_t leave_count = before < 0 ? 0 : around(before, leave);
    size_t join_count = around(cell, join);
    int other;

    player->cell = cell;
    /* What is in both lists is kept. */
    roomcast_change_rooms(world.broker, player->socket, leave, leave_count, join, join_count, NULL);

    /* Those who stand still in the new cells say nothing by themselves. */
    for (other = 0; other < world.player_count; other++) {
        const struct player *seen = &world.players[other];
        int columns = abs(seen->cell % COLUMNS - cell % COLUMNS), rows = abs(seen->cell / COLUMNS - cell / COLUMNS);
        int known = before >= 0 && abs(seen->cell % COLUMNS - before % COLUMNS) <= 1
                    && abs(seen->cell / COLUMNS - before / COLUMNS) <= 1;
        if (seen->socket != 0 && columns <= 1 && rows <= 1 && !known) {
            char args[128];
            size_t len = write_position(args, sizeof args, other);
            roomcast_send(world.broker, player->socket, ROOMCAST_TEXT("p"), args, len);
        }
    }
}

static void spawn(int id)
{
    struct player *player = &world.players[id];
    int before = player->cell;
    player->x = RADIUS + rand() % (WIDTH - 2 * RADIUS);
    player->y = RADIUS + rand() % (HEIGHT - 2 * RADIUS);
    player->health = FULL_HEALTH;
    player->changed = 1;
    look(id, before, cell_at(player->x, player->y));
}

static int add_player(roomcast_socket socket, const char *name, size_t len)
{
    int id = 0;
    while (id < world.player_count && world.players[id].socket != 0)
        id++;
    /* A socket that is gone already has no tag, and no later event. */
    if (id == MAX_PLAYERS || roomcast_set_tag(world.broker, socket, (uint64_t)id + 1) != ROOMCAST_OK)
        return -1;
    if (id == world.player_count)
        world.player_count++;
    memset(&world.players[id], 0, sizeof world.players[id]);
    world.players[id].socket = socket;
    world.players[id].cell = -1;
    memcpy(world.players[id].name, name, len);
    spawn(id);
    return id;
}

static void remove_player(int id)
{
    int at;
    emit_gone(id);
    for (at = 0; at < world.shot_count; at++)
        if (world.shots[at].owner == id)
            world.shots[at].owner = -1;
    world.players[id].socket = 0;
    while (world.player_count > 0 && world.players[world.player_count - 1].socket == 0)
        world.player_count--;
}

static void shoot(int id, double angle)
{
    struct player *player = &world.players[id];
    struct shot *shot;
    roomcast_slice rooms[9];
    size_t count;

    if (player->reload > 0 || world.shot_count == MAX_SHOTS)
        return;
    player->reload = RELOAD;
    shot = &world.shots[world.shot_count++];
    shot->x = player->x;
    shot->y = player->y;
    shot->dx = cos(angle) * SHOT_SPEED;
    shot->dy = sin(angle) * SHOT_SPEED;
    shot->ticks = SHOT_TICKS;
    shot->owner = id;
    count = around(player->cell, rooms);
    emit(rooms, count, ROOMCAST_RELIABLE, 0, "shot", "[%d,%d,%d,%.1f,%.1f]", id, (int)shot->x, (int)shot->y, shot->dx,
         shot->dy);
}

/* ---- what clients say ---- */

/* Reads up to `cap` numbers from the front of a JSON array of numbers. The broker has checked that it is JSON. */
static int numbers(const roomcast_event *event, double *out, int cap)
{
    char text[128], *at = text + 1;
    int count = 0;
    if (event->data_len >= sizeof text)
        return 0;
    memcpy(text, event->data, event->data_len);
    text[event->data_len] = 0;
    while (count < cap) {
        char *end;
        double number = strtod(at, &end);
        if (end == at || !isfinite(number))
            break;
        out[count++] = number;
        at = end + (*end == ',');
    }
    return count;
}

/* The first argument, if it is a string that is short enough: as JSON, quotes included. */
static size_t string(const roomcast_event *event, const char **out)
{
    size_t at;
    if (event->data_len < 3 || event->data[1] != '"')
        return 0;
    for (at = 2; event->data[at] != '"'; at++)
        if (event->data[at] == '\\')
            at++;
    *out = event->data + 1;
    return at < NAME - 1 ? at : 0;
}

static void answer(const roomcast_event *event, const char *format, ...)
{
    char args[256];
    va_list list;
    if (event->ack == 0)
        return;
    va_start(list, format);
    vsnprintf(args, sizeof args, format, list);
    va_end(list);
    roomcast_ack(world.broker, event->socket, event->ack, args, strlen(args), NULL, 0);
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static void message(const roomcast_event *event)
{
    int id = find(event);
    double given[3];
    const char *name;
    size_t len;

    if (id < 0) {
        if (roomcast_event_is(event, "join") && (len = string(event, &name)) > 0 && (id = add_player(event->socket, name, len)) >= 0)
            answer(event, "[%d,%d,%d,{\"width\":%d,\"height\":%d,\"cell\":%d,\"speed\":%d,\"tick\":%d}]", id,
                   (int)world.players[id].x, (int)world.players[id].y, WIDTH, HEIGHT, CELL, SPEED, TICK_RATE);
    } else if (roomcast_event_is(event, "input") && numbers(event, given, 3) == 3) {
        double length = hypot(given[0], given[1]);
        double scale = length > 1 ? 1 / length : 1;
        world.players[id].dx = given[0] * scale;
        world.players[id].dy = given[1] * scale;
        world.players[id].angle = within(given[2], -7, 7);
        world.players[id].changed = 1;
    } else if (roomcast_event_is(event, "shoot") && numbers(event, given, 1) == 1) {
        shoot(id, given[0]);
    } else if (roomcast_event_is(event, "who") && numbers(event, given, 1) == 1) {
        int who = given[0] >= 0 && given[0] < world.player_count ? (int)given[0] : -1;
        answer(event, "[%s]", who >= 0 && world.players[who].socket != 0 ? world.players[who].name : "null");
    }
}

static void drain(void)
{
    roomcast_event events[64];
    size_t count, at;
    while (roomcast_events(world.broker, events, sizeof *events, 64, &count) == ROOMCAST_OK && count > 0)
        for (at = 0; at < count; at++) {
            if (events[at].kind == ROOMCAST_EVENT_MESSAGE) {
                message(&events[at]);
            } else if (events[at].kind == ROOMCAST_EVENT_DISCONNECT) {
                int id = find(&events[at]);
                if (id >= 0)
                    remove_player(id);
            }
        }
}

/* ---- the tick ---- */

static void hit(int id, int by)
{
    struct player *player = &world.players[id];
    roomcast_slice rooms[9];
    size_t count = around(player->cell, rooms);
    player->health--;
    player->changed = 1;
    emit(rooms, count, ROOMCAST_RELIABLE, 0, "hit", "[%d,%d,%d]", id, by, player->health);
    if (player->health == 0) {
        emit_gone(id);
        player->score = player->score > 0 ? player->score - 1 : 0;
        if (by >= 0) {
            world.players[by].score++;
            world.players[by].changed = 1;
        }
        spawn(id);
    }
}

static int strikes(const struct shot *shot)
{
    int id;
    for (id = 0; id < world.player_count; id++) {
        const struct player *player = &world.players[id];
        double dx = player->x - shot->x, dy = player->y - shot->y, reach = RADIUS + SHOT_SPEED / 2.0;
        if (player->socket != 0 && id != shot->owner && dx * dx + dy * dy < reach * reach)
            return id;
    }
    return -1;
}

static void move_shots(void)
{
    int at = 0;
    while (at < world.shot_count) {
        struct shot *shot = &world.shots[at];
        int target;
        shot->x += shot->dx;
        shot->y += shot->dy;
        target = strikes(shot);
        if (target >= 0)
            hit(target, shot->owner);
        if (target >= 0 || --shot->ticks == 0)
            *shot = world.shots[--world.shot_count];
        else
            at++;
    }
}

static void move_players(void)
{
    int id;
    for (id = 0; id < world.player_count; id++) {
        struct player *player = &world.players[id];
        double x = within(player->x + player->dx * SPEED, RADIUS, WIDTH - RADIUS - 1);
        double y = within(player->y + player->dy * SPEED, RADIUS, HEIGHT - RADIUS - 1);
        if (player->socket == 0)
            continue;
        player->reload -= player->reload > 0;
        player->changed |= (int)x != (int)player->x || (int)y != (int)player->y;
        player->x = x;
        player->y = y;
        if (cell_at(x, y) != player->cell)
            look(id, player->cell, cell_at(x, y));
        if (player->changed || (world.tick + (unsigned)id) % TICK_RATE == 0)
            emit_position(id);
        player->changed = 0;
    }
}

static void emit_top(void)
{
    char args[8 * (NAME + 16) + 16] = "[", *end = args + 1;
    int best[8], count = 0, total = 0, id, at;
    for (id = 0; id < world.player_count; id++) {
        if (world.players[id].socket == 0)
            continue;
        total++;
        for (at = count; at > 0 && world.players[best[at - 1]].score < world.players[id].score; at--)
            if (at < 8)
                best[at] = best[at - 1];
        if (at < 8) {
            best[at] = id;
            count += count < 8;
        }
    }
    for (at = 0; at < count; at++)
        end += sprintf(end, "[%s,%d],", world.players[best[at]].name, world.players[best[at]].score);
    emit(NULL, 0, ROOMCAST_VOLATILE, 0, "top", "%s%d]", args, total);
}

static void sleep_until_next(struct timespec *next)
{
    next->tv_nsec += 1000000000L / TICK_RATE;
    if (next->tv_nsec >= 1000000000L) {
        next->tv_nsec -= 1000000000L;
        next->tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

/* ---- the page ---- */

static int serve(const char *path, const char *type, const char *directory, const char *name)
{
    char file[4096];
    FILE *stream;
    long size;
    char *bytes;
    int done = 0;

    snprintf(file, sizeof file, "%s%s%s", directory, *directory ? "/" : "", name);
    stream = fopen(file, "rb");
    if (stream == NULL)
        return 0;
    if (fseek(stream, 0, SEEK_END) == 0 && (size = ftell(stream)) >= 0 && (bytes = (char *)malloc((size_t)size + 1)) != NULL) {
        rewind(stream);
        done = fread(bytes, 1, (size_t)size, stream) == (size_t)size
               && roomcast_serve(world.broker, path, strlen(path), type, strlen(type), bytes, (size_t)size, NULL, 0)
                      == ROOMCAST_OK;
        free(bytes);
    }
    fclose(stream);
    return done;
}

static int fail(void)
{
    char why[256] = "";
    roomcast_last_error(why, sizeof why);
    fprintf(stderr, "arena: %s\n", why);
    roomcast_free(world.broker);
    return 1;
}

int main(int argc, char **argv)
{
    const char *pages = argc > 2 ? argv[2] : "examples/arena";
    const char *client = argc > 3 ? argv[3] : "tests/interop/node_modules/socket.io-client/dist/socket.io.min.js";
    uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 3000);
    roomcast_config config = ROOMCAST_CONFIG_INIT;
    struct timespec next;
    int cell;

    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    srand((unsigned)time(NULL));
    for (cell = 0; cell < COLUMNS * ROWS; cell++) {
        world.rooms[cell].ptr = world.names[cell];
        world.rooms[cell].len = (size_t)sprintf(world.names[cell], "%d:%d", cell % COLUMNS, cell / COLUMNS);
    }

    config.max_payload = 4096; /* nobody has more to say */
    if (roomcast_new(ROOMCAST_ABI_VERSION, &config, &world.broker) != ROOMCAST_OK
        || roomcast_find_namespace(world.broker, ROOMCAST_TEXT("/"), &world.ns) != ROOMCAST_OK)
        return fail();
    if (!serve("/", "text/html; charset=utf-8", pages, "index.html")
        || !serve("/arena.js", "text/javascript; charset=utf-8", pages, "arena.js")) {
        fprintf(stderr, "arena: no page in %s\n", pages);
        roomcast_free(world.broker);
        return 1;
    }
    if (!serve("/socket.io.js", "text/javascript", "", client))
        fprintf(stderr, "no %s: pages load it from cdn.jsdelivr.net (`make arena` fetches it with npm)\n", client);
    if (roomcast_listen(world.broker, ROOMCAST_TEXT("127.0.0.1"), port, &port) != ROOMCAST_OK)
        return fail();
    printf("listening on http://127.0.0.1:%u\n", port);
    fflush(stdout);

    clock_gettime(CLOCK_MONOTONIC, &next);
    while (!stopping) {
        if (roomcast_poll(world.broker, 0) != ROOMCAST_OK)
            return fail();
        drain();
        move_shots();
        move_players();
        if (world.tick++ % TICK_RATE == 0)
            emit_top();
        roomcast_flush(world.broker);
        sleep_until_next(&next);
    }
    roomcast_close(world.broker, 1000);
    roomcast_free(world.broker);
    return 0;
}
