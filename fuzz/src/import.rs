//! What a broker is to import: bytes as they are, and as the body of a part whose checksum is right. Nothing may panic; what is taken
//! over is exported again as it is, and when its time is up nothing is left of it.

use super::input::Input;
use roomcast::service::Service;
use roomcast::wire::parts::{Place, Writer};
use roomcast::{Config, Core, Events, Limits, NamespaceOptions, PatternOptions};

const WHOLE: Place = Place { number: 0, count: 1 };
/// When the corpus was exported, and it is imported: milliseconds since 1970.
const TIME: u64 = 1_700_000_000_000;
/// Bytes of a part before its body.
const HEADER: usize = 48;

pub(crate) fn import(input: &[u8]) {
    let mut input = Input(input);
    let tight = input.flag();
    if core(tight).import_recovery(input.0).is_ok() {
        // The corpus has none that is whole.
        assert!(input.0.len() >= HEADER);
    }
    let mut body = Writer::default();
    body.raw(input.0);
    let mut first = core(tight);
    let Ok(waiting) = first.import_recovery(&body.part(WHOLE)) else {
        return nothing_is_left(first);
    };
    assert_eq!(waiting, first.stats().away);
    let exported = first.export_recovery().expect("there is one loop");
    let mut second = core(tight);
    assert_eq!(second.import_recovery(&exported), Ok(waiting), "what is exported can be imported");
    let again = second.export_recovery().expect("there is one loop");
    assert_eq!(behind_the_lives(&exported), behind_the_lives(&again));
    nothing_is_left(first);
    nothing_is_left(second);
}

fn core(tight: bool) -> Core {
    let limits = match tight {
        true => Limits {
            recovery_sessions: 2,
            recovery_log_bytes: 400,
            max_rooms_per_socket: 2,
            max_namespaces: 3,
            ..Limits::default()
        },
        false => Limits::default(),
    };
    let mut core =
        Core::new(Config { limits, room_events: true, ..Config::default() }, TIME).expect("a good config");
    core.add_namespace("/", NamespaceOptions { recovery: true, ..NamespaceOptions::default() })
        .expect("it is there");
    core.add_pattern("/t-*", PatternOptions { recovery: true, ..PatternOptions::default() })
        .expect("a good pattern");
    core
}

/// An export without the lives it knows of, of which each process adds one.
fn behind_the_lives(exported: &[u8]) -> &[u8] {
    let count = exported[HEADER + 8..HEADER + 12].try_into().map(u32::from_le_bytes).expect("four bytes");
    &exported[HEADER + 12 + 13 * count as usize..]
}

fn nothing_is_left(mut core: Core) {
    let mut turns = 0;
    while let Some(due) = core.next_timeout() {
        core.timeout(due);
        core.take_events(&mut Events::new());
        turns += 1;
        assert!(turns < 100_000, "it does not come to rest: {:?}", core.stats());
    }
    let stats = core.stats();
    assert_eq!((stats.away, stats.recovery_bytes, stats.timers, stats.namespaces), (0, 0, 0, 1), "{stats:?}");
}
