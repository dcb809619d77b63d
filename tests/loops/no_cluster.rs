//! A broker in no cluster says so to whoever speaks to other nodes, however it is driven.

use roomcast::{Broker, Config, Error, Target};

#[test]
fn other_nodes_are_spoken_to_in_a_cluster_alone() {
    for loops in [0, 1, 2] {
        let mut broker = Broker::new(Config { loops, ..Config::default() }).unwrap();
        let ns = broker.find_namespace("/").unwrap();
        let remote = broker.remote();
        let alone = Err(Error::NoCluster);
        assert_eq!(broker.server_emit(ns, "x", "[]", &[]), alone, "{loops} loops");
        assert_eq!(broker.ask_nodes(ns, "x", "[]", &[], 0, 0), alone);
        assert_eq!(broker.answer_node(1, "1", &[]), alone);
        assert_eq!(broker.fetch_remote_sockets(Target::all(ns), 0, 0), alone);
        assert_eq!(broker.count_nodes(ns, 0), alone);
        assert_eq!(remote.server_emit(ns, "x", "[]", &[]), alone);
        assert_eq!(remote.count_nodes(ns, 0), alone);
    }
}
