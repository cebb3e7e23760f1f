//! A small table of names met in answers: found by comparing bytes, never by hashing.

use super::Distinct;

/// Names in the order they were met, at most [`Names::MOST`] of them, or fewer where that is said.
///
/// A target is hostile: it may answer a new name each time. Past the bound the names that are first
/// in their order keep their places, whenever they come, and all others are counted under the last
/// place, [`Names::OTHERS`]: which ones these are does not depend on chance.
#[derive(Clone, Debug)]
pub struct Names {
    known: Vec<Box<[u8]>>,
    last: usize,
    given_up: Option<usize>,
    most: usize,
    beyond: Distinct,
}

impl Default for Names {
    fn default() -> Self {
        Self::at_most(Self::MOST)
    }
}

impl Names {
    /// The most names told apart.
    pub const MOST: usize = 256;
    /// The name under which all further ones are counted.
    pub const OTHERS: &'static str = "(others)";
    /// The longest name kept, in bytes; longer ones are cut.
    pub const LONGEST: usize = 128;

    /// A table of at most so many names, [`Self::OTHERS`] among them; never more than [`Self::MOST`].
    #[must_use]
    pub fn at_most(most: usize) -> Self {
        Self {
            known: Vec::new(),
            last: 0,
            given_up: None,
            most: most.clamp(2, Self::MOST),
            beyond: Distinct::default(),
        }
    }

    /// The place of `name`, which is added when it is new. Allocates only for a new name.
    #[inline]
    pub fn index_of(&mut self, name: &[u8]) -> usize {
        let name = &name[..name.len().min(Self::LONGEST)];
        // Round robin: the next answer most often names the next replica.
        let next = if self.last + 1 < self.known.len() {
            self.last + 1
        } else {
            0
        };
        for guess in [next, self.last] {
            if self.known.get(guess).is_some_and(|known| **known == *name) {
                self.last = guess;
                return guess;
            }
        }
        self.last = self.search(name);
        self.last
    }

    fn search(&mut self, name: &[u8]) -> usize {
        if let Some(place) = self.known.iter().position(|known| **known == *name) {
            return place;
        }
        if self.known.len() < self.others() {
            self.known.push(name.into());
            return self.known.len() - 1;
        }
        if self.known.len() == self.others() {
            self.known.push(Self::OTHERS.as_bytes().into());
        }
        if name == Self::OTHERS.as_bytes() {
            return self.others();
        }
        if let Some(place) = self.replace_last_in_order(name) {
            return place;
        }
        self.beyond.meet(name);
        self.others()
    }

    /// Gives the place of the last name in order to one that comes before it.
    #[cold]
    fn replace_last_in_order(&mut self, name: &[u8]) -> Option<usize> {
        let named = self.known[..self.others()].iter().enumerate();
        let (place, last) = named.max_by_key(|(_, known)| *known)?;
        if name >= &**last {
            return None;
        }
        self.beyond.meet(last);
        self.known[place] = name.into();
        self.given_up = Some(place);
        Some(place)
    }

    /// The place whose name was given up for another by the last look-up: what was counted there
    /// belongs to all others.
    #[inline]
    pub fn take_given_up(&mut self) -> Option<usize> {
        self.given_up.take()
    }

    /// The place of all names beyond the bound.
    pub(super) const fn others(&self) -> usize {
        self.most - 1
    }

    /// The names that were met and have no place of their own.
    #[must_use]
    pub const fn beyond(&self) -> &Distinct {
        &self.beyond
    }

    /// The names in order; bytes that are not UTF-8 become U+FFFD.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.known
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// How many names were met.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no name was met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_place() {
        let mut names = Names::default();
        let places: Vec<_> = ["a", "b", "a", "c", "b"]
            .map(|name| names.index_of(name.as_bytes()))
            .into();
        assert_eq!(places, [0, 1, 0, 2, 1]);
    }

    #[test]
    fn a_target_that_invents_names_cannot_grow_the_table() {
        let mut names = Names::default();
        for n in 0..10_000 {
            names.index_of(format!("replica-{n}").as_bytes());
        }
        assert_eq!(names.len(), Names::MOST);
        let kept: Vec<_> = names.iter().take(Names::MOST - 1).collect();
        let mut all: Vec<_> = (0..10_000).map(|n| format!("replica-{n}")).collect();
        all.sort_unstable();
        assert!(
            kept.iter()
                .all(|name| all[..Names::MOST - 1].contains(name))
        );
        assert_eq!(names.iter().last().as_deref(), Some(Names::OTHERS));
    }
}
