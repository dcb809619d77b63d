// roomcast.h for C++17 and later: owners that free, handles that do not mix, texts as std::string_view, events as a
// range. It must not add meaning to the C interface, nor cost: everything here is inline over one call. What all of it
// has in common:
//
// Errors. A call that can fail returns a status, or a result<T> with a value. Ask it (`if (auto done = …; !done)`), or
// say `.or_throw()`: it throws roomcast::error, or does what you define ROOMCAST_THROW(status) to do before you include
// this file; without exceptions (-fno-exceptions) it aborts. Nothing else throws but the range of a poll that failed.
// Which errors a call has stands in roomcast.h, at the function that is named with it.
//
// Texts and bytes. A `slice` is made from string literals, std::string, std::string_view, and vectors or arrays of
// bytes. Texts are UTF-8. What you pass in is copied or encoded before a call returns.
//
// Ownership. A broker, a remote and a router free what they hold; they move and do not copy. An empty or moved-from one
// answers errc::null. What you get as std::string_view or view is lent: each function says until when.
//
// Threads. A broker, or a router, belongs to one thread at a time. A remote is for all others.
//
// Nothing is allocated on this side but the text of an error, and no RTTI is needed. All files of a program that
// include this must agree on whether there are exceptions.

#ifndef ROOMCAST_HPP
#define ROOMCAST_HPP

#include "roomcast.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#include <stdexcept>
#define ROOMCAST_HAS_EXCEPTIONS 1
#endif

// What or_throw() does with a failed roomcast::status.
#ifndef ROOMCAST_THROW
#ifdef ROOMCAST_HAS_EXCEPTIONS
#define ROOMCAST_THROW(failed) throw ::roomcast::error(failed)
#else
#define ROOMCAST_THROW(failed) (static_cast<void>(failed), ::std::abort())
#endif
#endif

namespace roomcast {

// ---- Errors ----

// The errors by name; what each means stands in roomcast.h at ROOMCAST_ERROR_….
enum class errc : roomcast_status {
    ok = ROOMCAST_OK,
    gone = ROOMCAST_ERROR_GONE,
    wrong_kind = ROOMCAST_ERROR_WRONG_KIND,
    reserved_event = ROOMCAST_ERROR_RESERVED_EVENT,
    bad_json = ROOMCAST_ERROR_BAD_JSON,
    bad_attachments = ROOMCAST_ERROR_BAD_ATTACHMENTS,
    bad_namespace = ROOMCAST_ERROR_BAD_NAMESPACE,
    bad_room = ROOMCAST_ERROR_BAD_ROOM,
    wrong_state = ROOMCAST_ERROR_WRONG_STATE,
    bad_config = ROOMCAST_ERROR_BAD_CONFIG,
    exists = ROOMCAST_ERROR_EXISTS,
    bad_path = ROOMCAST_ERROR_BAD_PATH,
    bad_data = ROOMCAST_ERROR_BAD_DATA,
    null = ROOMCAST_ERROR_NULL,
    bad_utf8 = ROOMCAST_ERROR_BAD_UTF8,
    bad_size = ROOMCAST_ERROR_BAD_SIZE,
    abi_version = ROOMCAST_ERROR_ABI_VERSION,
    bad_value = ROOMCAST_ERROR_BAD_VALUE,
    bad_address = ROOMCAST_ERROR_BAD_ADDRESS,
    not_found = ROOMCAST_ERROR_NOT_FOUND,
    too_small = ROOMCAST_ERROR_TOO_SMALL,
    no_handle = ROOMCAST_ERROR_NO_HANDLE,
    bad_import = ROOMCAST_ERROR_BAD_IMPORT,
    no_cluster = ROOMCAST_ERROR_NO_CLUSTER,
    bad_id = ROOMCAST_ERROR_BAD_ID,
    too_many = ROOMCAST_ERROR_TOO_MANY,
    full = ROOMCAST_ERROR_FULL,
    too_large = ROOMCAST_ERROR_TOO_LARGE,
    closed = ROOMCAST_ERROR_CLOSED,
    no_entropy = ROOMCAST_ERROR_NO_ENTROPY,
    busy = ROOMCAST_ERROR_BUSY,
    panic = ROOMCAST_ERROR_PANIC,
    poisoned = ROOMCAST_ERROR_POISONED,
    unsupported = ROOMCAST_ERROR_UNSUPPORTED,
    forked = ROOMCAST_ERROR_FORKED,
};

// How a call ended. It converts to true on success, and compares with an errc.
class [[nodiscard]] status {
public:
    // Success.
    constexpr status() noexcept = default;
    constexpr explicit status(roomcast_status code) noexcept : code_(code) {}

    constexpr bool ok() const noexcept { return code_ == ROOMCAST_OK; }
    constexpr explicit operator bool() const noexcept { return ok(); }
    constexpr roomcast_status code() const noexcept { return code_; }

    // The errno of an error of the operating system, else 0.
    constexpr int system_error() const noexcept {
        return code_ <= ROOMCAST_ERROR_SYSTEM ? ROOMCAST_ERROR_SYSTEM - code_ : 0;
    }

    // One sentence about it, for a person. last_error() says more.
    const char* text() const noexcept { return roomcast_status_text(code_); }

    // Does nothing on success; see the top of this file for failure.
    inline void or_throw() const;

    friend constexpr bool operator==(status a, errc b) noexcept { return a.code_ == static_cast<roomcast_status>(b); }
    friend constexpr bool operator!=(status a, errc b) noexcept { return !(a == b); }

private:
    roomcast_status code_ = ROOMCAST_OK;
};

// The text of the last error of this thread: the call, the argument and what is wrong with it. Empty if none failed.
inline std::string last_error() {
    std::string text(roomcast_last_error(nullptr, 0), '\0');
    // The NUL goes where the string has one of its own.
    roomcast_last_error(text.data(), text.size() + 1);
    return text;
}

#ifdef ROOMCAST_HAS_EXCEPTIONS
// What or_throw() throws: the status, and in what() the text of this thread's last error.
class error : public std::runtime_error {
public:
    explicit error(status failed) : std::runtime_error(last_error()), status_(failed) {}
    roomcast::status code() const noexcept { return status_; }

private:
    roomcast::status status_;
};
#endif

inline void status::or_throw() const {
    if (code_ != ROOMCAST_OK) {
        ROOMCAST_THROW(*this);
    }
}

// A value, or why there is none. After a failure the value is an empty one.
template <class T>
class [[nodiscard]] result {
public:
    result(roomcast::status how, T value) noexcept : value_(std::move(value)), status_(how) {}

    bool ok() const noexcept { return status_.ok(); }
    explicit operator bool() const noexcept { return ok(); }
    roomcast::status status() const noexcept { return status_; }

    // As a status has them.
    roomcast_status code() const noexcept { return status_.code(); }
    int system_error() const noexcept { return status_.system_error(); }
    const char* text() const noexcept { return status_.text(); }
    friend bool operator==(const result& a, errc b) noexcept { return a.status_ == b; }
    friend bool operator!=(const result& a, errc b) noexcept { return a.status_ != b; }

    T& operator*() noexcept { return value_; }
    const T& operator*() const noexcept { return value_; }
    T* operator->() noexcept { return &value_; }
    const T* operator->() const noexcept { return &value_; }

    T value_or(T other) const& { return ok() ? value_ : std::move(other); }
    T value_or(T other) && { return ok() ? std::move(value_) : std::move(other); }

    // The value; see the top of this file for failure.
    T or_throw() && {
        status_.or_throw();
        return std::move(value_);
    }
    T& or_throw() & {
        status_.or_throw();
        return value_;
    }
    const T& or_throw() const& {
        status_.or_throw();
        return value_;
    }

private:
    T value_;
    roomcast::status status_;
};

// ---- Texts and bytes, given ----

// A piece of text or bytes that you pass in. It points to what it is made from.
struct slice : roomcast_slice {
    constexpr slice() noexcept : roomcast_slice{nullptr, 0} {}
    slice(std::nullptr_t) = delete;

    // Whatever converts to std::string_view.
    template <class S, std::enable_if_t<std::is_convertible_v<const S&, std::string_view>, int> = 0>
    constexpr slice(const S& text) noexcept : slice(std::string_view(text), 0) {}

    // std::vector<std::uint8_t>, std::array<std::byte, n>, std::span<const unsigned char> and the like.
    template <class C,
              std::enable_if_t<
                  !std::is_convertible_v<const C&, std::string_view> && sizeof(*std::declval<const C&>().data()) == 1 &&
                      std::is_trivially_copyable_v<std::decay_t<decltype(*std::declval<const C&>().data())>>,
                  int> = 0>
    constexpr slice(const C& bytes) noexcept : roomcast_slice{bytes.data(), bytes.size()} {}

    static constexpr slice of(const void* bytes, std::size_t size) noexcept { return slice(bytes, size, 0); }

    constexpr const char* chars() const noexcept { return static_cast<const char*>(ptr); }

private:
    // The last argument keeps braces with two elements from meaning these.
    constexpr slice(std::string_view text, int) noexcept : roomcast_slice{text.data(), text.size()} {}
    constexpr slice(const void* bytes, std::size_t size, int) noexcept : roomcast_slice{bytes, size} {}
};
static_assert(sizeof(slice) == sizeof(roomcast_slice), "a list of them is a list of C's");

// A name and a value that you pass in: a header.
struct pair : roomcast_pair {
    constexpr pair(slice of, slice is) noexcept : roomcast_pair{of, is} {}
};
static_assert(sizeof(pair) == sizeof(roomcast_pair), "a list of them is a list of C's");

// ---- Handles ----

// A number that stands for something of a broker. Different kinds do not mix. One made by default is empty: it names
// nothing.
template <class Kind>
class handle {
public:
    constexpr handle() noexcept = default;
    // From the number that roomcast.h uses, or that you kept.
    constexpr explicit handle(std::uint64_t raw) noexcept : raw_(raw) {}

    constexpr std::uint64_t raw() const noexcept { return raw_; }
    constexpr explicit operator bool() const noexcept { return raw_ != 0; }

