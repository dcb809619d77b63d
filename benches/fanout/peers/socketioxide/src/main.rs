//! socketioxide under axum, as its documentation shows it, with default options. It must not tune what it is given.
//! Usage: socketioxide PORT [arena]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

const TICK: Duration = Duration::from_millis(33);

/// What waits for the next frame; `None` where messages go on at once.
type Held = Option<Arc<Mutex<Vec<(SocketRef, String, String)>>>>;

/// Events that are only counted.
static COUNT: AtomicU64 = AtomicU64::new(0);

fn on_connect(socket: &SocketRef, held: Held) {
    socket.on("join", |socket: SocketRef, Data(room): Data<String>, ack: AckSender| async move {
        socket.join(room);
        ack.send(&()).ok();
    });
    socket.on(
        "rooms",
        |socket: SocketRef, Data((rooms,)): Data<(Vec<String>,)>, ack: AckSender| async move {
            socket.join(rooms);
            ack.send(&()).ok();
        },
    );
    socket.on("pub", |socket: SocketRef, Data(text): Data<String>| async move {
        socket.to("r").emit("msg", &text).await.ok();
    });
    socket.on("bin", |socket: SocketRef, Data(bytes): Data<Bytes>| async move {
        socket.to("r").emit("msg", &bytes).await.ok();
    });
    // An event without a number has nobody to answer, which `AckSender` says by an error.
    socket.on("count", |Data(_text): Data<String>, ack: AckSender| async move {
        COUNT.fetch_add(1, Ordering::Relaxed);
        ack.send::<[u8; 0]>(&[]).ok();
    });
    socket.on("counted", |ack: AckSender| async move {
        ack.send(&COUNT.load(Ordering::Relaxed)).ok();
    });
    socket.on(
        "cell",
        async move |socket: SocketRef, Data((room, text)): Data<(String, String)>| match held {
            Some(held) => held.lock().expect("no panic").push((socket, room, text)),
            None => drop(socket.to(room).emit("msg", &text).await),
        },
    );
}

// With its multi-thread scheduler, even on one processor, the messages of one publisher overtake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let port: u16 = words.next().ok_or("usage: socketioxide PORT [arena]")?.parse()?;
    let held: Held = (words.next().as_deref() == Some("arena")).then(Arc::default);
    if held.is_some() {
        tokio::spawn(arena(held.clone()));
    }

    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async move |socket: SocketRef| on_connect(&socket, held.clone()));
    let app = axum::Router::new().layer(layer);
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// A game's frame: what came in since the last one goes out.
async fn arena(held: Held) {
    let Some(held) = held else { return };
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let frame = std::mem::take(&mut *held.lock().expect("no panic"));
        for (socket, room, text) in frame {
            socket.to(room).emit("msg", &text).await.ok();
        }
    }
}
