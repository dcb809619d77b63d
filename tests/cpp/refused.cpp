// What must not compile, one CASE each, with a word of the compiler's answer in front of the reason; CASE 0 is the same
// program with nothing wrong in it. It is never linked or run.
#include "roomcast.hpp"

void refused(roomcast::broker& broker, roomcast::ns ns, roomcast::socket socket, roomcast::remote& remote) {
#if CASE == 0
    roomcast::broker moved = std::move(broker);
    moved.join(socket, "lobby").or_throw();
    moved.emit(roomcast::target(ns).rooms({"a"}), {"said", "[]"}).or_throw();
#elif CASE == 1
    roomcast::broker copy = broker; // deleted: a broker has one owner
#elif CASE == 2
    roomcast::remote copy = remote; // deleted: clone() shows that it can fail
#elif CASE == 3
    broker.join(ns, "lobby").or_throw(); // conver: a namespace is no socket
#elif CASE == 4
    broker.join(7, "lobby").or_throw(); // conver: nor is any number
#elif CASE == 5
    broker.flush(); // ignoring: a status is not dropped unseen
#elif CASE == 6
    auto kept = roomcast::target(ns).rooms({"a"}); // deleted: it would point to what is gone
#elif CASE == 7
    auto kept = roomcast::message("said", "[]").latest(1); // deleted: the same
#elif CASE == 8
    broker.emit(ns, nullptr).or_throw(); // deleted: it is no text
#elif CASE == 9
    roomcast::router::member member = roomcast::router::connection(1); // conver: numbers have a kind
#elif CASE == 10
    int sent = broker.emit(ns, "said"); // conver: a status is no number
#elif CASE == 11
    int port = broker.listen("::", 3000); // conver: a result is not its value
#endif
    static_cast<void>(broker), static_cast<void>(ns), static_cast<void>(socket), static_cast<void>(remote);
}