    friend constexpr bool operator==(Kind a, Kind b) noexcept { return a.raw() == b.raw(); }
    friend constexpr bool operator!=(Kind a, Kind b) noexcept { return a.raw() != b.raw(); }
    // An order for std::map; it says nothing about age.
    friend constexpr bool operator<(Kind a, Kind b) noexcept { return a.raw() < b.raw(); }

private:
    std::uint64_t raw_ = 0;
};

// One client's presence in one namespace.
struct socket : handle<socket> {
    using handle::handle;
};
// One client's connection, which carries a socket for each namespace that the client joined.
struct connection : handle<connection> {
    using handle::handle;
};
// An acknowledgement that you wait for.
struct ack_id : handle<ack_id> {
    using handle::handle;
};
// An acknowledgement that a client waits for.
struct reply_id : handle<reply_id> {
    using handle::handle;
};

template <class T>
class list;
class room;
class target;

// A namespace.
struct ns : handle<ns> {
    using handle::handle;
    // One of its rooms, to emit to.
    constexpr roomcast::room room(slice name) const noexcept;
};

// A room of a namespace, by its name. It points to the name.
class room {
public:
    constexpr room(roomcast::ns where, slice name) noexcept : ns_(where), name_(name) {}
    constexpr roomcast::ns ns() const noexcept { return ns_; }
    constexpr const slice& name() const noexcept { return name_; }
    // The room's members but these.
    inline target except(list<socket> some) const noexcept;

private:
    roomcast::ns ns_;
    slice name_;
};

constexpr roomcast::room ns::room(slice name) const noexcept { return {*this, name}; }

// ---- Lists, lent and given ----

namespace detail {

inline std::string_view text(const char* ptr, std::size_t size) noexcept {
    return size == 0 ? std::string_view() : std::string_view(ptr, size);
}
inline std::string_view lent(const roomcast_slice& raw) noexcept {
    return text(static_cast<const char*>(raw.ptr), raw.len);
}

// ASCII: a locale has no say in HTTP.
inline bool same_but_for_case(std::string_view a, std::string_view b) noexcept {
    constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (std::size_t at = 0; at < a.size() && a.size() == b.size(); at++) {
        if (lower(a[at]) != lower(b[at])) {
            return false;
        }
    }
    return a.size() == b.size();
}

// From what C lends to what C++ shows.
template <class Value>
struct shown {
    static Value from(std::uint64_t raw) noexcept { return Value(raw); }
    static Value from(std::uint32_t raw) noexcept { return Value(raw); }
};
template <>
struct shown<std::string_view> {
    static std::string_view from(const roomcast_slice& raw) noexcept { return lent(raw); }
};
template <>
struct shown<std::pair<std::string_view, std::string_view>> {
    static std::pair<std::string_view, std::string_view> from(const roomcast_pair& raw) noexcept {
        return {lent(raw.name), lent(raw.value)};
    }
};
template <>
struct shown<std::pair<std::string_view, std::uint64_t>> {
    static std::pair<std::string_view, std::uint64_t> from(const roomcast_stat& raw) noexcept {
        return {raw.name, raw.value};
    }
};

// From what C++ passes to what C takes: a base, or the number inside a handle.
template <class T>
struct given {
    using raw = std::conditional_t<sizeof(T) == sizeof(std::uint64_t), std::uint64_t, std::uint32_t>;
    static_assert(sizeof(T) == sizeof(raw) && std::is_standard_layout_v<T>, "a list of handles is a list of numbers");
    static const raw* all(const T* some) noexcept { return reinterpret_cast<const raw*>(some); }
};
template <>
struct given<slice> {
    using raw = roomcast_slice;
    static const raw* all(const slice* some) noexcept { return some; }
};
template <>
struct given<pair> {
    using raw = roomcast_pair;
    static const raw* all(const pair* some) noexcept { return some; }
};

inline std::int32_t wait(std::chrono::milliseconds time) noexcept {
    return time.count() < 0 ? 0 : time.count() >= INT32_MAX ? -1 : static_cast<std::int32_t>(time.count());
}

} // namespace detail

// A lent array, shown as C++ has it. Values are made as they are read.
template <class Value, class Raw>
class view {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        using reference = Value;
        using pointer = void;

        constexpr iterator() noexcept = default;
        constexpr explicit iterator(const Raw* at) noexcept : at_(at) {}
        Value operator*() const noexcept { return detail::shown<Value>::from(*at_); }
        iterator& operator++() noexcept {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept { return iterator(at_++); }
        friend constexpr bool operator==(iterator a, iterator b) noexcept { return a.at_ == b.at_; }
        friend constexpr bool operator!=(iterator a, iterator b) noexcept { return a.at_ != b.at_; }

    private:
        const Raw* at_ = nullptr;
    };

    constexpr view() noexcept = default;
    constexpr view(const Raw* data, std::size_t size) noexcept : data_(data), size_(size) {}

    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    Value operator[](std::size_t at) const noexcept { return detail::shown<Value>::from(data_[at]); }
    iterator begin() const noexcept { return iterator(data_); }
    iterator end() const noexcept { return iterator(size_ == 0 ? data_ : data_ + size_); }
    // As roomcast.h has it.
    constexpr const Raw* data() const noexcept { return data_; }

private:
    const Raw* data_ = nullptr;
    std::size_t size_ = 0;
};

// Several of something that you pass in: braces, one, a std::vector, std::array or std::span of them, or a view. It
// points to what it is made from; braces live until the end of the call they are written in.
template <class T>
class list {
public:
    using raw = typename detail::given<T>::raw;

    constexpr list() noexcept = default;
    list(const T* data, std::size_t size) noexcept : data_(detail::given<T>::all(data)), size_(size) {}
    list(const T& one) noexcept : list(&one, 1) {}
    template <class Value>
    list(view<Value, raw> some) noexcept : data_(some.data()), size_(some.size()) {}
    template <class C,
              std::enable_if_t<std::is_convertible_v<decltype(std::declval<const C&>().data()), const T*>, int> = 0>
    list(const C& some) noexcept : list(some.data(), some.size()) {}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime" // A list is an argument, as std::span is.
#endif
    list(std::initializer_list<T> some) noexcept : list(some.begin(), some.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

    // As roomcast.h has it.
    constexpr const raw* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    const raw* data_ = nullptr;
    std::size_t size_ = 0;
};

using texts = view<std::string_view, roomcast_slice>;
using sockets = view<socket, roomcast_socket>;
using namespaces = view<ns, roomcast_namespace>;
using pairs = view<std::pair<std::string_view, std::string_view>, roomcast_pair>;
using counts = view<std::pair<std::string_view, std::uint64_t>, roomcast_stat>;

// ---- Events ----

// What an event tells; what it sets stands in roomcast.h at ROOMCAST_EVENT_…. Later versions add some: have a default.
enum class event_kind : std::uint32_t {  // made: make header
    connect = ROOMCAST_EVENT_CONNECT,
    message = ROOMCAST_EVENT_MESSAGE,
    disconnect = ROOMCAST_EVENT_DISCONNECT,
    connect_request = ROOMCAST_EVENT_CONNECT_REQUEST,
    ack = ROOMCAST_EVENT_ACK,
    ack_end = ROOMCAST_EVENT_ACK_END,
    protocol_error = ROOMCAST_EVENT_PROTOCOL_ERROR,
    namespace_created = ROOMCAST_EVENT_NAMESPACE_CREATED,
    namespace_removed = ROOMCAST_EVENT_NAMESPACE_REMOVED,
    room_created = ROOMCAST_EVENT_ROOM_CREATED,
    room_joined = ROOMCAST_EVENT_ROOM_JOINED,
    room_left = ROOMCAST_EVENT_ROOM_LEFT,
    room_deleted = ROOMCAST_EVENT_ROOM_DELETED,
    handshake = ROOMCAST_EVENT_HANDSHAKE,
    refused = ROOMCAST_EVENT_REFUSED,
    open = ROOMCAST_EVENT_OPEN,
    text = ROOMCAST_EVENT_TEXT,
    binary = ROOMCAST_EVENT_BINARY,
    close = ROOMCAST_EVENT_CLOSE,
    drained = ROOMCAST_EVENT_DRAINED,
    session_expired = ROOMCAST_EVENT_SESSION_EXPIRED,
    cluster_up = ROOMCAST_EVENT_CLUSTER_UP,
    cluster_down = ROOMCAST_EVENT_CLUSTER_DOWN,
    server_event = ROOMCAST_EVENT_SERVER_EVENT,
    node_answer = ROOMCAST_EVENT_NODE_ANSWER,
    remote_socket = ROOMCAST_EVENT_REMOTE_SOCKET,
    answers_end = ROOMCAST_EVENT_ANSWERS_END,
    remote_ack = ROOMCAST_EVENT_REMOTE_ACK,
    cluster_refused = ROOMCAST_EVENT_CLUSTER_REFUSED,
    nodes = ROOMCAST_EVENT_NODES,
    foreign = ROOMCAST_EVENT_FOREIGN,
};

// Why a socket or a connection is gone.
enum class reason : std::uint32_t {  // made: make header
    transport_close = ROOMCAST_REASON_TRANSPORT_CLOSE,
    transport_error = ROOMCAST_REASON_TRANSPORT_ERROR,
    ping_timeout = ROOMCAST_REASON_PING_TIMEOUT,
    parse_error = ROOMCAST_REASON_PARSE_ERROR,
    forced_close = ROOMCAST_REASON_FORCED_CLOSE,
    client_namespace_disconnect = ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT,
    server_namespace_disconnect = ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT,
    forced_server_close = ROOMCAST_REASON_FORCED_SERVER_CLOSE,
    server_shutting_down = ROOMCAST_REASON_SERVER_SHUTTING_DOWN,
    slow_consumer = ROOMCAST_REASON_SLOW_CONSUMER,
};

// A reason as Socket.IO spells it, for example "transport close".
inline const char* to_string(reason why) noexcept { return roomcast_reason_text(static_cast<std::uint32_t>(why)); }

// One thing that happened. Which fields are set depends on kind(); the others are empty. It may be copied; what it
// points to is lent until the next poll or close of the broker.
class event {
public:
    event_kind kind() const noexcept { return static_cast<event_kind>(raw_.kind); }
    // Whether a client emitted an event of this name.
    bool is(std::string_view message) const noexcept { return kind() == event_kind::message && name() == message; }

