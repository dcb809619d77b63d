// roomcast.hpp without a client: types, errors, owners, lists, the router. It must not assume exceptions: it is
// compiled with and without them.
#ifndef __cpp_exceptions
#include "failures.hpp"
#define ROOMCAST_THROW(failed) failures::note((failed).code())
#endif
#include "roomcast.hpp"

#include "check.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <thread>
#include <unordered_set>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
#include <span>
#endif

using namespace std::chrono_literals;
namespace rc = roomcast;
using rc::errc;

// ---- Types ----

template <class T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T>&& std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<rc::broker> && moves_only<rc::remote> && moves_only<rc::router>);
static_assert(moves_only<rc::result<rc::broker>> && moves_only<rc::events>);
static_assert(sizeof(rc::broker) == sizeof(void*) && sizeof(rc::remote) == sizeof(void*));
static_assert(!std::is_move_constructible_v<rc::target> && !std::is_move_constructible_v<rc::message>);

static_assert(sizeof(rc::socket) == 8 && std::is_trivially_copyable_v<rc::socket>);
static_assert(!std::is_convertible_v<rc::socket, rc::ns> && !std::is_constructible_v<rc::ns, rc::socket>);
static_assert(!std::is_convertible_v<std::uint64_t, rc::socket> && !std::is_convertible_v<rc::socket, std::uint64_t>);
static_assert(!std::is_convertible_v<rc::socket, bool> && std::is_constructible_v<bool, rc::socket>);
static_assert(!std::is_convertible_v<rc::router::member, rc::router::connection>);
static_assert(!std::is_constructible_v<rc::slice, std::nullptr_t>);
static_assert(rc::slice("lobby").len == 5 && rc::slice().len == 0);
static_assert(std::is_trivially_copyable_v<rc::event>);
#if __cplusplus >= 202002L
static_assert(std::ranges::input_range<rc::events> && std::ranges::input_range<rc::texts>);
static_assert(std::is_convertible_v<std::span<const unsigned char>, rc::slice>);
#endif

static void types() {
    rc::socket none, some(7);
    CHECK(!none && some && none != some && none < some && some == rc::socket(7));
    std::unordered_set<rc::socket> hashed{none, some, rc::socket(7)};
    std::map<rc::ns, int> ordered{{rc::ns(1), 1}, {rc::ns(2), 2}};
    CHECK(hashed.size() == 2 && ordered.size() == 2);

    const std::string text = "text";
    const std::vector<std::uint8_t> bytes{1, 2, 3};
    const std::array<std::byte, 2> more{};
    CHECK(rc::slice(text).ptr == text.data() && rc::slice(text).len == 4);
    CHECK(rc::slice(bytes).ptr == bytes.data() && rc::slice(bytes).len == 3);
    CHECK(rc::slice(more).len == 2 && rc::slice::of(text.data(), 2).len == 2);
    const std::vector<rc::slice> names{"a", text, std::string_view("b")};
    CHECK(rc::list<rc::slice>(names).size() == 3 && rc::list<rc::slice>(names).data()[1].ptr == text.data());
    CHECK(rc::list<rc::socket>(some).size() == 1 && rc::list<rc::socket>().size() == 0);
}

// ---- JSON strings ----

static void json() {
    char out[16];
    CHECK(*rc::json_escape("a\"\n", out, sizeof out) == R"("a\"\n")");
    CHECK(*rc::json_unescape(R"("\u00fc\n")", out, sizeof out) == "\xc3\xbc\n");
    CHECK(rc::json_escape("long enough", out, 12) == errc::too_small && rc::json_unescape("1", out, 16) == errc::bad_data);
}

// ---- Errors ----

