//! A small table of names met in answers: found by comparing bytes, never by hashing.

/// Names in the order they were met, at most [`Names::MOST`] of them.
///
/// A target is hostile: it may answer a new name each time. Past the bound every further name
/// is counted under the last place, [`Names::OTHERS`].
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<Box<[u8]>>,
    last: usize,
}

impl Names {
    /// The most names told apart.
    pub const MOST: usize = 256;
    /// The name under which all further ones are counted.
    pub const OTHERS: &'static str = "(others)";
    /// The longest name kept, in bytes; longer ones are cut.
    pub const LONGEST: usize = 128;

    /// The place of `name`, which is added when it is new. Allocates only for a new name.
    #[inline]
    pub fn index_of(&mut self, name: &[u8]) -> usize {
        let name = &name[..name.len().min(Self::LONGEST)];
        // Round robin: the next answer most often names the next replica.
        let next = if self.last + 1 < self.names.len() {
            self.last + 1
        } else {
            0
        };
        for guess in [next, self.last] {
            if self.names.get(guess).is_some_and(|known| **known == *name) {
                self.last = guess;
                return guess;
            }
        }
        self.last = self.search(name);
        self.last
    }

    fn search(&mut self, name: &[u8]) -> usize {
        if let Some(place) = self.names.iter().position(|known| **known == *name) {
            return place;
        }
        if self.names.len() == Self::MOST - 1 {
            self.names.push(Self::OTHERS.as_bytes().into());
        }
        if self.names.len() >= Self::MOST {
            return Self::MOST - 1;
        }
        self.names.push(name.into());
        self.names.len() - 1
    }

    /// The names in order; bytes that are not UTF-8 become U+FFFD.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.names
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// How many names were met.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no name was met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
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
        assert_eq!(names.iter().last().as_deref(), Some(Names::OTHERS));
    }
}