    roomcast::socket socket() const noexcept { return roomcast::socket(raw_.socket); }
    roomcast::connection connection() const noexcept { return roomcast::connection(raw_.connection); }
    roomcast::ns ns() const noexcept { return roomcast::ns(raw_.ns); }
    std::string_view name() const noexcept { return detail::text(raw_.name, raw_.name_len); }
    // The arguments of a message or an ack (a JSON array), the auth object of a connect (JSON), or what depends on the
    // kind.
    std::string_view data() const noexcept { return detail::text(raw_.data, raw_.data_len); }
    // Attachments of a message or an ack.
    texts attachments() const noexcept {
        return kind() == event_kind::disconnect ? texts() : texts(raw_.parts, raw_.part_count);
    }
    // The rooms that a socket was in until its disconnect.
    texts rooms() const noexcept {
        return kind() == event_kind::disconnect ? texts(raw_.parts, raw_.part_count) : texts();
    }

    // On a message: what broker::ack takes; empty if the client does not wait for an acknowledgement.
    roomcast::reply_id reply() const noexcept {
        return roomcast::reply_id(kind() == event_kind::message ? raw_.ack : 0);
    }
    // On an ack and its end: what broker::emit_with_ack gave.
    roomcast::ack_id ack() const noexcept { return roomcast::ack_id(kind() == event_kind::message ? 0 : raw_.ack); }
    // What broker::set_tag has put on the socket; 0 where nothing was.
    std::uint64_t tag() const noexcept { return raw_.tag; }
    // On an ack and its end: the context that broker::emit_with_ack was given.
    std::uint64_t context() const noexcept { return raw_.context; }
    // On an ack and its end: how many have still to answer, or never did.
    std::uint32_t missing() const noexcept { return raw_.code; }
    // On the end of an ack: whether the time was up.
    bool timed_out() const noexcept { return (raw_.flags & ROOMCAST_FLAG_TIMED_OUT) != 0; }
    // On a connect: the socket was away and is back.
    bool recovered() const noexcept { return (raw_.flags & ROOMCAST_FLAG_RECOVERED) != 0; }
    // On a disconnect: the socket is away, and its client may come back.
    bool recoverable() const noexcept { return (raw_.flags & ROOMCAST_FLAG_RECOVERABLE) != 0; }
    // On a disconnect and a close.
    roomcast::reason reason() const noexcept { return static_cast<roomcast::reason>(raw_.code); }

    // As roomcast.h has it.
    const roomcast_event& raw() const noexcept { return raw_; }

private:
    friend class events;
    roomcast_event raw_{};
};
static_assert(sizeof(event) == sizeof(roomcast_event) && std::is_standard_layout_v<event>,
              "an array of them is an array of C's");

// The events of a broker, drained one by one as you step: those that you do not reach stay for the next range, and poll
// waits for nothing while there are any. It converts to true if the poll that it comes from succeeded.
class [[nodiscard]] events {
public:
    struct sentinel {};

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using reference = const event&;
        using pointer = const event*;

        iterator() noexcept = default;
        explicit iterator(events* from) noexcept : from_(from) {}
        reference operator*() const noexcept { return from_->now_; }
        pointer operator->() const noexcept { return &from_->now_; }
        iterator& operator++() {
            from_->next();
            return *this;
        }
        void operator++(int) { from_->next(); }
        friend bool operator==(const iterator& a, sentinel) noexcept { return a.done(); }
        friend bool operator!=(const iterator& a, sentinel) noexcept { return !a.done(); }
        friend bool operator==(sentinel, const iterator& a) noexcept { return a.done(); }
        friend bool operator!=(sentinel, const iterator& a) noexcept { return !a.done(); }

    private:
        bool done() const noexcept { return !from_->more_; }

        events* from_ = nullptr;
    };

    events(roomcast_broker* broker, roomcast::status polled) noexcept : broker_(broker), status_(polled) {}
    events(events&&) noexcept = default;
    events& operator=(events&&) noexcept = default;

    bool ok() const noexcept { return status_.ok(); }
    explicit operator bool() const noexcept { return ok(); }
    roomcast::status status() const noexcept { return status_; }
    events or_throw() && {
        status_.or_throw();
        return std::move(*this);
    }

    // Takes the first event. If the poll failed it does what or_throw() does: ask before, if you do not want that.
    iterator begin() {
        status_.or_throw();
        next();
        return iterator(this);
    }
    sentinel end() const noexcept { return {}; }

private:
    void next() {
        std::size_t count = 0;
        status_ = roomcast::status(roomcast_events(broker_, &now_.raw_, sizeof now_.raw_, 1, &count));
        more_ = count != 0;
        status_.or_throw();
    }

    roomcast_broker* broker_;
    roomcast::status status_;
    bool more_ = false;
    event now_;
};

// What a client's first request said. Lent until the next question that lends.
class handshake {
public:
    handshake() noexcept { raw_.struct_size = sizeof raw_; }
    // Whether the connection is carried by a WebSocket by now.
    bool websocket() const noexcept { return raw_.websocket != 0; }
    std::chrono::system_clock::time_point issued() const noexcept {
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(raw_.issued));
    }
    roomcast::connection connection() const noexcept { return roomcast::connection(raw_.connection); }
    std::string_view address() const noexcept { return detail::lent(raw_.address); }
    std::string_view url() const noexcept { return detail::lent(raw_.url); }
    // "TLSv1.2" or "TLSv1.3" if it came to listen_tls, and the client's own certificate there, as DER, if it was asked for one; else empty.
    std::string_view tls_version() const noexcept { return detail::lent(raw_.tls_version); }
    std::string_view certificate() const noexcept { return detail::lent(raw_.certificate); }
    // The version of Engine.IO that the client speaks: 4, or 3 if allow_eio3 lets it in.
    std::uint32_t protocol() const noexcept { return raw_.protocol; }
    pairs query() const noexcept { return {raw_.query, raw_.query_count}; }
    pairs headers() const noexcept { return {raw_.headers, raw_.header_count}; }
    // The first value of a query's parameter, or a header's in whatever case; empty if there is none.
    std::string_view query(std::string_view name) const noexcept {
        for (const auto [each, value] : query()) {
            if (each == name) {
                return value;
            }
        }
        return {};
    }
    std::string_view header(std::string_view name) const noexcept {
        for (const auto [each, value] : headers()) {
            if (detail::same_but_for_case(each, name)) {
                return value;
            }
        }
        return {};
    }

private:
    friend class broker;
    roomcast_handshake raw_{};
};

// ---- Emits ----

// Whom an emit reaches: some rooms and sockets of a namespace, or all of it if neither was asked for, minus some. An
// empty list reaches nobody. Write it where you emit: it points to the lists it is given, so it neither copies nor
// moves.
class target {
public:
    // The whole namespace, until rooms or sockets are named.
    target(roomcast::ns where) noexcept {
        raw_.struct_size = sizeof raw_;
        raw_.flags = ROOMCAST_TARGET_ALL;
        raw_.ns = where.raw();
    }
    target(const room& one) noexcept : target(one.ns()) { rooms(one.name()); }
    target(const room& one, list<socket> except_sockets) noexcept : target(one) { except(except_sockets); }
    target(const target&) = delete;
    target& operator=(const target&) = delete;

    // The members of these rooms.
    target& rooms(list<slice> names) noexcept {
        raw_.flags = 0;
        raw_.rooms = names.data();
        raw_.room_count = names.size();
        return *this;
    }
    // These sockets as well; those that are gone or belong to another namespace are skipped.
    target& sockets(list<socket> some) noexcept {
        raw_.flags = 0;
        raw_.sockets = some.data();
        raw_.socket_count = some.size();
        return *this;
    }
    // But none of these sockets.
    target& except(list<socket> some) noexcept {
        raw_.except_sockets = some.data();
        raw_.except_socket_count = some.size();
        return *this;
    }
    // And no member of these rooms.
    target& except_rooms(list<slice> names) noexcept {
        raw_.except_rooms = names.data();
        raw_.except_room_count = names.size();
        return *this;
    }

    // As roomcast.h has it.
    const roomcast_target& raw() const noexcept { return raw_; }

private:
    roomcast_target raw_{};
};

inline target room::except(list<socket> some) const noexcept { return target(*this, some); }

// An event to emit: its name, and its arguments as a JSON array (nothing at all means "[]"). Reliable unless it says
// otherwise. Like a target, it points to what it is given.
class message {
public:
    message(slice name, slice args = {}) noexcept {
        raw_.struct_size = sizeof raw_;
        raw_.name = name.chars();
        raw_.name_len = name.len;
        raw_.args = args.chars();
        raw_.args_len = args.len;
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    // Skipped for a connection whose earlier output has not been taken yet.
    message& volatile_() noexcept { return as(ROOMCAST_VOLATILE, 0); }
    // At most one unsent message of this key waits for a connection in this namespace: the newest.
    message& latest(std::uint64_t key) noexcept { return as(ROOMCAST_LATEST, key); }
    // Queued up to max_backlog; then the oldest message of this class goes.
    message& drop_oldest() noexcept { return as(ROOMCAST_DROP_OLDEST, 0); }
    // ---- made of the options of a message: make header ----
    // In a cluster it is for the sockets of this node alone.
    message& local() noexcept { return with(ROOMCAST_MESSAGE_LOCAL); }
    // It is sent as it is to clients that take compressed messages, for example as a secret stands in it beside what
    // others wrote.
    message& uncompressed() noexcept { return with(ROOMCAST_MESSAGE_UNCOMPRESSED); }
    // ---- made until here ----
    // Binary attachments: the arguments hold {"_placeholder":true,"num":N} where attachment N belongs.
    message& attach(list<slice> attachments) noexcept {
        raw_.attachments = attachments.data();
        raw_.attachment_count = attachments.size();
        return *this;
    }

    // As roomcast.h has it.
    const roomcast_message& raw() const noexcept { return raw_; }

private:
    message& as(std::uint32_t delivery, std::uint64_t key) noexcept {
        raw_.delivery = delivery;
        raw_.key = key;
        return *this;
    }
    message& with(std::uint64_t flag) noexcept {
        raw_.flags |= flag;
        return *this;
    }

    roomcast_message raw_{};
};

// What an emit did.
struct receipt {
    // Sockets it was addressed to.
    std::uint64_t recipients = 0;
    // Of these, how many were skipped, because the message is volatile.
    std::uint64_t skipped = 0;
    // Whether that is known: loops of the broker's own carry an emit out later.
    bool known() const noexcept { return recipients != ROOMCAST_UNKNOWN; }
};

// What an emit with acknowledgement did.
struct awaited {
    // What the events ack and ack_end will carry; empty if nobody was addressed.
    ack_id id;
    roomcast::receipt receipt;
};

// As long as it takes: a time to wait.
inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

// How a broker behaves: roomcast_config with the defaults filled in. Set its fields; texts and lists that they point to
// must live until broker::make, which copies them.
struct config : roomcast_config {
    config() noexcept : roomcast_config() { roomcast_config_init(this, sizeof(roomcast_config)); }