static void errors() {
    rc::broker empty;
    CHECK(!empty && empty.flush() == errc::null && empty.flush() != errc::ok);
    const auto bound = empty.listen("127.0.0.1", 0);
    CHECK(!bound && bound.status() == errc::null && *bound == 0);
    CHECK(bound == errc::null && bound != errc::ok && bound.code() == ROOMCAST_ERROR_NULL && bound.value_or(7) == 7);
    CHECK(std::strcmp(bound.text(), bound.status().text()) == 0 && bound.system_error() == 0);
    CHECK(rc::last_error().find("roomcast_listen") == 0);
    CHECK(std::strlen(bound.status().text()) > 0 && bound.status().system_error() == 0);

    auto broker = rc::broker::make().or_throw();
    const std::uint16_t port = broker.listen("127.0.0.1", 0).or_throw();
    CHECK(broker.listen("127.0.0.1", port).status().system_error() == EADDRINUSE);
    CHECK(broker.listen("not an address", 1).status() == errc::bad_address);
    rc::listen_options how;
    how.flags = ROOMCAST_LISTEN_REUSE_PORT;
    CHECK(broker.listen("127.0.0.1", port, how).status().system_error() == EADDRINUSE);
    CHECK(broker.listen("127.0.0.1", 0, how).value_or(0) > 0);
    const rc::identity nobody("no certificate", "no key");
    CHECK(broker.listen_tls("127.0.0.1", 0, rc::tls(nobody)).status() == errc::bad_value);
    CHECK(rc::last_error().find("there is no certificate") != std::string::npos);
    CHECK(broker.set_tls(1, rc::tls(&nobody, 1).ask_clients("", true)) == errc::bad_value);
    CHECK(broker.listen_unix("") == errc::bad_address);
    CHECK(broker.listen_unix("/no/where", how).system_error() == ENOENT);
    CHECK(broker.listen_fd(-1) == errc::bad_value);
    roomcast::listen_options proxied;
    proxied.flags = ROOMCAST_LISTEN_PROXY_PROTOCOL;
    CHECK(broker.listen_fd(-1, proxied) == errc::bad_value);
    CHECK(broker.set_hand_back(true) && broker.set_hand_back(false));
    CHECK(broker.reopen());
    CHECK(broker.take_descriptor(0) == errc::gone);
    CHECK(broker.adopt(-1) == errc::bad_value);
    CHECK(broker.adopt(0, "", "nowhere") == errc::bad_value);
    CHECK(broker.adopt_request(-1, rc::request("GET", "/", {{"Host", "x"}}, "rest", "unix:")) == errc::bad_value);
    CHECK(broker.adopt_request(-1, rc::request("G T", "/")) == errc::bad_value);
    CHECK(rc::last_error().find("method: it is none") != std::string::npos);
    CHECK(broker.add_namespace("a b,c").status() == errc::bad_namespace);
    CHECK(std::move(broker).listen("127.0.0.1", 0).value_or(1) > 1);

    rc::config broken;
    broken.max_poll_packets = 0;
    CHECK(rc::broker::make(broken).status() == errc::bad_config);
    CHECK(rc::last_error().find("max_poll_packets") != std::string::npos);

    const auto sent = broker.emit(rc::ns(12345), "said", "[]");
    CHECK(sent == errc::wrong_kind || sent == errc::gone);
#ifdef __cpp_exceptions
    try {
        sent.or_throw();
        CHECK(!"thrown");
    } catch (const rc::error& error) {
        CHECK(error.code().code() == sent.code() && std::strstr(error.what(), "roomcast_emit"));
    }
    try {
        for (const rc::event& event : empty.poll(0ms)) {
            static_cast<void>(event);
        }
        CHECK(!"thrown");
    } catch (const rc::error& error) {
        CHECK(error.code() == errc::null);
    }
#else
    sent.or_throw();
    CHECK(failures::last() == sent.code());
    for (const rc::event& event : empty.poll(0ms)) {
        static_cast<void>(event);
        CHECK(!"an event");
    }
    CHECK(failures::last() == ROOMCAST_ERROR_NULL);
#endif
    // A poll that was asked does not throw.
    auto turn = empty.poll(0ms);
    CHECK(!turn && turn.status() == errc::null);
    broker.flush().or_throw();
}

// ---- Owners, and the loop ----

