//! The table of operations: a row for each, with its documentation. It must not say how one is carried out, nor how it gets there.

/// Hands the table to the macro named.
macro_rules! operations {
    ($then:ident) => { $then! {

    "# Emits"
    /// Emits an event to everyone in `target`, who are those that are in it now.
    ///
    /// To a socket that waits for the host's decision it goes when that is let in, right behind the answer to its request: until
    /// then it waits, up to `Limits::max_backlog` for its connection, past which that is closed as a slow consumer. What is volatile
    /// is skipped. One that is turned away gets nothing.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let news = Message::new("news", r#"["it rains", {"since": 12}]"#);
    /// broker.emit(Target::all(ns), news)?;
    /// broker.emit(Target::rooms(ns, &["lobby", "music"]).except_rooms(&["muted"]), news.volatile())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is, [`Error::ReservedEvent`](crate::Error::ReservedEvent),
    /// [`Error::BadJson`](crate::Error::BadJson), [`Error::BadAttachments`](crate::Error::BadAttachments),
    /// [`Error::TooLarge`](crate::Error::TooLarge); then nobody gets it.
    Emit: order top.emit(target: Target, message: Message) -> result(Receipt), to(target), checked by check_message(message);
    /// Emits an event to one socket, in its own namespace.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, socket: SocketId) -> Result<()> {
    /// broker.send(socket, Message::new("welcome", r#"["Ann"]"#))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is, and those of [`emit`](Self::emit).
    SendTo: order hub.send(socket: Socket, message: Message) -> result(Receipt), to(socket), checked by check_message(message);
    /// Emits an event and asks everyone who gets it for an acknowledgement, which come as
    /// [`Event::Ack`](crate::Event::Ack); if some never answer, [`Event::AckEnd`](crate::Event::AckEnd) ends it.
    ///
    /// `timeout` is in milliseconds; without one, an answer is awaited until its socket disconnects. 0 times out at
    /// once. `context` is any number of the host's own, for example the place of what it asked for in a table: each answer and
    /// the end of the question carry it. Without recipients the result is `None`: there is nothing to wait for.
    ///
    /// In a cluster the sockets of other nodes are asked as well; their answers come as [`Event::RemoteAck`](crate::Event::RemoteAck), and
    /// whether there are any such sockets is not known when the call returns. Without a `timeout` they have
    /// [`Cluster::request_timeout`](crate::Cluster::request_timeout), as a node that stands still says nothing.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let question = Message::new("ready?", "[]");
    /// let (_, ack) = broker.emit_with_ack(Target::rooms(ns, &["match 7"]), question, Some(5_000), 7)?;
    /// assert!(ack.is_none(), "nobody is in that room");
    /// // Otherwise: Event::Ack for each who answers, with this id and `context` 7, and Event::AckEnd if some do not.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit), and [`Error::TooMany`](crate::Error::TooMany) if a recipient owes
    /// `Limits::max_pending_acks` already; then nobody gets it.
    EmitWithAck: call top.emit_with_ack(target: Target, message: Message, timeout: Timeout, context: Number) -> asked, to(target), checked by check_message(message);
    /// Acknowledges an event that came with an ack number. The number is good for one answer; a client ignores more.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Message { socket, name: "say", ack: Some(ack), .. } = event {
    ///     broker.ack(socket, ack, r#"["ok"]"#, &[])?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is, [`Error::BadJson`](crate::Error::BadJson),
    /// [`Error::BadAttachments`](crate::Error::BadAttachments), [`Error::TooLarge`](crate::Error::TooLarge).
    Ack: order hub.ack(socket: Socket, ack: AckNumber, args: Args, attachments: Blobs) -> done, to(socket), checked by check_args(args, attachments);
    /// Sends a text message over a connection as it is. For [`Config::engine_only`](crate::Config::engine_only).
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is, [`Error::WrongState`](crate::Error::WrongState) if the
    /// broker speaks Socket.IO.
    SendMessage: order engine.send_message(conn: Conn, message: Text) -> done, to(conn), checked by check_engine();
    /// Sends a binary message over a connection as it is. For [`Config::engine_only`](crate::Config::engine_only).
    ///
    /// # Errors
    /// As [`send_message`](Self::send_message).
    SendBinary: order engine.send_binary(conn: Conn, message: Bytes) -> done, to(conn), checked by check_engine();

    "# Rooms"
    /// Puts a socket into a room, which begins to exist with its first member; joining twice is no error. Returns whether it was not in
    /// it before.
    ///
    /// A socket that waits for the host's decision is in the room at once: what is emitted to it waits until the socket is let in.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Connect { socket, .. } = event {
    ///     broker.join(socket, "lobby")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone), [`Error::BadRoom`](crate::Error::BadRoom),
    /// [`Error::TooMany`](crate::Error::TooMany) past `Limits::max_rooms_per_socket` or
    /// [`Limits::max_room_bytes`](crate::Limits::max_room_bytes).
    Join: order hub.join(socket: Socket, room: Text) -> result(bool), to(socket), checked by check_room(room);
    /// Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room that it is not in
    /// is no error. Returns whether it was in it.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone).
    Leave: order hub.leave(socket: Socket, room: Text) -> result(bool), to(socket);
    /// Takes a socket out of all rooms but its own.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone).
    LeaveAll: order hub.leave_all(socket: Socket) -> done, to(socket);
    /// Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept. Returns how many
    /// memberships changed; `None` with loops of its own, which find out later.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, player: SocketId) -> Result<()> {
    /// broker.change_rooms(player, &["cell 4:7"], &["cell 5:7", "cell 5:8"])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone), [`Error::BadRoom`](crate::Error::BadRoom),
    /// [`Error::TooMany`](crate::Error::TooMany); then nothing has changed.
    ChangeRooms: order hub.change_rooms(socket: Socket, leave: Texts, join: Texts) -> result(usize), to(socket), checked by check_rooms(join);
    /// The members of a room, in a stable order; for a socket's own room that socket.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let lobby: Vec<SocketId> = broker.members(ns, "lobby")?.collect();
    /// assert_eq!(lobby, []);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    Members: ask hub.members(namespace: Namespace, room: Text) -> each(SocketId), to(all);
    /// Whether a socket is in a room; its own is one of them.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    IsMember: ask hub.is_member(socket: Socket, room: Text) -> result(bool), to(socket);
    /// The rooms of a namespace, in a stable order; sockets' own rooms are not among them.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    RoomsIn: ask hub.rooms_in(namespace: Namespace) -> texts, to(all);
    /// The rooms a socket is in: its own first, then the others in a stable order.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    RoomsOf: ask hub.rooms_of(socket: Socket) -> texts, to(socket);

    "# Namespaces, and who gets in"
    /// Makes a namespace, or finds it: `of("abc")` and `of("/abc")` are the same.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let staff = broker.add_namespace("/staff", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })?;
    /// assert_eq!(broker.namespace_name(staff)?, "/staff");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadNamespace`](crate::Error::BadNamespace) for a name no packet can carry,
    /// [`Error::Exists`](crate::Error::Exists) if it is there with other options (`/` takes whatever it is given first),
    /// [`Error::TooMany`](crate::Error::TooMany).
    AddNamespace: call hub.add_namespace(name: Text, options: NamespaceOptions) -> result(NamespaceId), to(all);
    /// Lets clients bring namespaces to life whose names fit `glob`, in which each `*` stands for any characters. Of
    /// several patterns that fit, the first one added counts.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let options = PatternOptions { remove_when_empty: true, ..PatternOptions::default() };
    /// broker.add_pattern("/match-*", options)?; // a client that connects to /match-7 makes it
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadNamespace`](crate::Error::BadNamespace) for a glob no name can fit.
    AddPattern: call hub.add_pattern(glob: Text, options: PatternOptions) -> done, to(all);
    /// The sockets of a namespace, in a stable order.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    SocketsIn: ask hub.sockets_in(namespace: Namespace) -> each(SocketId), to(all);
    /// Lets a socket in that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. It is connected when
    /// this returns; no [`Event::Connect`](crate::Event::Connect) follows. What was emitted to it before leaves
    /// now, behind the answer to its request.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::ConnectRequest { socket, auth, .. } = event {
    ///     if auth.contains("let me in") {
    ///         broker.accept(socket)?;
    ///     } else {
    ///         broker.reject(socket, "Wrong token", Some(r#"{"hint": "ask somebody"}"#))?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, which [`Event::Disconnect`](crate::Event::Disconnect)
    /// tells as well, [`Error::WrongState`](crate::Error::WrongState) if the answer was given before.
    Accept: order hub.accept(socket: Socket) -> done, to(socket);
    /// Turns a socket away that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. The client gets
    /// `message`, and `data` if there is any: a JSON value. The handle is dead when this returns.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, [`Error::WrongState`](crate::Error::WrongState) if it
    /// was accepted before, [`Error::BadData`](crate::Error::BadData) if `data` is not JSON.
    Reject: order hub.reject(socket: Socket, message: Text, data: MaybeText) -> done, to(socket), checked by check_data(data);
    /// Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends
    /// and with it its sockets in other namespaces. What was emitted to it before still goes out. Its
    /// [`Event::Disconnect`](crate::Event::Disconnect) comes with the next poll.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    Disconnect: order hub.disconnect(socket: Socket, close: Flag) -> done, to(socket);
    /// Lets a connection open that an [`Event::Handshake`](crate::Event::Handshake) asked for.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, [`Error::WrongState`](crate::Error::WrongState) if
    /// the answer was given before.
    Allow: order top.allow(conn: Conn) -> done, to(conn);
    /// Adds a header to the answer of a handshake that an [`Event::Handshake`](crate::Event::Handshake) asked about: the answer that lets
    /// it in, over either transport, or that turns it away. This is how a host sets a cookie of its own, with any attributes. A name may be
    /// added more than once.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Handshake { conn } = event {
    ///     broker.add_header(conn, "Set-Cookie", "node=4; Path=/; Secure; HttpOnly; Max-Age=3600")?;
    ///     broker.allow(conn)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`allow`](Self::allow), [`Error::BadValue`](crate::Error::BadValue) if the name or the value cannot be sent, or the answer has
    /// a header of that name by itself (`Content-Length`, `Connection` and others),
    /// [`Error::TooLarge`](crate::Error::TooLarge) past 8,192 bytes for one answer.
    AddHeader: order engine.add_header(conn: Conn, name: Text, value: Text) -> done, to(conn), checked by check_header(name, value);
    /// Turns a connection away that an [`Event::Handshake`](crate::Event::Handshake) asked for, as the reference's `allowRequest` does:
    /// 403 with code 4 and `message`, or `Forbidden` if that is empty; over WebSocket 400 with the message alone. The handle is dead when
    /// this returns.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    Refuse: order engine.refuse(conn: Conn, message: Text) -> done, to(conn);
    /// The same with an answer of the host's own: a status from 400 to 599 and a body, without a `Content-Type` if `content_type` is
    /// empty. In a browser a page's script sees the status over polling, and over WebSocket only that it failed.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Handshake { conn } = event {
    ///     broker.add_header(conn, "WWW-Authenticate", "Bearer")?;
    ///     broker.refuse_with(conn, 401, "application/json", br#"{"error":"who are you?"}"#)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`allow`](Self::allow), [`Error::BadValue`](crate::Error::BadValue) if the status is none of those, or the content type cannot be
    /// sent.
    RefuseWith: order engine.refuse_with(conn: Conn, http_status: Status, content_type: Text, body: Bytes) -> done, to(conn), checked by check_refusal(http_status, content_type);
    /// Whether the host is asked about each handshake from now on, as [`Config::guard_handshakes`](crate::Config::guard_handshakes) says
    /// for the beginning. What was asked before is answered all the same.
    GuardHandshakes: order engine.guard_handshakes(on: Flag) -> sure(()), to(all);
    /// Closes a connection and all its sockets, after what is queued for it has gone out.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    CloseConnection: order engine.close_connection(conn: Conn) -> done, to(conn);

    "# Everybody whom a target selects"
    /// Everybody who would get what is emitted to `target`, in a stable order: Socket.IO's `fetchSockets`. Each one's rooms and
    /// handshake are there for the asking.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let players: Vec<SocketId> = broker.fetch_sockets(Target::rooms(ns, &["red", "blue"]).except_rooms(&["dead"]))?.collect();
    /// for &player in &players {
    ///     println!("{} in {:?}", broker.socket_sid(player)?, broker.rooms_of(player)?.collect::<Vec<_>>());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    FetchSockets: call hub.fetch_sockets(target: Target) -> each(SocketId), to(target);
    /// Puts everybody whom `target` selects into these rooms: Socket.IO's `socketsJoin`. Returns how many sockets that are. Those
    /// who wait for the host's decision are selected as all others are.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// broker.sockets_join(Target::rooms(ns, &["lobby"]), &["match 7"])?; // they are in both now
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is, [`Error::BadRoom`](crate::Error::BadRoom),
    /// [`Error::TooMany`](crate::Error::TooMany) if one of them would be in too many rooms; then nothing has changed (with loops
    /// of its own: on the loop of that one).
    SocketsJoin: order top.sockets_join(target: Target, rooms: Texts) -> result(usize), to(target), checked by check_rooms(rooms);
    /// Takes everybody whom `target` selects out of these rooms: Socket.IO's `socketsLeave`. Returns how many sockets that are.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// broker.sockets_leave(Target::rooms(ns, &["match 7"]), &["match 7"])?; // which ends the room
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    SocketsLeave: order top.sockets_leave(target: Target, rooms: Texts) -> result(usize), to(target);
    /// Disconnects everybody whom `target` selects, as [`disconnect`](Self::disconnect) does: Socket.IO's `disconnectSockets`. Returns
    /// how many sockets that are.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// broker.disconnect_sockets(Target::rooms(ns, &["banned"]), true)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    DisconnectSockets: order top.disconnect_sockets(target: Target, close: Flag) -> result(usize), to(target);

    "# Clients"
    /// A socket's id as its client knows it; also the name of its own room.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    SocketSid: ask hub.socket_sid(socket: Socket) -> text, to(socket);
    /// Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that socket
    /// carries it, its connect and its disconnect included. A socket that waits for the host's decision can have one already.
    /// It is 0 until then, and in events that were waiting already.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    SetTag: order hub.set_tag(socket: Socket, tag: Number) -> done, to(socket);
    /// What [`set_tag`](Self::set_tag) has put on a socket; 0 where nothing was.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    Tag: ask hub.tag(socket: Socket) -> result(u64), to(socket);
    /// The connected socket with this id, in whichever namespace it is.
    FindSocket: ask hub.find_socket(id: Text) -> sure(Option<SocketId>), to(all);
    /// The namespace a socket is in.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    NamespaceOf: ask hub.namespace_of(socket: Socket) -> result(NamespaceId), to(socket);
    /// The connection a socket lives on; a client has one socket on it for each namespace it joined.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    ConnOf: ask hub.conn_of(socket: Socket) -> result(ConnId), to(socket);
    /// What the first request of a connection said.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    ConnHandshake: ask engine.conn_handshake(conn: Conn) -> handshake, to(conn);
    /// Whether a connection is carried by a WebSocket by now.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    IsWebsocket: ask engine.is_websocket(conn: Conn) -> result(bool), to(conn);
    /// Whether the client of a connection has the msgpack parser: known from when it asks for its first namespace. For
    /// [`Config::msgpack`](crate::Config::msgpack).
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    IsMsgpack: ask engine.is_msgpack(conn: Conn) -> result(bool), to(conn);
    /// The bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
    /// flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    QueuedBytes: ask top.queued_bytes(socket: Socket) -> result(usize), to(socket);

    "# Other nodes of a cluster"
    /// Tells the hosts of the other nodes that have this namespace: they get an [`Event::ServerEvent`](crate::Event::ServerEvent).
    /// Clients hear nothing of it.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, ns: NamespaceId) -> Result<()> {
    /// broker.server_emit(ns, "reload", r#"["prices"]"#, &[])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoCluster`](crate::Error::NoCluster), [`Error::Gone`](crate::Error::Gone) if the namespace is,
    /// [`Error::BadJson`](crate::Error::BadJson), [`Error::BadAttachments`](crate::Error::BadAttachments).
    ServerEmit: order top.server_emit(namespace: Namespace, name: Text, args: Args, attachments: Blobs) -> done, to(all), checked by check_for_hosts(args, attachments);
    /// The same, and asks them for an answer, which come as [`Event::NodeAnswer`](crate::Event::NodeAnswer), with an
    /// [`Event::AnswersEnd`](crate::Event::AnswersEnd) behind them that says how many nodes have not answered. Both carry `context`, any
    /// number of the host's own. `timeout` is in milliseconds; 0 is [`Cluster::request_timeout`](crate::Cluster::request_timeout).
    ///
    /// # Errors
    /// Those of [`server_emit`](Self::server_emit).
    AskNodes: order top.ask_nodes(namespace: Namespace, name: Text, args: Args, attachments: Blobs, timeout: Number, context: Number) -> done, to(all), checked by check_for_hosts(args, attachments);
    /// Answers a [`Event::ServerEvent`](crate::Event::ServerEvent) that came with a number: with one value, as JSON.
    ///
    /// # Errors
    /// [`Error::NoCluster`](crate::Error::NoCluster), [`Error::Gone`](crate::Error::Gone) if it has been answered, or is forgotten: the
    /// last 4,096 are kept. [`Error::BadData`](crate::Error::BadData) if the value is no JSON.
    AnswerNode: order top.answer_node(answer: Number, value: Text, attachments: Blobs) -> done, to(all), checked by check_answer(value);
    /// Asks the other nodes for those of their sockets that a target selects. Each comes as an
    /// [`Event::RemoteSocket`](crate::Event::RemoteSocket), and behind them an [`Event::AnswersEnd`](crate::Event::AnswersEnd); this
    /// node's own are those of [`fetch_sockets`](Self::fetch_sockets). `timeout` and `context` are as with [`ask_nodes`](Self::ask_nodes).
    ///
    /// # Errors
    /// [`Error::NoCluster`](crate::Error::NoCluster), [`Error::Gone`](crate::Error::Gone) if the namespace is.
    FetchRemoteSockets: order top.fetch_remote_sockets(target: Target, timeout: Number, context: Number) -> done, to(all), checked by check_cluster();
    /// Asks how many nodes there are that have this namespace, this one among them: an [`Event::Nodes`](crate::Event::Nodes) says so, or
    /// an [`Event::AnswersEnd`](crate::Event::AnswersEnd) that it cannot be known now.
    ///
    /// # Errors
    /// [`Error::NoCluster`](crate::Error::NoCluster), [`Error::Gone`](crate::Error::Gone) if the namespace is.
    CountNodes: order top.count_nodes(namespace: Namespace, context: Number) -> done, to(all), checked by check_cluster();

    "# Over a restart"
    /// All that is kept for clients that may come back, as bytes for the process that comes after this one: the sessions of who is
    /// away or connected in a namespace with recovery, and what was emitted there. The next broker takes them over with
    /// [`import_recovery`](Self::import_recovery), and clients find their sessions there.
    ///
    /// It belongs behind the end of all connections: what is emitted later is not in it, and clients that have heard that get
    /// new sessions. Who is still connected is exported as if the connection ended now. Nothing changes here.
    ///
    /// With these bytes one can have the sessions, so nobody else may read the file that they are in. They are some 110 for each
    /// session, 12 for each room it is in, and the logs.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let config = Config::default;
    /// # let recovery = NamespaceOptions { recovery: true, ..NamespaceOptions::default() };
    /// let mut old = Broker::new(config())?;
    /// old.add_namespace("/", recovery)?;
    /// // The old process ends: Broker::close, with which clients are away, and then
    /// let kept = old.export_recovery()?;
    /// // The new one begins: its namespaces first, and before it listens
    /// let mut new = Broker::new(config())?;
    /// new.add_namespace("/", recovery)?;
    /// assert_eq!(new.import_recovery(&kept)?, 0); // nobody has been there
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Panic`](crate::Error::Panic) if a loop of the broker's own has ended in one.
    ExportRecovery: ask top.export_recovery() -> result(Vec<u8>), to(all);
    /// Takes over the sessions that another process has exported with [`export_recovery`](Self::export_recovery), before anybody
    /// has connected. Returns how many are waited for.
    ///
    /// Their sockets are away here, with the ids, tags and rooms that they had, until their clients come back or
    /// `Limits::recovery_window` is up, of which the time between both processes is a part, by the wall clock. No event tells of
    /// them; each has its [`Event::Connect`](crate::Event::Connect) that is recovered, or its
    /// [`Event::SessionExpired`](crate::Event::SessionExpired): also if its time was up before it came here, or limits do not allow
    /// it here. Logs are held to `Limits::recovery_log_bytes`.
    ///
    /// Namespaces and patterns with recovery are added first. One export is for one broker: of two that have it, each would tell
    /// a client what it has missed.
    ///
    /// # Errors
    /// [`Error::BadImport`](crate::Error::BadImport), which says why, and [`Error::TooMany`](crate::Error::TooMany) past
    /// `Limits::max_namespaces`; then nothing was taken over.
    ImportRecovery: call hub.import_recovery(data: Bytes) -> result(usize), to(all);

    "# The rest"
    /// Answers GET and HEAD for exactly this path. A second call replaces the first.
    ///
    /// What lies under the Socket.IO path is served as well, such as the client's bundle at `/socket.io/socket.io.js`, and then with the headers
    /// that the endpoint's answers have: those of `Config::cors` and `Config::headers`. See [`Resource`](crate::Resource) for what clients that
    /// ask again are told.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.serve("/", Resource::new("text/html; charset=utf-8", "<!doctype html><title>Hello</title>"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadPath`](crate::Error::BadPath) if it does not begin with a slash or is the Socket.IO path itself,
    /// [`Error::BadValue`](crate::Error::BadValue) for a header that cannot be sent, or a coding that is none.
    Serve: call top.serve(path: Text, resource: Resource) -> done, to(all);
    /// Serves what is served at a path in another coding as well, for clients that take it: `br`, `gzip`, `zstd` or `deflate`. Of those that a
    /// client likes best it gets the shortest. Without `gzip` that is made when a client asks for it first, unless `http_compression` is off.
    ///
    /// # Errors
    /// [`Error::BadPath`](crate::Error::BadPath) if nothing is served there, [`Error::BadValue`](crate::Error::BadValue) for a coding that is none of
    /// these, or if the body itself has a `Content-Encoding`.
    ServeEncoded: call top.serve_encoded(path: Text, coding: Text, body: Bytes) -> done, to(all);
    /// Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with
    /// 503 and `Retry-After`, and so is `Config::health_path`, so that a balancer looks elsewhere. When no connection is
    /// left, [`Event::Drained`](crate::Event::Drained) comes, once for each drain. A handshake that the host has not decided about
    /// by then is answered with 503 as well, and its handle is dead.
    ///
    /// A client's transport is closed, over WebSocket with code 1012 and `reason` (at most 123 bytes), after what is
    /// queued for it has gone out. Stock clients see `transport close` and connect anew by themselves, which they would
    /// not do after a [`disconnect`](Core::disconnect); the reason is in their event's details. The host gets a
    /// [`Disconnect`](crate::Event::Disconnect) with
    /// [`server shutting down`](crate::Reason::ServerShuttingDown) for each socket.
    ///
    /// Called again before that it changes pace and reason; afterwards it is another drain.
    /// [`stop_draining`](Self::stop_draining) ends it.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.drain(500, "the server restarts")?; // then poll until Event::Drained
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadValue`](crate::Error::BadValue) if `per_second` is 0, [`Error::TooLarge`](crate::Error::TooLarge) for a longer reason.
    Drain: order engine.drain(per_second: Pace, reason: Text) -> done, to(all), checked by check_drain(per_second, reason);
    /// Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining.
    StopDraining: order engine.stop_draining() -> sure(()), to(all);
    /// Whether [`drain`](Self::drain) was called, and clients are not taken in. How many are left is in
    /// [`Stats::connections`].
    IsDraining: ask engine.is_draining() -> sure(bool), to(all);
    /// All figures at this moment. Copies its histograms: meant for a monitor that asks every few seconds.
    ReadMetrics: ask top.metrics() -> sure(Metrics), to(all);
    /// What there is now, and totals. All of it is kept as it changes: asking costs the same however much there is, and
    /// with loops a question to each of them.
    ReadStats: ask top.stats() -> sure(Stats), to(all);
    } };
}
pub(crate) use operations;