    // Lines of the log up to log_level go to `sink(level, text)`, a ROOMCAST_LOG_ number and a std::string_view that is
    // lent for the call. The sink must outlive the broker and not call it; an exception in it ends the program.
    template <class Sink>
    config& log_to(Sink& sink) noexcept {
        log_data = static_cast<void*>(std::addressof(sink));
        log = [](void* data, std::uint32_t at, const char* text, std::size_t size) noexcept {
            (*static_cast<Sink*>(data))(at, std::string_view(text, size));
        };
        return *this;
    }
    // Connection ids come from `make(out, cap)`, which writes up to `cap` bytes to `char* out` and returns how many; 0
    // refuses. Under the rules of roomcast_id_generator and of log_to.
    template <class Make>
    config& ids_from(Make& make) noexcept {
        id_generator_data = static_cast<void*>(std::addressof(make));
        id_generator = [](void* data, char* out, std::size_t cap) noexcept -> std::size_t {
            return (*static_cast<Make*>(data))(out, cap);
        };
        return *this;
    }
};

// How a broker listens: roomcast_listen_options with the defaults filled in. Set its fields.
struct listen_options : roomcast_listen_options {
    listen_options() noexcept : roomcast_listen_options() { struct_size = sizeof(roomcast_listen_options); }
};

// A certificate, with those that lead to its authority behind it, and its key, both as PEM (roomcast_identity). It lends them.
struct identity : roomcast_identity {
    identity(slice own_chain, slice own_key) noexcept : roomcast_identity{own_chain, own_key} {}
};

// What a listener shows of itself over TLS (roomcast_tls): the identities stay where they are until it has been used.
struct tls : roomcast_tls {
    explicit tls(const identity& one) noexcept : tls(&one, 1) {}
    tls(const identity* all, std::size_t count) noexcept : roomcast_tls() {
        struct_size = sizeof(roomcast_tls);
        identities = all;
        identity_count = count;
    }
    // Asks clients for certificates for which one of these authorities speaks, as PEM. It lends them.
    tls& ask_clients(slice authorities, bool required = false) noexcept {
        client_authorities = authorities;
        flags = required ? ROOMCAST_TLS_REQUIRE_CLIENTS : 0;
        return *this;
    }
};

// How the admin interface is served (roomcast_admin_options): say who may look, and set its other fields. It lends all texts.
struct admin_options : roomcast_admin_options {
    // `who` is ROOMCAST_ADMIN_AUTH_NOBODY or ROOMCAST_ADMIN_AUTH_HOST.
    explicit admin_options(std::uint32_t who) noexcept : roomcast_admin_options() {
        struct_size = sizeof(roomcast_admin_options);
        auth = who;
    }
    admin_options(slice own_username, slice own_password) noexcept : admin_options(ROOMCAST_ADMIN_AUTH_LOGIN) {
        username = own_username;
        password = own_password;
    }
};

// A request whose head you have parsed (roomcast_request). It lends everything. `rest` is what was read behind the head; `from` is
// where it comes from, where that is not the socket's other end.
struct request : roomcast_request {
    request(slice its_method, slice its_target, list<pair> its_headers = {}, slice its_rest = {}, slice from = {}) noexcept
        : roomcast_request() {
        struct_size = sizeof(roomcast_request);
        method = its_method;
        target = its_target;
        headers = its_headers.data();
        header_count = its_headers.size();
        rest = its_rest;
        peer = from;
    }
};

// ---- The remote: for other threads ----

namespace detail {

struct freer {
    void operator()(roomcast_broker* broker) const noexcept { roomcast_free(broker); }
    void operator()(roomcast_remote* remote) const noexcept { roomcast_remote_free(remote); }
    void operator()(roomcast_router* router) const noexcept { roomcast_router_free(router); }
};

} // namespace detail

// What other threads hold to reach a broker. Any number of threads may use one at the same time. A call returns as soon
// as it is queued, and fails with errc::full if the broker was not polled for a while, errc::closed if it is gone.
class remote {
public:
    remote() noexcept = default;
    // Takes over one that C made.
    explicit remote(roomcast_remote* owned) noexcept : raw_(owned) {}
    roomcast_remote* get() const noexcept { return raw_.get(); }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    // Another one for the same broker (roomcast_remote_clone).
    result<remote> clone() const noexcept {
        roomcast_remote* other = nullptr;
        const status how(roomcast_remote_clone(get(), &other));
        return {how, remote(other)};
    }

    // As broker::adopt and broker::adopt_request; what shows only later closes the connection (roomcast_remote_adopt,
    // roomcast_remote_adopt_request).
    status adopt(int fd, slice prefix = {}, slice peer = {}) const noexcept {
        return status(roomcast_remote_adopt(get(), fd, prefix.ptr, prefix.len, peer.chars(), peer.len));
    }
    status adopt_request(int fd, const roomcast_request& parsed) const noexcept {
        return status(roomcast_remote_adopt_request(get(), fd, &parsed));
    }

    // To a whole namespace, a room, or a socket of a namespace, as broker::emit (roomcast_remote_emit_all,
    // roomcast_remote_emit, roomcast_remote_send).
    status emit(ns to, slice name, slice args = {}, socket except = {}) const noexcept {
        return status(roomcast_remote_emit_all(get(), to.raw(), except.raw(), name.chars(), name.len, args.chars(),
                                               args.len));
    }
    status emit(room to, slice name, slice args = {}, socket except = {}) const noexcept {
        return status(roomcast_remote_emit(get(), to.ns().raw(), to.name().chars(), to.name().len, except.raw(),
                                           name.chars(), name.len, args.chars(), args.len));
    }
    status emit(ns where, socket to, slice name, slice args = {}) const noexcept {
        return status(
            roomcast_remote_send(get(), where.raw(), to.raw(), name.chars(), name.len, args.chars(), args.len));
    }
    // With everything an emit can have (roomcast_remote_emit_to).
    status emit(const target& to, const message& what) const noexcept {
        return status(roomcast_remote_emit_to(get(), &to.raw(), &what.raw()));
    }

    // Acknowledges an event, if its client waits for that. An event is lent: keep its socket and its reply for another thread.
    status ack(const event& asked, slice args = {}, list<slice> attachments = {}) const noexcept {
        return asked.reply() ? ack(asked.socket(), asked.reply(), args, attachments) : status();
    }
    // Ends the broker's wait in poll; safe in signal handlers (roomcast_remote_wake).
    status wake() const noexcept { return status(roomcast_remote_wake(get())); }