static void owners() {
    std::vector<std::pair<std::uint32_t, std::string>> lines;
    rc::broker* inside = nullptr;
    rc::status from_inside;
    auto log = [&](std::uint32_t level, std::string_view text) {
        lines.emplace_back(level, text);
        if (inside != nullptr) {
            from_inside = inside->flush();
        }
    };
    rc::config config;
    config.log_level = ROOMCAST_LOG_INFO;
    config.log_to(log);
    auto broker = rc::broker::make(config).or_throw();
    inside = &broker;
    broker.listen("127.0.0.1", 0).or_throw();
    CHECK(!lines.empty() && lines[0].first == ROOMCAST_LOG_INFO);
    CHECK(from_inside == errc::busy);
    inside = nullptr;

    // What is negative has passed already: it does not wait.
    for (const rc::event& event : broker.poll(-5ms)) {
        CHECK(event.kind() == rc::event_kind::namespace_created);
    }
    CHECK(broker.fd().or_throw() >= 0);
    CHECK(broker.next_timeout().or_throw() >= 0ms);
    CHECK(broker.poll(0ms).or_throw().ok());

    auto remote = broker.remote().or_throw();
    const rc::socket nobody;
    const rc::connection nowhere;
    CHECK(remote.accept(nobody) == errc::no_handle && remote.reject(nobody, "no", "{}") == errc::no_handle);
    CHECK(remote.allow(nowhere) == errc::no_handle && remote.refuse(nowhere, "no") == errc::no_handle);
    CHECK(remote.close(nowhere) == errc::no_handle && remote.set_tag(nobody, 1) == errc::no_handle);
    CHECK(remote.send_text(nowhere, "x") == errc::no_handle && remote.send_binary(nowhere, "x") == errc::no_handle);
    CHECK(remote.leave_all(nobody) == errc::no_handle && remote.ack(nobody, rc::reply_id(1)) == errc::no_handle);
    auto clone = remote.clone().or_throw();
    std::thread thread([clone = std::move(clone)] { clone.wake().or_throw(); });
    CHECK(broker.poll(rc::forever)); // Until the other thread wakes it.
    thread.join();

    rc::broker moved = std::move(broker);
    CHECK(!broker && broker.flush() == errc::null && moved);
    broker = std::move(moved);
    CHECK(broker && !moved);

    roomcast_broker* const raw = broker.get();
    CHECK(roomcast_flush(raw) == ROOMCAST_OK);
    CHECK(broker.close(0ms).ok());
    for (const rc::event& event : broker.drain()) {
        CHECK(event.kind() == rc::event_kind::namespace_created);
    }
    broker = rc::broker();
    CHECK(remote.wake() == errc::closed && remote.emit(rc::ns(1), "x") != errc::ok);
    CHECK(!rc::remote() && rc::remote().wake() == errc::null);
}

// ---- Events ----

static void draining() {
    auto broker = rc::broker::make().or_throw();
    const auto made = [&](const char* first, const char* second, const char* third) {
        for (const char* name : {first, second, third}) {
            broker.add_namespace(name).or_throw();
        }
    };
    std::string seen;
    const auto all = [&](rc::events range) {
        seen.clear();
        for (const rc::event& event : range) {
            CHECK(event.kind() == rc::event_kind::namespace_created && event.ns() && !event.socket() && !event.reply());
            seen += event.name();
        }
        return seen;
    };
    made("/a", "/b", "/c");
    CHECK(all(broker.poll(0ms)) == "/a/b/c" && all(broker.drain()).empty());

    // What a loop does not reach stays, over polls that do not even wait; a copy and its texts as well.
    made("/d", "/e", "/f");
    rc::event kept;
    for (const rc::event& event : broker.poll(0ms)) {
        kept = event;
        break;
    }
    made("/g", "/h", "/i");
    for (const rc::event& event : broker.poll(rc::forever)) {
        CHECK(event.name() == "/e" && kept.name() == "/d");
        break;
    }
    CHECK(all(broker.drain()) == "/f" && all(broker.poll(0ms)) == "/g/h/i");

    made("/j", "/k", "/l");
    broker.poll(0ms).or_throw().status().or_throw();
    std::array<rc::event, 2> batch;
    CHECK(broker.drain(batch.data(), batch.size()).or_throw() == 2 && batch[1].name() == "/k");
    CHECK(broker.drain(batch.data(), batch.size()).or_throw() == 1 && batch[0].name() == "/l");
    CHECK(broker.drain(batch.data(), batch.size()).or_throw() == 0);
    CHECK(broker.drain(nullptr, 1).status() == errc::null);
}

// ---- The admin interface ----

static void instrumenting() {
    auto broker = rc::broker::make().or_throw();
    CHECK(broker.instrument(rc::admin_options(0)) == errc::bad_value);
    CHECK(broker.instrument(rc::admin_options("admin", "")) == errc::bad_value);
    rc::admin_options how("admin", "secret");
    how.flags = ROOMCAST_ADMIN_READ_ONLY;
    CHECK(broker.instrument(how) && broker.instrument(how) == errc::exists);
    CHECK(broker.add_namespace("/admin").status() == errc::exists);
}

// ---- Namespaces, counts, targets ----

