// A host on roomcast.hpp that tests/cpp/run.mjs plays with, by stock clients. It must not answer from anywhere but the
// broker: what a client hears is what the header did.
//
// It prints its port, then a line for each disconnect. It ends when a client says "quit". With an argument, any, it
// speaks Engine.IO alone, says what it hears, and ends with the connection.
#ifdef __cpp_exceptions
#include <stdexcept>
#endif
#include "roomcast.hpp"

#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace rc = roomcast;
using namespace std::chrono_literals;

namespace {

// The text of a JSON array that holds one text without escapes.
std::string_view only(std::string_view array) { return array.size() < 4 ? "" : array.substr(2, array.size() - 4); }

std::string array_of(std::initializer_list<std::string_view> texts) {
    std::string json = "[";
    for (const auto text : texts) {
        json += (json.size() > 1 ? ",\"" : "\"") + std::string(text) + "\"";
    }
    return json + "]";
}

class host {
public:
    explicit host(const rc::config& config) : broker_(rc::broker::make(config).or_throw()) {
        everybody_ = broker_.add_namespace("/").or_throw();
        broker_.add_namespace("/staff", true).or_throw();
        phones_ = broker_.add_namespace("/phones", false, true).or_throw();
        broker_.serve("/page", "text/plain", "served", {{"X-From", "C++"}}).or_throw();
        std::printf("%d\n", broker_.listen("127.0.0.1", 0).or_throw());
        std::fflush(stdout);
    }

    void run() {
        while (!over_) {
            for (const rc::event& event : broker_.poll()) {
#ifdef __cpp_exceptions
                try {
                    handle(event);
                } catch (const rc::error& error) {
                    std::printf("error %d\n", error.code().code());
                    std::fflush(stdout);
                }
#else
                handle(event);
#endif
                // What is left is there in the next turn.
                if (++events_ % 3 == 0) {
                    break;
                }
            }
        }
        broker_.close(5s).or_throw();
        for (const rc::event& event : broker_.drain()) {
            handle(event);
        }
    }

private:
    // Has another thread order something.
    template <class Order>
    void elsewhere(Order order) {
        std::thread([&order, remote = broker_.remote().or_throw()] { order(remote).or_throw(); }).join();
    }

    void handle(const rc::event& event) {
        switch (event.kind()) {
        case rc::event_kind::handshake:
            if (broker_.handshake_of(event.connection()).or_throw().query("banned").empty()) {
                broker_.add_header(event.connection(), "X-Let", "in").or_throw();
                broker_.allow(event.connection()).or_throw();
            } else {
                elsewhere([&](const rc::remote& remote) { return remote.add_header(event.connection(), "X-Let", "not in"); });
                elsewhere([&](const rc::remote& remote) { return remote.refuse_with(event.connection(), 403, "text/plain", "banned"); });
            }
            break;
        case rc::event_kind::text:
            broker_.send_text(event.connection(), event.data()).or_throw();
            break;
        case rc::event_kind::binary:
            elsewhere([&](const rc::remote& remote) { return remote.send_binary(event.connection(), event.data()); });
            break;
        case rc::event_kind::close:
            over_ = true;
            break;
        case rc::event_kind::connect:
            if (event.recovered()) {
                phone("back", event);
                break;
            }
            broker_.set_tag(event.socket(), event.ns() == phones_ ? 7 : 0).or_throw();
            broker_.join(event.socket(), "lobby").or_throw();
            broker_.emit(event.socket(), "welcome", array_of({broker_.id_of(event.socket()).or_throw()})).or_throw();
            break;
        case rc::event_kind::connect_request:
            if (event.data() == R"({"token":"sesame"})") {
                elsewhere([&](const rc::remote& remote) { return remote.accept(event.socket()); });
            } else {
                broker_.reject(event.socket(), "not authorized", R"({"retry":false})").or_throw();
            }
            break;
        case rc::event_kind::message:
            message(event);
            break;
        case rc::event_kind::ack:
            answers_[event.ack()].emplace_back(only(event.data()));
            if (event.missing() == 0) {
                asked(event, "all");
            }
            break;
        case rc::event_kind::ack_end:
            asked(event, event.timed_out() ? "late" : "gone");
            break;
        case rc::event_kind::session_expired:
            phone("expired", event);
            break;
        case rc::event_kind::disconnect: {
            if (event.recoverable()) {
                phone("away", event);
                break;
            }
            std::printf("gone: %s, from", rc::to_string(event.reason()));
            for (const std::string_view room : event.rooms()) {
                std::printf(" %.*s", static_cast<int>(room.size()), room.data());
            }
            std::printf("\n");
            std::fflush(stdout);
            break;
        }
        default:
            break;
        }
    }