    // ---- made from the table of operations, for other threads: make header ----
    // As broker::ack (roomcast_remote_ack).
    status ack(socket who, reply_id reply, slice args = {}, list<slice> attachments = {}) const noexcept {
        return status(
            roomcast_remote_ack(get(), who.raw(), reply.raw(), args.chars(), args.len, attachments.data(), attachments.size()));
    }
    // As broker::send_text (roomcast_remote_send_text).
    status send_text(connection who, slice message) const noexcept {
        return status(roomcast_remote_send_text(get(), who.raw(), message.chars(), message.len));
    }
    // As broker::send_binary (roomcast_remote_send_binary).
    status send_binary(connection who, slice message) const noexcept {
        return status(roomcast_remote_send_binary(get(), who.raw(), message.ptr, message.len));
    }
    // As broker::join (roomcast_remote_join).
    status join(socket who, slice room) const noexcept {
        return status(roomcast_remote_join(get(), who.raw(), room.chars(), room.len));
    }
    // As broker::leave (roomcast_remote_leave).
    status leave(socket who, slice room) const noexcept {
        return status(roomcast_remote_leave(get(), who.raw(), room.chars(), room.len));
    }
    // As broker::leave_all (roomcast_remote_leave_all).
    status leave_all(socket who) const noexcept { return status(roomcast_remote_leave_all(get(), who.raw())); }
    // As broker::change_rooms (roomcast_remote_change_rooms).
    status change_rooms(socket who, list<slice> leave, list<slice> join) const noexcept {
        return status(
            roomcast_remote_change_rooms(get(), who.raw(), leave.data(), leave.size(), join.data(), join.size()));
    }
    // As broker::accept (roomcast_remote_accept).
    status accept(socket who) const noexcept { return status(roomcast_remote_accept(get(), who.raw())); }
    // As broker::reject (roomcast_remote_reject).
    status reject(socket who, slice message, slice data = {}) const noexcept {
        return status(roomcast_remote_reject(get(), who.raw(), message.chars(), message.len, data.chars(), data.len));
    }
    // As broker::disconnect (roomcast_remote_disconnect).
    status disconnect(socket who, bool close = false) const noexcept {
        return status(roomcast_remote_disconnect(get(), who.raw(), close ? 1 : 0));
    }
    // As broker::allow (roomcast_remote_allow).
    status allow(connection who) const noexcept { return status(roomcast_remote_allow(get(), who.raw())); }
    // As broker::add_header (roomcast_remote_add_header).
    status add_header(connection who, slice name, slice value) const noexcept {
        return status(roomcast_remote_add_header(get(), who.raw(), name.chars(), name.len, value.chars(), value.len));
    }
    // As broker::refuse (roomcast_remote_refuse).
    status refuse(connection who, slice message = {}) const noexcept {
        return status(roomcast_remote_refuse(get(), who.raw(), message.chars(), message.len));
    }
    // As broker::refuse_with (roomcast_remote_refuse_with).
    status refuse_with(connection who, std::uint32_t http_status, slice content_type, slice body) const noexcept {
        return status(
            roomcast_remote_refuse_with(get(), who.raw(), http_status, content_type.chars(), content_type.len, body.ptr, body.len));
    }
    // As broker::guard_handshakes (roomcast_remote_guard_handshakes).
    status guard_handshakes(bool on = false) const noexcept {
        return status(roomcast_remote_guard_handshakes(get(), on ? 1 : 0));
    }
    // As broker::close (roomcast_remote_close_connection).
    status close(connection who) const noexcept { return status(roomcast_remote_close_connection(get(), who.raw())); }
    // As broker::sockets_join (roomcast_remote_sockets_join).
    status sockets_join(const target& who, list<slice> rooms) const noexcept {
        return status(roomcast_remote_sockets_join(get(), &who.raw(), rooms.data(), rooms.size()));
    }
    // As broker::sockets_leave (roomcast_remote_sockets_leave).
    status sockets_leave(const target& who, list<slice> rooms) const noexcept {
        return status(roomcast_remote_sockets_leave(get(), &who.raw(), rooms.data(), rooms.size()));
    }
    // As broker::disconnect_sockets (roomcast_remote_disconnect_sockets).
    status disconnect_sockets(const target& who, bool close = false) const noexcept {
        return status(roomcast_remote_disconnect_sockets(get(), &who.raw(), close ? 1 : 0));
    }
    // As broker::set_tag (roomcast_remote_set_tag).
    status set_tag(socket who, std::uint64_t tag) const noexcept {
        return status(roomcast_remote_set_tag(get(), who.raw(), tag));
    }
    // As broker::server_emit (roomcast_remote_server_emit).
    status server_emit(ns where, slice name, slice args = {}, list<slice> attachments = {}) const noexcept {
        return status(
            roomcast_remote_server_emit(get(), where.raw(), name.chars(), name.len, args.chars(), args.len, attachments.data(), attachments.size()));
    }
    // As broker::ask_nodes (roomcast_remote_ask_nodes).
    status ask_nodes(ns where, slice name, slice args = {}, list<slice> attachments = {}, std::uint64_t timeout = 0, std::uint64_t context = 0) const noexcept {
        return status(
            roomcast_remote_ask_nodes(get(), where.raw(), name.chars(), name.len, args.chars(), args.len, attachments.data(), attachments.size(), timeout, context));
    }
    // As broker::answer_node (roomcast_remote_answer_node).
    status answer_node(std::uint64_t answer, slice value, list<slice> attachments = {}) const noexcept {
        return status(
            roomcast_remote_answer_node(get(), answer, value.chars(), value.len, attachments.data(), attachments.size()));
    }
    // As broker::fetch_remote_sockets (roomcast_remote_fetch_remote_sockets).
    status fetch_remote_sockets(const target& who, std::uint64_t timeout = 0, std::uint64_t context = 0) const noexcept {
        return status(roomcast_remote_fetch_remote_sockets(get(), &who.raw(), timeout, context));
    }
    // As broker::count_nodes (roomcast_remote_count_nodes).
    status count_nodes(ns where, std::uint64_t context) const noexcept {
        return status(roomcast_remote_count_nodes(get(), where.raw(), context));
    }
    // As broker::drain_clients (roomcast_remote_drain).
    status drain_clients(std::uint32_t per_second, slice reason = {}) const noexcept {
        return status(roomcast_remote_drain(get(), per_second, reason.chars(), reason.len));
    }
    // As broker::stop_draining (roomcast_remote_stop_draining).
    status stop_draining() const noexcept { return status(roomcast_remote_stop_draining(get())); }
    // ---- made until here ----

private:
    std::unique_ptr<roomcast_remote, detail::freer> raw_;
};

// ---- The broker ----

// A Socket.IO server inside your program.
class broker {
public:
    // An empty one: every call answers errc::null.
    broker() noexcept = default;
    // Takes over one that C made.
    explicit broker(roomcast_broker* owned) noexcept : raw_(owned) {}
    // A broker that listens nowhere yet (roomcast_new).
    static result<broker> make(const roomcast_config& how = config()) noexcept {
        roomcast_broker* made = nullptr;
        const status done(roomcast_new(ROOMCAST_ABI_VERSION, &how, &made));
        return {done, broker(made)};
    }
    // For what this header does not have.
    roomcast_broker* get() const noexcept { return raw_.get(); }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    // Listens on an address and a port; port 0 takes a free one. Returns the port it got (roomcast_listen).
    result<std::uint16_t> listen(slice host, std::uint16_t port) noexcept {
        std::uint16_t bound = 0;
        const status done(roomcast_listen(get(), host.chars(), host.len, port, &bound));
        return {done, bound};
    }
    // The same, with options (roomcast_listen_with).
    result<std::uint16_t> listen(slice host, std::uint16_t port, const roomcast_listen_options& how) noexcept {
        std::uint16_t bound = 0;
        const status done(roomcast_listen_with(get(), host.chars(), host.len, port, &how, &bound));
        return {done, bound};
    }
    // Listens over TLS, for wss:// and https:// (roomcast_listen_tls).
    result<std::uint16_t> listen_tls(slice host, std::uint16_t port, const roomcast_tls& shown,
                                     const roomcast_listen_options& how = listen_options()) noexcept {
        std::uint16_t bound = 0;
        const status done(roomcast_listen_tls(get(), host.chars(), host.len, port, &shown, &how, &bound));
        return {done, bound};
    }
    // Shows something else from now on, on this port: nobody is disconnected (roomcast_set_tls).
    status set_tls(std::uint16_t port, const roomcast_tls& shown) noexcept {
        return status(roomcast_set_tls(get(), port, &shown));
    }
    // Lets the page of Socket.IO's admin interface look at the broker and act on it (roomcast_instrument).
    status instrument(const roomcast_admin_options& how) noexcept { return status(roomcast_instrument(get(), &how)); }
    // Listens on a Unix socket, whose file is removed when the broker closes (roomcast_listen_unix).
    status listen_unix(slice path, const roomcast_listen_options& how = listen_options()) noexcept {
        return status(roomcast_listen_unix(get(), path.chars(), path.len, &how));
    }
    // Goes on with a descriptor that listens already. On success it is the broker's, on failure yours (roomcast_listen_fd).
    status listen_fd(int fd) noexcept { return status(roomcast_listen_fd(get(), fd)); }
    // The same, with options: of them ROOMCAST_LISTEN_PROXY_PROTOCOL has an effect (roomcast_listen_fd_with).
    status listen_fd(int fd, const roomcast_listen_options& how) noexcept {
        return status(roomcast_listen_fd_with(get(), fd, &how));
    }
    // Goes on with a connection that you have accepted, of which you have read `prefix`; `peer` is where it comes from, where that is
    // not its other end. On success the descriptor is the broker's, on failure yours (roomcast_adopt).
    status adopt(int fd, slice prefix = {}, slice peer = {}) noexcept {
        return status(roomcast_adopt(get(), fd, prefix.ptr, prefix.len, peer.chars(), peer.len));
    }
    // Takes connections by adopt again after close, though the broker listens nowhere (roomcast_reopen).
    status reopen() noexcept { return status(roomcast_reopen(get())); }
    // Accepts nobody any more; whoever is connected stays (roomcast_stop_listening).
    status stop_listening() noexcept { return status(roomcast_stop_listening(get())); }
    // Has connections handed back from now on, or not (roomcast_set_hand_back).
    status set_hand_back(bool on) noexcept { return status(roomcast_set_hand_back(get(), on ? 1 : 0)); }
    // Makes the descriptor of a ROOMCAST_EVENT_FOREIGN yours, until the next poll (roomcast_take_descriptor).
    status take_descriptor(int fd) noexcept { return status(roomcast_take_descriptor(get(), fd)); }
    // The same as adopt with a request whose head you have parsed: the broker answers it (roomcast_adopt_request).
    status adopt_request(int fd, const roomcast_request& parsed) noexcept {
        return status(roomcast_adopt_request(get(), fd, &parsed));
    }
    // Answers GET and HEAD requests for exactly this path from memory (roomcast_serve).
    status serve(slice path, slice content_type, slice body, list<pair> headers = {}) noexcept {
        return status(roomcast_serve(get(), path.chars(), path.len, content_type.chars(), content_type.len, body.ptr,
                                     body.len, headers.data(), headers.size()));
    }

    // One turn of the loop: sends what is due, waits at most for `timeout` (0 and less: not at all), reads, runs
    // timers, sends again. The events are lent until the next poll or close (roomcast_poll).
    //
    //     for (const roomcast::event& event : broker.poll()) { … }
    events poll(std::chrono::milliseconds timeout = forever) noexcept {
        return {get(), status(roomcast_poll(get(), detail::wait(timeout)))};
    }
    // The events that are left, without a turn of the loop (roomcast_events).
    events drain() noexcept { return {get(), status()}; }
    // Up to `cap` of the events that are left, into an array of yours. Returns how many; 0 when there are no more.
    result<std::size_t> drain(event* out, std::size_t cap) noexcept {
        std::size_t count = 0;
        const status done(roomcast_events(get(), reinterpret_cast<roomcast_event*>(out), sizeof *out, cap, &count));
        return {done, count};
    }
    // Up to `max` of the events that are left, as one buffer: a table, then what it refers to. Lent until the next call
    // of it, poll or close (roomcast_events_packed).
    result<std::string_view> drain_packed(std::size_t max = SIZE_MAX) noexcept {
        const std::uint8_t* packed = nullptr;
        std::size_t size = 0;
        const status done(roomcast_events_packed(get(), max, &packed, &size));
        return {done, detail::text(reinterpret_cast<const char*>(packed), size)};
    }
    // Sends what was emitted since the last poll or flush, now: the end of a game's tick (roomcast_flush). Past about 8 MiB,
    // connections with 16 KiB or more to get are put off to the next polls and flushes, which do not wait meanwhile.
    status flush() noexcept { return status(roomcast_flush(get())); }
    // A descriptor for your own loop, readable while poll has something to do (roomcast_fd).
    result<int> fd() noexcept {
        std::int32_t fd = -1;
        const status done(roomcast_fd(get(), &fd));
        return {done, fd};
    }
    // How long that loop may wait although the descriptor is silent; `forever` if it may. Ask before every wait
    // (roomcast_next_timeout).
    result<std::chrono::milliseconds> next_timeout() noexcept {
        std::int32_t left = 0;
        const status done(roomcast_next_timeout(get(), &left));
        return {done, left < 0 ? forever : std::chrono::milliseconds(left)};
    }
    // Ends all connections in good order, in at most `grace`, and stops listening; drain() has the disconnects then
    // (roomcast_close).
    status close(std::chrono::milliseconds grace) noexcept {
        const std::int32_t time = detail::wait(grace);
        return status(roomcast_close(get(), time < 0 ? UINT32_MAX : static_cast<std::uint32_t>(time)));
    }
    // A handle for other threads (roomcast_remote_new).
    result<roomcast::remote> remote() noexcept {
        roomcast_remote* made = nullptr;
        const status done(roomcast_remote_new(get(), &made));
        return {done, roomcast::remote(made)};
    }

