//! Emits without recipients through the Rust API, for `bench.c` to be compared with. It must do what that does, no less.

use roomcast::{Broker, Config, Message, Target};

const EMITS: u32 = 2_000_000;

fn cpu_ns() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn emits(args: &str) {
    let mut broker = Broker::new(Config::default()).unwrap();
    broker.listen("127.0.0.1:0").unwrap();
    let ns = broker.find_namespace("/").unwrap();
    let start = cpu_ns();
    for _ in 0..EMITS {
        let target = Target::rooms(ns, std::hint::black_box(&["empty"]));
        broker
            .emit(target, Message::new(std::hint::black_box("message"), std::hint::black_box(args)))
            .unwrap();
    }
    println!("rust_emit_{} {:.1}", args.len(), (cpu_ns() - start) / f64::from(EMITS));
}

fn main() {
    emits("[1]");
    emits(&format!("[{}]", "7".repeat(98)));
}