    void message(const rc::event& event) {
        const rc::socket who = event.socket();
        if (event.is("say")) {
            broker_.emit(everybody_.room("lobby"), "said", event.data(), who).or_throw();
            elsewhere([&](const rc::remote& remote) { return remote.ack(event, R"(["ok"])"); });
        } else if (event.is("nowhere")) {
            // A room whose name came out empty is nobody's; and so are no rooms at all.
            const std::vector<rc::slice> rooms;
            broker_.emit(everybody_.room(""), "said", R"(["to an empty name"])").or_throw();
            const auto sent = broker_.emit(rc::target(everybody_).rooms(rooms), {"said", R"(["to no rooms"])"});
            broker_.ack(event, "[" + std::to_string(sent->recipients) + "]").or_throw();
        } else if (event.is("move")) {
            const auto changed = broker_.change_rooms(who, {"lobby"}, {"4:7", "4:8"}).or_throw();
            std::string names = std::to_string(changed);
            for (const std::string_view room : broker_.rooms_of(who).or_throw()) {
                names += " " + std::string(room);
            }
            names +=
                broker_.is_member(who, "4:7").or_throw() && !broker_.is_member(who, "lobby").or_throw() ? " moved" : "";
            broker_.ack(event, array_of({names})).or_throw();
        } else if (event.is("state")) {
            const auto to = broker_.emit(rc::target(everybody_).rooms({"4:7", "4:8"}).except(who),
                                         rc::message("state", event.data()).latest(who.raw()));
            broker_.flush().or_throw();
            broker_.ack(event, "[" + std::to_string(to.or_throw().recipients) + "]").or_throw();
        } else if (event.is("binary")) {
            broker_
                .emit(rc::target(everybody_).sockets(who),
                      rc::message("binary", event.data()).attach(event.attachments()))
                .or_throw();
            broker_.ack(event, R"([{"_placeholder":true,"num":0}])", event.attachments()).or_throw();
        } else if (event.is("ask")) {
            // What was asked for is found by the context, without a map.
            broker_.emit_with_ack(everybody_.room("lobby").except(who), {"asked"}, 2s, asking_.size()).or_throw();
            asking_.emplace_back(who, event.reply());
        } else if (event.is("who")) {
            who_is(event);
        } else if (event.is("thread")) {
            std::thread([this, remote = broker_.remote().or_throw()] {
                remote.emit(everybody_.room("lobby"), "said", R"(["from a thread"])").or_throw();
                remote.emit(rc::target(everybody_).rooms({"4:7"}), {"said", R"(["to a cell"])"}).or_throw();
            }).join();
        } else if (event.is("errand")) {
            // What a thread orders is carried out in its order.
            std::thread([this, who, remote = broker_.remote().or_throw().clone().or_throw()] {
                remote.leave(who, "lobby").or_throw();
                remote.join(who, "vault").or_throw();
                remote.emit(everybody_.room("vault"), "said", R"(["in the vault"])").or_throw();
                remote.sockets_join(rc::target(everybody_).rooms({"vault"}), {"attic", "shed"}).or_throw();
                remote.sockets_leave(rc::target(everybody_).rooms({"attic"}), {"attic", "shed"}).or_throw();
                remote.disconnect_sockets(rc::target(everybody_).rooms({"shed"}), true).or_throw();
                remote.leave_all(who).or_throw();
                remote.change_rooms(who, {}, {"attic", "cellar"}).or_throw();
                remote.emit(everybody_.room("vault"), "said", R"(["too late"])").or_throw();
                remote.emit(everybody_.room(""), "said", R"(["to an empty name"])").or_throw();
                remote.emit(everybody_, who, "said", R"(["to one"])").or_throw();
                remote.emit(everybody_, "said", R"(["to the others"])", who).or_throw();
                remote.disconnect(who).or_throw();
            }).join();
        } else if (event.is("call")) {
            broker_.emit(rc::target(phones_).rooms({"lobby"}), {"said", event.data()}).or_throw();
            broker_.ack(event).or_throw();
        } else if (event.is("cancel")) {
            broker_.disconnect_sockets(rc::target(phones_)).or_throw();
        } else if (event.is("fail")) {
            broker_.ack(event, "no JSON").or_throw();
        } else if (event.is("quit")) {
            over_ = true;
        }
    }