    // Makes a namespace, or finds it. In a guarded one you are asked about each connect; in one with recovery, clients that come
    // back are told what they have missed; with `ask_again` you are asked about those, too (roomcast_add_namespace).
    result<ns> add_namespace(slice name, bool guarded = false, bool recovery = false, bool ask_again = false) noexcept {
        roomcast_namespace made = 0;
        const std::uint32_t flags = namespace_flags(guarded, recovery, ask_again);
        const status done(roomcast_add_namespace(get(), name.chars(), name.len, flags, &made));
        return {done, ns(made)};
    }
    // Lets clients bring namespaces to life whose names fit `glob` (roomcast_add_pattern).
    status add_pattern(slice glob, bool guarded = false, bool remove_when_empty = true, bool recovery = false,
                       bool ask_again = false) noexcept {
        const std::uint32_t flags = namespace_flags(guarded, recovery, ask_again);
        return status(roomcast_add_pattern(get(), glob.chars(), glob.len, flags, remove_when_empty ? 1 : 0));
    }
    // Finds a namespace by its name (roomcast_find_namespace).
    result<ns> find_namespace(slice name) noexcept {
        roomcast_namespace found = 0;
        const status done(roomcast_find_namespace(get(), name.chars(), name.len, &found));
        return {done, ns(found)};
    }

