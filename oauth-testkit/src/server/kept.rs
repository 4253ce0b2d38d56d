//! Requests in the order of their arrival. A server that runs for long forgets the oldest, and counts them all the same.

use std::collections::VecDeque;

/// How much is kept of requests of one kind; all of it without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLimit {
    pub(crate) requests: usize,
    /// Of their bodies together. The newest request is kept, however long it is.
    pub(crate) body_bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Kept<T> {
    requests: VecDeque<(T, usize)>,
    body_bytes: usize,
    forgotten: usize,
}

impl<T: Clone> Kept<T> {
    /// The place of the request, for [`get_mut`](Self::get_mut).
    pub(crate) fn push(&mut self, request: T, body_bytes: usize, limit: Option<LogLimit>) -> usize {
        self.requests.push_back((request, body_bytes));
        self.body_bytes += body_bytes;
        if let Some(limit) = limit {
            while self.requests.len() > 1
                && (self.requests.len() > limit.requests || self.body_bytes > limit.body_bytes)
            {
                let oldest = self.requests.pop_front();
                self.body_bytes -= oldest.map_or(0, |(_, bytes)| bytes);
                self.forgotten += 1;
            }
        }
        self.count() - 1
    }

    /// The request at this place, unless it was forgotten.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        let index = place.checked_sub(self.forgotten)?;
        self.requests.get_mut(index).map(|(request, _)| request)
    }

    /// How many there were, those included that are forgotten.
    pub(crate) fn count(&self) -> usize {
        self.forgotten + self.requests.len()
    }

    pub(crate) fn all(&self) -> Vec<T> {
        let requests = self.requests.iter();
        requests.map(|(request, _)| request.clone()).collect()
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            requests: VecDeque::new(),
            body_bytes: 0,
            forgotten: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Option<LogLimit> = Some(LogLimit {
        requests: 3,
        body_bytes: 10,
    });

    #[test]
    fn without_a_limit_everything_is_kept() {
        let mut kept = Kept::default();
        let places: Vec<usize> = (0..100).map(|n| kept.push(n, 1 << 20, None)).collect();
        assert!(places.into_iter().eq(0..100));
        assert_eq!(kept.all().len(), 100);
    }

    #[test]
    fn the_oldest_are_forgotten_and_counted_all_the_same() {
        let mut kept = Kept::default();
        for n in 0..5 {
            assert_eq!(kept.push(n, 1, LIMIT), n);
        }
        assert_eq!((kept.all(), kept.count()), (vec![2, 3, 4], 5));
        assert_eq!(kept.get_mut(1), None);
        assert_eq!(kept.get_mut(4), Some(&mut 4));
    }

    #[test]
    fn long_bodies_cost_older_ones_their_place_and_never_themselves() {
        let mut kept = Kept::default();
        for (n, bytes) in [4, 4, 4].into_iter().enumerate() {
            kept.push(n, bytes, LIMIT);
        }
        assert_eq!(kept.all(), [1, 2]);
        kept.push(3, 1000, LIMIT);
        assert_eq!(kept.all(), [3]);
        kept.push(4, 1, LIMIT);
        assert_eq!((kept.all(), kept.count()), (vec![4], 5));
    }
}