    // What becomes of a client that loses its connection, and how many have.
    void phone(const char* what, const rc::event& event) {
        std::printf("%s, tag %d:", what, static_cast<int>(event.tag()));
        for (const auto& [name, count] : broker_.stats().or_throw()) {
            if (name == "away" || name == "sessions_recovered" || name == "sessions_expired") {
                std::printf(" %.*s %d", static_cast<int>(name.size()), name.data(), static_cast<int>(count));
            }
        }
        std::printf("\n");
        std::fflush(stdout);
    }

    // What is known of a client: its room's members, its handshake, its handles.
    void who_is(const rc::event& event) {
        const rc::socket who = event.socket();
        const std::string id(broker_.id_of(who).or_throw());
        const bool same =
            broker_.find_socket(id).or_throw() == who && broker_.namespace_of(who).or_throw() == everybody_;
        std::size_t members = 0;
        for (const rc::socket member : broker_.members(everybody_.room(id)).or_throw()) {
            members += member == who;
        }
        const rc::connection connection = broker_.connection_of(who).or_throw();
        const bool websocket = broker_.is_websocket(connection).or_throw();
        const auto handshake = broker_.handshake_of(who).or_throw();
        const bool whole = handshake.headers().size() > 3 && handshake.query().size() > 2 &&
                           handshake.query("nothing").empty() && handshake.url().rfind("/socket.io/?", 0) == 0;
        const bool local = handshake.address().rfind("127.0.0.1:", 0) == 0 && handshake.connection() == connection &&
                           handshake.websocket() == websocket && handshake.issued() <= std::chrono::system_clock::now();
        broker_
            .ack(event,
                 array_of({same && members == 1 && local && whole ? "consistent" : "inconsistent",
                           websocket ? "websocket" : "polling", handshake.header("x-agent"), handshake.query("token")}))
            .or_throw();
    }

    void asked(const rc::event& end, std::string_view how) {
        const auto [who, reply] = asking_.at(end.context());
        std::string all(how);
        for (const auto& answer : answers_[end.ack()]) {
            all += " " + answer;
        }
        broker_.ack(who, reply, array_of({all})).or_throw();
        answers_.erase(end.ack());
    }

    rc::broker broker_;
    rc::ns everybody_, phones_;
    std::map<rc::ack_id, std::vector<std::string>> answers_;
    std::vector<std::pair<rc::socket, rc::reply_id>> asking_;
    unsigned events_ = 0;
    bool over_ = false;
};

} // namespace

int main(int argc, char**) {
    // Guessable, as no server's may be: a test has to know them.
    int made = 0;
    auto ids = [&](char* out, std::size_t cap) {
        return static_cast<std::size_t>(std::snprintf(out, cap, "cpp-%d", ++made));
    };
    rc::config config;
    config.guard_handshakes = 1;
    config.engine_only = argc > 1;
    config.ids_from(ids);
    host(config).run();
}