    // Emits to a whole namespace, or to a room, but not to the socket it comes from; or to one socket. `args` is a JSON
    // array, nothing at all means
    // "[]" (roomcast_emit_all, roomcast_emit, roomcast_send).
    //
    //     broker.emit(lobby.room("chess"), "move", R"(["e2","e4"])", event.socket());
    status emit(ns to, slice name, slice args = {}, socket except = {}) noexcept {
        return status(
            roomcast_emit_all(get(), to.raw(), except.raw(), name.chars(), name.len, args.chars(), args.len));
    }
    status emit(room to, slice name, slice args = {}, socket except = {}) noexcept {
        return status(roomcast_emit(get(), to.ns().raw(), to.name().chars(), to.name().len, except.raw(), name.chars(),
                                    name.len, args.chars(), args.len));
    }
    status emit(socket to, slice name, slice args = {}) noexcept {
        return status(roomcast_send(get(), to.raw(), name.chars(), name.len, args.chars(), args.len));
    }
    // Emits with everything an emit can have (roomcast_emit_to).
    //
    //     broker.emit(target(world).rooms({"4:7", "4:8"}).except(me), message("moved", json).latest(me.raw()));
    result<receipt> emit(const target& to, const message& what) noexcept {
        roomcast_receipt did{};
        const status done(roomcast_emit_to(get(), &to.raw(), &what.raw(), &did));
        return {done, receipt{did.recipients, did.skipped}};
    }
    // The same, and asks for acknowledgements: they come as events ack, and ack_end if some never come within `timeout`. Each
    // of these carries `context`, any number of yours (roomcast_emit_with_ack).
    result<awaited> emit_with_ack(const target& to, const message& what,
                                  std::chrono::milliseconds timeout = forever, std::uint64_t context = 0) noexcept {
        roomcast_receipt did{};
        roomcast_ack_id ack = 0;
        const std::int64_t time = timeout == forever ? -1 : timeout.count() < 0 ? 0 : timeout.count();
        const status done(roomcast_emit_with_ack(get(), &to.raw(), &what.raw(), time, context, &ack, &did));
        return {done, awaited{ack_id(ack), receipt{did.recipients, did.skipped}}};
    }
    // Carries out a whole batch of orders, in its order. Returns how many were carried out, on failure too (roomcast_orders_packed).
    result<std::size_t> orders_packed(slice batch) noexcept {
        std::size_t made = 0;
        const status done(roomcast_orders_packed(get(), static_cast<const std::uint8_t*>(batch.ptr), batch.len, &made));
        return {done, made};
    }
    // Emits a whole batch of records, in its order. Returns how many were made, on failure too (roomcast_emit_packed).
    result<std::size_t> emit_packed(slice batch) noexcept {
        std::size_t made = 0;
        const status done(roomcast_emit_packed(get(), static_cast<const std::uint8_t*>(batch.ptr), batch.len, &made));
        return {done, made};
    }
    // Acknowledges an event, if its client waits for that.
    status ack(const event& asked, slice args = {}, list<slice> attachments = {}) noexcept {
        return asked.reply() ? ack(asked.socket(), asked.reply(), args, attachments) : status();
    }
    // What there is. Everything lent is so until the next question that lends, whatever you change meanwhile.
    //
    // The members of a room; for a socket's own room that socket (roomcast_members).
    result<sockets> members(room of) noexcept {
        const roomcast_socket* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_members(get(), of.ns().raw(), of.name().chars(), of.name().len, &some, &count));
        return {done, sockets(some, count)};
    }
    // All namespaces (roomcast_namespaces).
    result<roomcast::namespaces> namespaces() noexcept {
        const roomcast_namespace* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_namespaces(get(), &some, &count));
        return {done, roomcast::namespaces(some, count)};
    }
    // A namespace's name, with its slash (roomcast_namespace_name).
    result<std::string_view> name_of(ns where) noexcept {
        roomcast_slice name{};
        const status done(roomcast_namespace_name(get(), where.raw(), &name));
        return {done, detail::lent(name)};
    }
    // What a client's first request said (roomcast_get_handshake).
    result<handshake> handshake_of(socket who) noexcept { return handshake_of(who.raw()); }
    result<handshake> handshake_of(connection who) noexcept { return handshake_of(who.raw()); }
    // What the broker counts, by name (roomcast_stats).
    result<counts> stats() noexcept {
        const roomcast_stat* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_stats(get(), &some, &count));
        return {done, counts(some, count)};
    }
    // All figures in Prometheus' text format (roomcast_metrics).
    result<std::string_view> metrics() noexcept {
        roomcast_slice text{};
        const status done(roomcast_metrics(get(), &text));
        return {done, detail::lent(text)};
    }
    // The times of ROOMCAST_TIMES_STEPS or ROOMCAST_TIMES_FLUSHES, in buckets (roomcast_times).
    result<roomcast_histogram> times(std::uint32_t what) noexcept {
        roomcast_histogram found{};
        found.struct_size = sizeof found;
        const status done(roomcast_times(get(), what, &found));
        return {done, found};
    }

    // ---- made from the table of operations: make header ----
    // Acknowledges an event that came with an ack number. The number is good for one answer; a client ignores more
    // (roomcast_ack).
    status ack(socket who, reply_id reply, slice args = {}, list<slice> attachments = {}) noexcept {
        return status(
            roomcast_ack(get(), who.raw(), reply.raw(), args.chars(), args.len, attachments.data(), attachments.size()));
    }
    // Sends a text message over a connection as it is. For engine_only (roomcast_send_text).
    status send_text(connection who, slice message) noexcept {
        return status(roomcast_send_text(get(), who.raw(), message.chars(), message.len));
    }
    // Sends a binary message over a connection as it is. For engine_only (roomcast_send_binary).
    status send_binary(connection who, slice message) noexcept {
        return status(roomcast_send_binary(get(), who.raw(), message.ptr, message.len));
    }
    // Puts a socket into a room, which begins to exist with its first member; joining twice is no error
    // (roomcast_join).
    status join(socket who, slice room) noexcept {
        return status(roomcast_join(get(), who.raw(), room.chars(), room.len));
    }
    // Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room
    // that it is not in is no error (roomcast_leave).
    status leave(socket who, slice room) noexcept {
        return status(roomcast_leave(get(), who.raw(), room.chars(), room.len));
    }
    // Takes a socket out of all rooms but its own (roomcast_leave_all).
    status leave_all(socket who) noexcept { return status(roomcast_leave_all(get(), who.raw())); }
    // Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept. Returns how many
    // memberships changed, SIZE_MAX where loops of the broker's own find out later (roomcast_change_rooms).
    result<std::size_t> change_rooms(socket who, list<slice> leave, list<slice> join) noexcept {
        std::size_t count = 0;
        const status done(
            roomcast_change_rooms(get(), who.raw(), leave.data(), leave.size(), join.data(), join.size(), &count));
        return {done, count};
    }
    // Whether a socket is in a room; its own is one of them (roomcast_is_member).
    result<bool> is_member(socket who, slice room) noexcept {
        std::uint32_t yes = 0;
        const status done(roomcast_is_member(get(), who.raw(), room.chars(), room.len, &yes));
        return {done, yes != 0};
    }
    // The rooms of a namespace, in a stable order; sockets' own rooms are not among them (roomcast_rooms_in).
    result<texts> rooms_in(ns where) noexcept {
        const roomcast_slice* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_rooms_in(get(), where.raw(), &some, &count));
        return {done, texts(some, count)};
    }
    // The rooms a socket is in: its own first, then the others in a stable order (roomcast_rooms_of).
    result<texts> rooms_of(socket who) noexcept {
        const roomcast_slice* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_rooms_of(get(), who.raw(), &some, &count));
        return {done, texts(some, count)};
    }
    // The sockets of a namespace, in a stable order (roomcast_sockets_in).
    result<sockets> sockets_in(ns where) noexcept {
        const roomcast_socket* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_sockets_in(get(), where.raw(), &some, &count));
        return {done, sockets(some, count)};
    }
    // Lets a socket in that an event_kind::connect_request asked for. It is connected when this returns; no
    // event_kind::connect follows. What was emitted to it before leaves now, behind the answer to its request
    // (roomcast_accept).
    status accept(socket who) noexcept { return status(roomcast_accept(get(), who.raw())); }
    // Turns a socket away that an event_kind::connect_request asked for. The client gets `message`, and `data` if there
    // is any: a JSON value. The handle is dead when this returns (roomcast_reject).
    status reject(socket who, slice message, slice data = {}) noexcept {
        return status(roomcast_reject(get(), who.raw(), message.chars(), message.len, data.chars(), data.len));
    }
    // Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends
    // and with it its sockets in other namespaces. What was emitted to it before still goes out. Its
    // event_kind::disconnect comes with the next poll (roomcast_disconnect).
    status disconnect(socket who, bool close = false) noexcept {
        return status(roomcast_disconnect(get(), who.raw(), close ? 1 : 0));
    }
    // Lets a connection open that an event_kind::handshake asked for (roomcast_allow).
    status allow(connection who) noexcept { return status(roomcast_allow(get(), who.raw())); }
    // Adds a header to the answer of a handshake that an event_kind::handshake asked about: the answer that lets it in,
    // over either transport, or that turns it away. This is how a host sets a cookie of its own, with any attributes. A
    // name may be added more than once (roomcast_add_header).
    status add_header(connection who, slice name, slice value) noexcept {
        return status(roomcast_add_header(get(), who.raw(), name.chars(), name.len, value.chars(), value.len));
    }
    // Turns a connection away that an event_kind::handshake asked for, as the reference's `allowRequest` does: 403 with
    // code 4 and `message`, or `Forbidden` if that is empty; over WebSocket 400 with the message alone. The handle is
    // dead when this returns (roomcast_refuse).
    status refuse(connection who, slice message = {}) noexcept {
        return status(roomcast_refuse(get(), who.raw(), message.chars(), message.len));
    }
    // The same with an answer of the host's own: a status from 400 to 599 and a body, without a `Content-Type` if
    // `content_type` is empty. In a browser a page's script sees the status over polling, and over WebSocket only that
    // it failed (roomcast_refuse_with).
    status refuse_with(connection who, std::uint32_t http_status, slice content_type, slice body) noexcept {
        return status(
            roomcast_refuse_with(get(), who.raw(), http_status, content_type.chars(), content_type.len, body.ptr, body.len));
    }
    // Whether the host is asked about each handshake from now on, as guard_handshakes says for the beginning. What was
    // asked before is answered all the same (roomcast_guard_handshakes).
    status guard_handshakes(bool on = false) noexcept { return status(roomcast_guard_handshakes(get(), on ? 1 : 0)); }
    // Closes a connection and all its sockets, after what is queued for it has gone out (roomcast_close_connection).
    status close(connection who) noexcept { return status(roomcast_close_connection(get(), who.raw())); }
    // Everybody who would get what is emitted to `target`, in a stable order: Socket.IO's `fetchSockets`. Each one's
    // rooms and handshake are there for the asking (roomcast_fetch_sockets).
    result<sockets> fetch_sockets(const target& who) noexcept {
        const roomcast_socket* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_fetch_sockets(get(), &who.raw(), &some, &count));
        return {done, sockets(some, count)};
    }
    // Puts everybody whom `target` selects into these rooms: Socket.IO's `socketsJoin`. Those who wait for the host's
    // decision are selected as all others are. Returns how many sockets that are, SIZE_MAX where loops of the broker's
    // own find out later (roomcast_sockets_join).
    result<std::size_t> sockets_join(const target& who, list<slice> rooms) noexcept {
        std::size_t count = 0;
        const status done(roomcast_sockets_join(get(), &who.raw(), rooms.data(), rooms.size(), &count));
        return {done, count};
    }
    // Takes everybody whom `target` selects out of these rooms: Socket.IO's `socketsLeave`. Returns how many sockets
    // that are, SIZE_MAX where loops of the broker's own find out later (roomcast_sockets_leave).
    result<std::size_t> sockets_leave(const target& who, list<slice> rooms) noexcept {
        std::size_t count = 0;
        const status done(roomcast_sockets_leave(get(), &who.raw(), rooms.data(), rooms.size(), &count));
        return {done, count};
    }
    // Disconnects everybody whom `target` selects, as disconnect does: Socket.IO's `disconnectSockets`. Returns how
    // many sockets that are, SIZE_MAX where loops of the broker's own find out later (roomcast_disconnect_sockets).
    result<std::size_t> disconnect_sockets(const target& who, bool close = false) noexcept {
        std::size_t count = 0;
        const status done(roomcast_disconnect_sockets(get(), &who.raw(), close ? 1 : 0, &count));
        return {done, count};
    }
    // A socket's id as its client knows it; also the name of its own room (roomcast_socket_id).
    result<std::string_view> id_of(socket who) noexcept {
        roomcast_slice text{};
        const status done(roomcast_socket_id(get(), who.raw(), &text));
        return {done, detail::lent(text)};
    }
    // Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that
    // socket carries it, its connect and its disconnect included. A socket that waits for the host's decision can have
    // one already. It is 0 until then, and in events that were waiting already (roomcast_set_tag).
    status set_tag(socket who, std::uint64_t tag) noexcept { return status(roomcast_set_tag(get(), who.raw(), tag)); }
    // What set_tag has put on a socket; 0 where nothing was (roomcast_get_tag).
    result<std::uint64_t> tag(socket who) noexcept {
        std::uint64_t found = 0;
        const status done(roomcast_get_tag(get(), who.raw(), &found));
        return {done, found};
    }
    // The connected socket with this id, in whichever namespace it is (roomcast_find_socket).
    result<socket> find_socket(slice id) noexcept {
        roomcast_socket found = 0;
        const status done(roomcast_find_socket(get(), id.chars(), id.len, &found));
        return {done, socket(found)};
    }
    // The namespace a socket is in (roomcast_namespace_of).
    result<ns> namespace_of(socket who) noexcept {
        roomcast_namespace found = 0;
        const status done(roomcast_namespace_of(get(), who.raw(), &found));
        return {done, ns(found)};
    }
    // The connection a socket lives on; a client has one socket on it for each namespace it joined
    // (roomcast_connection_of).
    result<connection> connection_of(socket who) noexcept {
        roomcast_connection found = 0;
        const status done(roomcast_connection_of(get(), who.raw(), &found));
        return {done, connection(found)};
    }
    // Whether a connection is carried by a WebSocket by now (roomcast_is_websocket).
    result<bool> is_websocket(connection who) noexcept {
        std::uint32_t yes = 0;
        const status done(roomcast_is_websocket(get(), who.raw(), &yes));
        return {done, yes != 0};
    }
    // Whether the client of a connection has the msgpack parser: known from when it asks for its first namespace. For
    // msgpack (roomcast_is_msgpack).
    result<bool> is_msgpack(connection who) noexcept {
        std::uint32_t yes = 0;
        const status done(roomcast_is_msgpack(get(), who.raw(), &yes));
        return {done, yes != 0};
    }
    // The bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the
    // last flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes
    // (roomcast_queued_bytes).
    result<std::size_t> queued_bytes(socket who) noexcept {
        std::size_t count = 0;
        const status done(roomcast_queued_bytes(get(), who.raw(), &count));
        return {done, count};
    }
    // Tells the hosts of the other nodes that have this namespace: they get an event_kind::server_event. Clients hear
    // nothing of it (roomcast_server_emit).
    status server_emit(ns where, slice name, slice args = {}, list<slice> attachments = {}) noexcept {
        return status(
            roomcast_server_emit(get(), where.raw(), name.chars(), name.len, args.chars(), args.len, attachments.data(), attachments.size()));
    }
    // The same, and asks them for an answer, which come as event_kind::node_answer, with an event_kind::answers_end
    // behind them that says how many nodes have not answered. Both carry `context`, any number of the host's own.
    // `timeout` is in milliseconds; 0 is request_timeout (roomcast_ask_nodes).
    status ask_nodes(ns where, slice name, slice args = {}, list<slice> attachments = {}, std::uint64_t timeout = 0, std::uint64_t context = 0) noexcept {
        return status(
            roomcast_ask_nodes(get(), where.raw(), name.chars(), name.len, args.chars(), args.len, attachments.data(), attachments.size(), timeout, context));
    }
    // Answers a event_kind::server_event that came with a number: with one value, as JSON (roomcast_answer_node).
    status answer_node(std::uint64_t answer, slice value, list<slice> attachments = {}) noexcept {
        return status(
            roomcast_answer_node(get(), answer, value.chars(), value.len, attachments.data(), attachments.size()));
    }
    // Asks the other nodes for those of their sockets that a target selects. Each comes as an
    // event_kind::remote_socket, and behind them an event_kind::answers_end; this node's own are those of
    // fetch_sockets. `timeout` and `context` are as with ask_nodes (roomcast_fetch_remote_sockets).
    status fetch_remote_sockets(const target& who, std::uint64_t timeout = 0, std::uint64_t context = 0) noexcept {
        return status(roomcast_fetch_remote_sockets(get(), &who.raw(), timeout, context));
    }
    // Asks how many nodes there are that have this namespace, this one among them: an event_kind::nodes says so, or an
    // event_kind::answers_end that it cannot be known now (roomcast_count_nodes).
    status count_nodes(ns where, std::uint64_t context) noexcept {
        return status(roomcast_count_nodes(get(), where.raw(), context));
    }
    // All that is kept for clients that may come back, as bytes for the process that comes after this one: the sessions
    // of who is away or connected in a namespace with recovery, and what was emitted there. The next broker takes them
    // over with import_recovery, and clients find their sessions there (roomcast_export_recovery).
    result<std::string_view> export_recovery() noexcept {
        roomcast_slice bytes{};
        const status done(roomcast_export_recovery(get(), &bytes));
        return {done, detail::lent(bytes)};
    }
    // Takes over the sessions that another process has exported with export_recovery, before anybody has connected.
    // Returns how many are waited for (roomcast_import_recovery).
    result<std::size_t> import_recovery(slice data) noexcept {
        std::size_t count = 0;
        const status done(roomcast_import_recovery(get(), data.ptr, data.len, &count));
        return {done, count};
    }
    // Serves what is served at a path in another coding as well, for clients that take it: `br`, `gzip`, `zstd` or
    // `deflate`. Of those that a client likes best it gets the shortest. Without `gzip` that is made when a client asks
    // for it first, unless `http_compression` is off (roomcast_serve_encoded).
    status serve_encoded(slice path, slice coding, slice body) noexcept {
        return status(
            roomcast_serve_encoded(get(), path.chars(), path.len, coding.chars(), coding.len, body.ptr, body.len));
    }
    // Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with 503
    // and `Retry-After`, and so is health_path, so that a balancer looks elsewhere. When no connection is left,
    // event_kind::drained comes, once for each drain. A handshake that the host has not decided about by then is
    // answered with 503 as well, and its handle is dead (roomcast_drain).
    status drain_clients(std::uint32_t per_second, slice reason = {}) noexcept {
        return status(roomcast_drain(get(), per_second, reason.chars(), reason.len));
    }
    // Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining
    // (roomcast_stop_draining).
    status stop_draining() noexcept { return status(roomcast_stop_draining(get())); }
    // ---- made until here ----

