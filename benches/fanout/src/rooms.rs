//! Who is in which room, and so who is to get what. No I/O.

/// The arena is a square of so many cells a side whose edges meet; a cell is a room.
const SIDE: usize = 20;
/// Spreads neighbours in connection order over the arena; has no factor in common with its number of cells.
const STRIDE: usize = 211;

/// The rooms of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rooms {
    /// Everybody is in room "r" and publishes there.
    One,
    /// Everybody stands in a cell of the arena, is in the nine rooms around it, and publishes in its own.
    Arena,
}

impl Rooms {
    /// The rooms that a connection joins.
    pub fn of(self, conn: usize) -> Vec<String> {
        match self {
            Rooms::One => vec!["r".into()],
            Rooms::Arena => {
                let around = |at: usize| [at + SIDE - 1, at, at + 1].map(|at| at % SIDE);
                let (column, row) = cell(conn);
                around(row).iter().flat_map(|&row| around(column).map(|column| name(column, row))).collect()
            }
        }
    }

    /// The room that a connection publishes in, where the server has to be told.
    pub fn published(self, conn: usize) -> Option<String> {
        let (column, row) = cell(conn);
        (self == Rooms::Arena).then(|| name(column, row))
    }

    /// Whether `conn` is to get what `publisher` publishes.
    pub fn reaches(self, publisher: usize, conn: usize) -> bool {
        let near = |a: usize, b: usize| matches!((a + SIDE - b) % SIDE, 0 | 1) || (b + SIDE - a) % SIDE == 1;
        let ((column, row), (from_column, from_row)) = (cell(conn), cell(publisher));
        publisher != conn && (self == Rooms::One || (near(column, from_column) && near(row, from_row)))
    }
}

fn cell(conn: usize) -> (usize, usize) {
    let at = conn * STRIDE % (SIDE * SIDE);
    (at % SIDE, at / SIDE)
}

fn name(column: usize, row: usize) -> String {
    format!("c{column}-{row}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn who_is_reached_is_who_joined() {
        let joined: Vec<HashSet<String>> =
            (0..1_000).map(|conn| Rooms::Arena.of(conn).into_iter().collect()).collect();
        assert_eq!(joined.iter().flatten().collect::<HashSet<_>>().len(), 400);
        for publisher in (0..1_000).step_by(7) {
            let room = Rooms::Arena.published(publisher).unwrap();
            for (conn, rooms) in joined.iter().enumerate() {
                assert_eq!(rooms.len(), 9);
                let expected = conn != publisher && rooms.contains(&room);
                assert_eq!(Rooms::Arena.reaches(publisher, conn), expected, "{publisher} {conn}");
            }
        }
    }
}
