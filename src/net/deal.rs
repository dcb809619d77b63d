//! Whose turn it is: one loop accepts for all, and deals what it gets to each of them. It must not let more be under way to a
//! loop than it soon takes in.

use std::sync::Arc;

/// Streams under way to one loop. Past that it is passed over.
const UNDER_WAY: usize = 1_024;

/// Who gets the next stream.
#[derive(Debug)]
pub(super) struct Deal {
    /// The loop that deals.
    own: usize,
    next: usize,
    /// For each loop as many more of these as there are streams on their way to it.
    under_way: Box<[Arc<()>]>,
}

/// Goes with a stream on its way to another loop.
pub(super) type UnderWay = Arc<()>;

impl Deal {
    pub(super) fn new(own: usize, count: usize) -> Self {
        Self { own, next: 0, under_way: (0..count).map(|_| Arc::default()).collect() }
    }

    /// The number of the loop whose turn it is; `None`: the dealer's own. It has also the turns of those who have too much to
    /// take in.
    pub(super) fn next(&mut self) -> Option<(usize, UnderWay)> {
        for _ in 0..self.under_way.len() {
            let number = self.next;
            self.next = (number + 1) % self.under_way.len();
            if number == self.own {
                break;
            }
            if Arc::strong_count(&self.under_way[number]) <= UNDER_WAY {
                return Some((number, self.under_way[number].clone()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_and_who_has_too_much_under_way_is_passed_over() {
        let mut deal = Deal::new(1, 3);
        let round = |deal: &mut Deal| [(); 6].map(|()| deal.next().map(|(number, _)| number));
        assert_eq!(round(&mut deal), [Some(0), None, Some(2), Some(0), None, Some(2)]);
        let (number, ticket) = deal.next().unwrap();
        assert_eq!(number, 0);
        let tickets = vec![ticket; UNDER_WAY];
        assert_eq!(round(&mut deal), [None, Some(2), None, Some(2), None, Some(2)]);
        drop(tickets);
        assert_eq!(round(&mut deal), [Some(0), None, Some(2), Some(0), None, Some(2)]);
    }
}