static void targets() {
    auto broker = rc::broker::make().or_throw();
    const auto chat = broker.add_namespace("chat").or_throw();
    CHECK(broker.find_namespace("/chat").or_throw() == chat && broker.name_of(chat).or_throw() == "/chat");
    CHECK(broker.find_namespace("/none").status() == errc::not_found);
    CHECK(broker.add_namespace("/chat", true).status() == errc::exists);
    broker.add_pattern("/game-*").or_throw();

    bool found = false;
    for (const rc::ns each : broker.namespaces().or_throw()) {
        found |= each == chat;
    }
    CHECK(found);
    std::uint64_t namespaces = 0;
    CHECK(broker.metrics().or_throw().find("roomcast_connections ") != std::string_view::npos);
    CHECK(broker.times(ROOMCAST_TIMES_STEPS).or_throw().bucket_count > 0);
    CHECK(broker.times(0).status() == errc::bad_value);
    CHECK(broker.drain_clients(0) == errc::bad_value);
    CHECK(broker.drain_clients(100, "goodbye"));
    CHECK(broker.stop_draining());
    const auto counts = broker.stats().or_throw();
    for (const auto [name, value] : counts) {
        namespaces = name == "namespaces" ? value : namespaces;
    }
    CHECK(namespaces == 2 && counts.size() > 5 && !counts[0].first.empty());

    CHECK(broker.sockets_in(chat).or_throw().empty() && broker.members(chat.room("lobby")).or_throw().empty());
    CHECK(broker.rooms_in(chat).or_throw().size() == 0);

    // Nobody is there: what is checked is that the arguments arrive, and what is wrong with them is noticed.
    const std::vector<rc::slice> rooms{"a", "b"};
    CHECK(broker.emit(chat, "said").ok() && broker.emit(chat.room("lobby"), "said", R"(["hello"])").ok());
    CHECK(broker.emit(chat.room(""), "said").ok());
    CHECK(broker.emit(chat, "said", "{").code() == ROOMCAST_ERROR_BAD_JSON);
    CHECK(rc::last_error().find("wrong at byte 0") != std::string::npos);
    CHECK(broker.emit(chat.room("lobby"), "connect") == errc::reserved_event);
    CHECK(broker.emit(chat.room("lobby"), "said", "[]", rc::socket(1)) == errc::wrong_kind);
    CHECK(broker.emit(chat, {"said", "[]"}).or_throw().recipients == 0);
    CHECK(broker.emit(rc::target(chat).rooms(rooms).except_rooms({"c"}), {"said"}).ok());
    CHECK(broker.emit(rc::target(chat).sockets(rc::socket(1)), {"said"}).status() == errc::wrong_kind);
    CHECK(broker.emit(chat.room("lobby").except({rc::socket(1)}), {"said"}).status() == errc::wrong_kind);
    const std::array<unsigned char, 3> bytes{1, 2, 3};
    const char* const placeholder = R"([{"_placeholder":true,"num":0}])";
    CHECK(broker.emit(chat, rc::message("bin", placeholder).attach({bytes})).ok());
    const char* const second = R"([{"_placeholder":true,"num":1}])";
    CHECK(broker.emit(chat, rc::message("bin", second).attach({bytes})).status() == errc::bad_attachments);
    CHECK(broker.emit(chat, rc::message("bin", second).attach({bytes, bytes})).ok());
    CHECK(rc::message("x").latest(9).raw().key == 9 && rc::message("x").latest(9).raw().delivery == ROOMCAST_LATEST);
    CHECK(rc::message("x").volatile_().raw().delivery == ROOMCAST_VOLATILE);
    CHECK(rc::message("x").local().latest(9).raw().flags == ROOMCAST_MESSAGE_LOCAL && rc::message("x").latest(9).raw().flags == 0);
    CHECK(rc::message("x").latest(9).local().raw().key == 9 && rc::message("x").latest(9).local().raw().flags == ROOMCAST_MESSAGE_LOCAL);
    CHECK(rc::message("x").drop_oldest().raw().delivery == ROOMCAST_DROP_OLDEST);
    const auto awaited = broker.emit_with_ack(chat, {"ask"}, 5s).or_throw();
    CHECK(!awaited.id && awaited.receipt.recipients == 0);
    CHECK(broker.orders_packed(rc::slice()).or_throw() == 0);
    CHECK(broker.orders_packed("too short").status() == errc::bad_value);
    std::size_t made = broker.emit_packed(rc::slice()).or_throw();
    CHECK(made == 0 && broker.emit_packed("too short").status() == errc::bad_value);

    CHECK(broker.ack(rc::socket(1), rc::reply_id(1)) == errc::wrong_kind);
    CHECK(broker.join(rc::socket(1), "a") == errc::wrong_kind && broker.leave_all(rc::socket()) == errc::no_handle);
    CHECK(broker.change_rooms(rc::socket(1), {}, {"a", "b"}).status() == errc::wrong_kind);
    CHECK(broker.find_socket("nobody").status() == errc::not_found);
    CHECK(broker.sockets_join(rc::target(chat), {"a"}).or_throw() == 0);
    CHECK(broker.sockets_join(rc::target(chat), {""}).status() == errc::bad_room);
    CHECK(broker.sockets_leave(rc::target(chat), {"a"}).or_throw() == 0);
    CHECK(broker.disconnect_sockets(rc::target(chat), true).or_throw() == 0);
    CHECK(broker.fetch_sockets(rc::target(chat).rooms({"a"})).or_throw().size() == 0);
    CHECK(broker.drain_packed().or_throw().size() % 8 == 0);

    CHECK(broker.add_namespace("again", true, true, true).status() == errc::ok);
    CHECK(broker.add_namespace("again", true, true).status() == errc::exists);
    CHECK(broker.add_pattern("again-*", true, true, true, true) == errc::ok);
    const std::string kept(broker.export_recovery().or_throw());
    CHECK(broker.import_recovery(kept).or_throw() == 0);
    CHECK(broker.import_recovery(std::string_view(kept).substr(1)).status() == errc::bad_import);
}

