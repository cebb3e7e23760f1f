//! Which request comes next in one thread's slice of a group's arrivals.

use std::cell::Cell;

use crate::schedule::Slice;
use crate::traffic::{Call, Choice};

/// Numbers a slice's arrivals as the whole schedule does.
#[derive(Debug)]
pub struct Calls {
    choice: Choice,
    next: Cell<u64>,
    step: u64,
}

impl Calls {
    pub fn new(choice: Choice, slice: Slice) -> Self {
        Self {
            choice,
            next: Cell::new(slice.index as u64),
            step: slice.of.max(1) as u64,
        }
    }

    #[inline]
    pub fn next(&self) -> Call {
        let k = self.next.get();
        self.next.set(k.wrapping_add(self.step));
        Call {
            k,
            request: self.choice.of(k),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Order;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_slices_have_together_the_calls_of_the_whole(
            n in 1_usize..9, weights in prop::collection::vec(1_u32..9, 1..6), seed: u64, random: bool,
        ) {
            let order = if random { Order::Random } else { Order::InTurn };
            let choice = Choice::new(&weights, order, seed);
            let whole = Calls::new(choice.clone(), Slice::WHOLE);
            let slices: Vec<_> = (0..n)
                .map(|index| Calls::new(choice.clone(), Slice { index, of: n }))
                .collect();
            for k in 0..200 {
                let call = whole.next();
                prop_assert_eq!(call.k, k as u64);
                prop_assert_eq!(slices[k % n].next(), call);
            }
        }
    }
}
