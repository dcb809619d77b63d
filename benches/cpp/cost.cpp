// What roomcast.hpp costs over roomcast.h: the same work through either, for callgrind to count. It must do nothing
// else: `make bench-cpp` subtracts a run of few rounds from one of many. cost c|cpp emit|target|drain ROUNDS
#include "roomcast.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

constexpr char args[] = R"(["hello",17.5,-3])";
constexpr std::size_t batch = 64;

// An event to a room, and all its lengths known to the compiler, as they mostly are.
void emit_in_c(roomcast_broker* broker, roomcast_namespace ns) {
    if (roomcast_emit(broker, ns, ROOMCAST_TEXT("lobby"), 0, ROOMCAST_TEXT("said"), args, sizeof args - 1) !=
        ROOMCAST_OK) {
        std::abort();
    }
}
void emit_in_cpp(roomcast::broker& broker, roomcast::ns ns) { broker.emit(ns.room("lobby"), "said", args).or_throw(); }

// An event to two rooms but not a third, of a delivery class.
void target_in_c(roomcast_broker* broker, roomcast_namespace ns) {
    const roomcast_slice rooms[] = {{"a", 1}, {"b", 1}};
    const roomcast_slice but{"c", 1};
    roomcast_target target{};
    target.struct_size = sizeof target;
    target.ns = ns;
    target.rooms = rooms;
    target.room_count = 2;
    target.except_rooms = &but;
    target.except_room_count = 1;
    roomcast_message message{};
    message.struct_size = sizeof message;
    message.delivery = ROOMCAST_LATEST;
    message.key = 7;
    message.name = "said";
    message.name_len = 4;
    message.args = args;
    message.args_len = sizeof args - 1;
    roomcast_receipt receipt;
    if (roomcast_emit_to(broker, &target, &message, &receipt) != ROOMCAST_OK) {
        std::abort();
    }
}
void target_in_cpp(roomcast::broker& broker, roomcast::ns ns) {
    broker.emit(roomcast::target(ns).rooms({"a", "b"}).except_rooms({"c"}), roomcast::message("said", args).latest(7))
        .or_throw();
}

// The events that were made, in C by the batch.
std::size_t drain_in_c(roomcast_broker* broker) {
    roomcast_event events[batch];
    std::size_t bytes = 0, count = 0;
    do {
        if (roomcast_events(broker, events, sizeof *events, batch, &count) != ROOMCAST_OK) {
            std::abort();
        }
        for (std::size_t at = 0; at < count; at++) {
            bytes += events[at].name_len;
        }
    } while (count != 0);
    return bytes;
}
std::size_t drain_in_cpp(roomcast::broker& broker) {
    std::size_t bytes = 0;
    for (const roomcast::event& event : broker.drain()) {
        bytes += event.name().size();
    }
    return bytes;
}

std::size_t drain_in_batches(roomcast::broker& broker) {
    roomcast::event events[batch];
    std::size_t bytes = 0;
    while (const std::size_t count = broker.drain(events, batch).or_throw()) {
        for (std::size_t at = 0; at < count; at++) {
            bytes += events[at].name().size();
        }
    }
    return bytes;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    const std::string how = argv[1], what = argv[2];
    const int rounds = std::atoi(argv[3]);
    auto broker = roomcast::broker::make().or_throw();
    const auto ns = broker.add_namespace("/").or_throw();
    if (what == "drain") {
        for (int round = 0; round < rounds; round++) {
            broker.add_namespace(std::to_string(100'000 + round)).or_throw();
        }
        broker.poll(std::chrono::milliseconds(0)).or_throw().status().or_throw();
        const std::size_t bytes = how == "c"       ? drain_in_c(broker.get())
                                  : how == "cpp"   ? drain_in_cpp(broker)
                                  : how == "batch" ? drain_in_batches(broker)
                                                   : 1;
        return bytes == 0;
    }
    const auto repeat = [&](auto call) {
        for (int round = 0; round < rounds; round++) {
            call();
        }
    };
    if (what == "emit" && how == "c") {
        repeat([&] { emit_in_c(broker.get(), ns.raw()); });
    } else if (what == "emit") {
        repeat([&] { emit_in_cpp(broker, ns); });
    } else if (how == "c") {
        repeat([&] { target_in_c(broker.get(), ns.raw()); });
    } else {
        repeat([&] { target_in_cpp(broker, ns); });
    }
}