// ---- The router ----

static std::string owed(rc::router& router) {
    std::string all;
    for (;;) {
        const auto next = router.next().or_throw();
        if (!next) {
            return all;
        }
        all += std::to_string(next.to.raw) + ":";
        for (const std::string_view range : next.ranges) {
            all += std::string(range) + ";";
        }
    }
}

static void routing() {
    using member = rc::router::member;
    auto router = rc::router::make().or_throw();
    const auto world = router.add_namespace().or_throw();
    for (std::uint32_t number = 0; number < 3; number++) {
        router.add(member(number), world, rc::router::connection(10 + number)).or_throw();
    }
    CHECK(router.add(member(0), world, rc::router::connection(10)) == errc::exists);
    router.join(member(0), "a").or_throw();
    router.change_rooms(member(1), {}, {"a", "b"}).or_throw();

    using to = rc::router::selection;
    CHECK(router.emit(to(world).rooms({"a", "b"}), "one").or_throw() == 2);
    CHECK(router.emit(world, "two").or_throw() == 3);
    CHECK(router.emit(to(world).rooms({"a"}).except(member(0)), "three").or_throw() == 1);
    CHECK(router.emit(to(world).members({member(0), member(2)}).except_rooms({"a"}), "four").or_throw() == 1);
    CHECK(owed(router) == "10:onetwo;11:onetwothree;12:two;four;");
    router.end_tick().or_throw();
    CHECK(owed(router).empty());

    // A list that happens to be empty is not everybody.
    const std::vector<rc::slice> nowhere;
    const std::vector<member> nobody;
    CHECK(router.emit(to(world).rooms(nowhere), "x").or_throw() == 0);
    CHECK(router.emit(to(world).members(nobody), "x").or_throw() == 0);
    CHECK(router.emit(to(world).rooms(nowhere).members(member(2)), "x").or_throw() == 1);
    router.forget(rc::router::connection(12)).or_throw();
    CHECK(owed(router).empty());

    CHECK(router.members_of(world).or_throw().size() == 3);
    const auto in_b = router.members_of(world, "b").or_throw();
    CHECK(in_b.size() == 1 && in_b[0] == member(1));
    const auto rooms = router.rooms_of(member(1)).or_throw();
    CHECK(rooms.size() == 2);
    CHECK(router.members_of(world, "").or_throw().empty() && router.rooms_in(world).or_throw().size() == 2);
    CHECK(router.is_member(member(1), "b").or_throw());
    router.leave(member(1), "b").or_throw();
    CHECK(router.rooms_of(member(1)).or_throw().size() == 1 && !router.is_member(member(1), "b").or_throw());
    router.leave_all(member(1)).or_throw();
    CHECK(router.rooms_of(member(1)).or_throw().empty());

    CHECK(router.emit(world, "five").or_throw() == 3);
    const auto taken = router.take(rc::router::connection(11)).or_throw();
    CHECK(taken && taken.ranges.size() == 1 && taken.ranges[0] == "five");
    CHECK(!router.take(rc::router::connection(11)).or_throw() && owed(router) == "10:five;12:five;");
    CHECK(router.remove_namespace(world) == errc::gone);
    for (std::uint32_t number = 0; number < 3; number++) {
        router.remove(member(number)).or_throw();
    }
    router.remove_namespace(world).or_throw();
}

int main() {
    types();
    json();
    errors();
    owners();
    draining();
    instrumenting();
    targets();
    routing();
    CHECK(!rc::version().empty() && roomcast_abi_version() == ROOMCAST_ABI_VERSION);
    std::printf("%d checks\n", checks);
}