private:
    static std::uint32_t namespace_flags(bool guarded, bool recovery, bool ask_again) noexcept {
        return (guarded ? ROOMCAST_NAMESPACE_GUARDED : 0U) | (recovery ? ROOMCAST_NAMESPACE_RECOVERY : 0U) |
               (ask_again ? ROOMCAST_NAMESPACE_ASK_AGAIN : 0U);
    }

    result<handshake> handshake_of(std::uint64_t who) noexcept {
        handshake found;
        const status done(roomcast_get_handshake(get(), who, &found.raw_));
        return {done, found};
    }

    std::unique_ptr<roomcast_broker, detail::freer> raw_;
};

// ---- The router alone ----

// Namespaces, rooms and members without a network, for a host with a transport of its own. Numbers are small and dense:
// see roomcast_router.
class router {
public:
    // A number of the host's, or of the router's in the case of a namespace.
    template <class Kind>
    struct number {
        constexpr number() noexcept = default;
        constexpr explicit number(std::uint32_t of) noexcept : raw(of) {}
        friend constexpr bool operator==(Kind a, Kind b) noexcept { return a.raw == b.raw; }
        friend constexpr bool operator!=(Kind a, Kind b) noexcept { return a.raw != b.raw; }
        std::uint32_t raw = 0;
    };
    struct ns : number<ns> {
        using number<ns>::number;
    };
    struct member : number<member> {
        using number<member>::number;
    };
    struct connection : number<connection> {
        using number<connection>::number;
    };
    using members = view<member, std::uint32_t>;

    // As roomcast::target, of members.
    class selection {
    public:
        // The whole namespace, until rooms or members are named.
        selection(router::ns where) noexcept {
            raw_.struct_size = sizeof raw_;
            raw_.flags = ROOMCAST_TARGET_ALL;
            raw_.ns = where.raw;
        }
        selection(const selection&) = delete;
        selection& operator=(const selection&) = delete;

        selection& rooms(list<slice> names) noexcept {
            raw_.flags = 0;
            raw_.rooms = names.data();
            raw_.room_count = names.size();
            return *this;
        }
        selection& members(list<member> some) noexcept {
            raw_.flags = 0;
            raw_.members = some.data();
            raw_.member_count = some.size();
            return *this;
        }
        selection& except(list<member> some) noexcept {
            raw_.except_members = some.data();
            raw_.except_member_count = some.size();
            return *this;
        }
        selection& except_rooms(list<slice> names) noexcept {
            raw_.except_rooms = names.data();
            raw_.except_room_count = names.size();
            return *this;
        }
        const roomcast_selection& raw() const noexcept { return raw_; }

    private:
        roomcast_selection raw_{};
    };

    // What a connection is owed: send the ranges in their order. No ranges: nobody is owed anything any more.
    struct owed {
        router::connection to;
        texts ranges;
        explicit operator bool() const noexcept { return !ranges.empty(); }
    };

    // An empty one: every call answers errc::null.
    router() noexcept = default;
    // Takes over one that C made.
    explicit router(roomcast_router* owned) noexcept : raw_(owned) {}
    // A router without namespaces (roomcast_router_new).
    static result<router> make() noexcept {
        roomcast_router* made = nullptr;
        const status done(roomcast_router_new(ROOMCAST_ABI_VERSION, &made));
        return {done, router(made)};
    }
    roomcast_router* get() const noexcept { return raw_.get(); }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    // Makes a namespace, or removes one without members (roomcast_router_add_namespace,
    // roomcast_router_remove_namespace).
    result<ns> add_namespace() noexcept {
        std::uint32_t made = 0;
        const status done(roomcast_router_add_namespace(get(), &made));
        return {done, ns(made)};
    }
    status remove_namespace(ns where) noexcept { return status(roomcast_router_remove_namespace(get(), where.raw)); }

    // Makes a member, or takes it out of everything (roomcast_router_add, roomcast_router_remove).
    status add(member who, ns where, connection on) noexcept {
        return status(roomcast_router_add(get(), who.raw, where.raw, on.raw));
    }
    status remove(member who) noexcept { return status(roomcast_router_remove(get(), who.raw)); }

    // Rooms, as those of broker (roomcast_router_join, roomcast_router_leave, roomcast_router_leave_all,
    // roomcast_router_change_rooms).
    status join(member who, slice room) noexcept {
        return status(roomcast_router_join(get(), who.raw, room.chars(), room.len));
    }
    status leave(member who, slice room) noexcept {
        return status(roomcast_router_leave(get(), who.raw, room.chars(), room.len));
    }
    status leave_all(member who) noexcept { return status(roomcast_router_leave_all(get(), who.raw)); }
    status change_rooms(member who, list<slice> leave, list<slice> join) noexcept {
        return status(
            roomcast_router_change_rooms(get(), who.raw, leave.data(), leave.size(), join.data(), join.size()));
    }

    // Owes a message to everybody who is selected. Returns how many they are (roomcast_router_emit).
    result<std::size_t> emit(const selection& to, slice message) noexcept {
        std::size_t recipients = 0;
        const status done(roomcast_router_emit(get(), &to.raw(), message.ptr, message.len, &recipients));
        return {done, recipients};
    }
    // Takes the next connection that is owed something. Lent until the next call on the router (roomcast_router_next).
    result<owed> next() noexcept {
        std::uint32_t to = 0;
        const roomcast_slice* ranges = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_next(get(), &to, &ranges, &count));
        return {done, owed{connection(to), texts(ranges, count)}};
    }
    // Takes what one connection is owed, out of turn. Lent as that of next (roomcast_router_take).
    result<owed> take(connection to) noexcept {
        const roomcast_slice* ranges = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_take(get(), to.raw, &ranges, &count));
        return {done, owed{to, texts(ranges, count)}};
    }
    // Ends the tick: what was not taken is dropped (roomcast_router_end_tick).
    status end_tick() noexcept { return status(roomcast_router_end_tick(get())); }
    // Drops what a connection is owed (roomcast_router_forget).
    status forget(connection who) noexcept { return status(roomcast_router_forget(get(), who.raw)); }

    // The members of a namespace, or of a room; the rooms of a member, or of a namespace. Lent until the next call on
    // the router (roomcast_router_everyone, roomcast_router_members, roomcast_router_rooms_of, roomcast_router_rooms_in).
    result<members> members_of(ns where) noexcept {
        const std::uint32_t* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_everyone(get(), where.raw, &some, &count));
        return {done, members(some, count)};
    }
    result<members> members_of(ns where, slice room) noexcept {
        const std::uint32_t* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_members(get(), where.raw, room.chars(), room.len, &some, &count));
        return {done, members(some, count)};
    }
    result<texts> rooms_of(member who) noexcept {
        const roomcast_slice* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_rooms_of(get(), who.raw, &some, &count));
        return {done, texts(some, count)};
    }
    result<texts> rooms_in(ns where) noexcept {
        const roomcast_slice* some = nullptr;
        std::size_t count = 0;
        const status done(roomcast_router_rooms_in(get(), where.raw, &some, &count));
        return {done, texts(some, count)};
    }
    // Whether a member is in a room (roomcast_router_is_member).
    result<bool> is_member(member who, slice room) noexcept {
        std::uint32_t yes = 0;
        const status done(roomcast_router_is_member(get(), who.raw, room.chars(), room.len, &yes));
        return {done, yes != 0};
    }

private:
    std::unique_ptr<roomcast_router, detail::freer> raw_;
};

// The version of the library, for example "0.1.0" (roomcast_version).
inline std::string_view version() noexcept { return roomcast_version(); }

// A text as a JSON string, with its quotes: what of `out` it takes, at most 6 * text.len + 2 bytes (roomcast_json_escape).
inline result<std::string_view> json_escape(slice text, char* out, std::size_t size) noexcept {
    std::size_t written = 0;
    const status done(roomcast_json_escape(text.chars(), text.len, out, size, &written));
    return {done, detail::text(out, written)};
}

// The text that a JSON string, with its quotes, stands for: what of `out` it takes, less than string.len bytes
// (roomcast_json_unescape).
inline result<std::string_view> json_unescape(slice string, char* out, std::size_t size) noexcept {
    std::size_t written = 0;
    const status done(roomcast_json_unescape(string.chars(), string.len, out, size, &written));
    return {done, detail::text(out, written)};
}

} // namespace roomcast

namespace std {

template <>
struct hash<roomcast::socket> {
    size_t operator()(roomcast::socket of) const noexcept { return hash<uint64_t>()(of.raw()); }
};
template <>
struct hash<roomcast::connection> {
    size_t operator()(roomcast::connection of) const noexcept { return hash<uint64_t>()(of.raw()); }
};
template <>
struct hash<roomcast::ns> {
    size_t operator()(roomcast::ns of) const noexcept { return hash<uint64_t>()(of.raw()); }
};
template <>
struct hash<roomcast::ack_id> {
    size_t operator()(roomcast::ack_id of) const noexcept { return hash<uint64_t>()(of.raw()); }
};

} // namespace std

#endif // ROOMCAST_HPP
