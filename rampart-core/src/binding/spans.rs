//! Which numbers have been there, in little memory: it never forgets one, and may come to hold some that have not.

/// Runs of numbers, each with its first and its last, in their order.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(u64, u64)>);

/// Beyond that the two that are nearest to each other become one.
const MOST_SPANS: usize = 16;

impl Spans {
    pub(super) fn add(&mut self, number: u64) {
        let at = self.0.partition_point(|(_, last)| last.saturating_add(1) < number);
        match self.0.get_mut(at) {
            Some((first, last)) if first.saturating_sub(1) <= number => {
                (*first, *last) = ((*first).min(number), (*last).max(number));
            }
            _ => self.0.insert(at, (number, number)),
        }
        self.join_touching();
        if self.0.len() > MOST_SPANS {
            let gaps = self.0.windows(2).filter_map(|pair| Some(pair.last()?.0 - pair.first()?.1));
            let nearest = gaps.enumerate().min_by_key(|(_, gap)| *gap).map_or(0, |(at, _)| at);
            self.join(nearest);
        }
    }

    fn join_touching(&mut self) {
        let touches = |pair: &[(u64, u64)]| matches!(pair, [(_, last), (first, _)] if last.saturating_add(1) >= *first);
        if let Some(at) = self.0.windows(2).position(touches) {
            self.join(at);
        }
    }

    /// Makes one of that at a place and the next.
    fn join(&mut self, at: usize) {
        if at + 1 < self.0.len() {
            let (_, last) = self.0.remove(at + 1);
            if let Some(span) = self.0.get_mut(at) {
                span.1 = last;
            }
        }
    }

    /// The last number of the run that this one is in.
    pub(super) fn last_around(&self, number: u64) -> Option<u64> {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).filter(|(first, _)| *first <= number).map(|(_, last)| *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_grow_meet_and_stay_few() {
        let mut spans = Spans::default();
        for number in [10, 12, 11, 20, 9, 30, 31, 10] {
            spans.add(number);
        }
        assert_eq!(spans.0, [(9, 12), (20, 20), (30, 31)]);
        let around = |number| spans.last_around(number);
        assert_eq!(
            [8, 9, 12, 13, 20, 21, 31, 32].map(around),
            [None, Some(12), Some(12), None, Some(20), None, Some(31), None]
        );
        for number in 0..100 {
            spans.add(1000 + number * 10);
            assert!(spans.0.len() <= MOST_SPANS);
        }
        for number in (0..100).map(|number| 1000 + number * 10).chain([9, 20, 31]) {
            assert!(spans.last_around(number).is_some(), "{number} is forgotten");
        }
    }
}
