//! Every way in which what carries a session can end, in every order: nothing may stay behind, and no peer's bytes after its
//! end may matter. The model has no expectation but that.

use crate::world::World;
use roomcast::{Config, Limits};

/// A client that reads nothing makes the server's goodbye wait; what it sends after a frame that was refused is not read.
#[test]
fn a_link_whose_close_frame_cannot_leave_is_not_read() {
    let mut world = World::new(Config::default());
    let (at, _) = world.joined(true);
    let id = world.clients[at].ws.as_ref().expect("a WebSocket").id;
    world.net.pipes[id].room = 0;
    let fault = world.core.stats().counters.bad_frames;
    for byte in [0x81, 0x00].into_iter().chain([0x55; 64]) {
        world.net.write(id, &[byte]);
        world.turn();
    }
    let stats = world.core.stats();
    assert_eq!(stats.counters.bad_frames, fault + 1, "one fault is counted once");
    assert_eq!(stats.sockets, 0, "the session is over");
    world.net.pipes[id].room = usize::MAX;
    world.net.busy.push(id);
    world.run(Limits::default().close_timeout + 1);
    world.assert_empty(1);
}
