//! A map of few keys, of which each step makes a copy.

/// A map as a vector sorted by key. A copy is one allocation, and none if the map is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Sorted<K, V> {
        Sorted(Vec::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// Returns where the key stands, or where it would stand.
    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// Returns the value of a key, which is made if there is none.
    pub(crate) fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.find(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, make()));
                at
            }
        };
        &mut self.0[at].1
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_does_what_a_map_of_std_does() {
        let (mut ours, mut theirs) = (Sorted::default(), BTreeMap::new());
        for (number, key) in [3, 1, 2, 1, 3, 0].into_iter().enumerate() {
            ours.insert(key, number);
            theirs.insert(key, number);
            assert_eq!(ours.0, theirs.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
        }
        assert_eq!((*ours.or_insert_with(2, || 9), *ours.or_insert_with(4, || 9)), (2, 9));
        *ours.get_mut(&4).expect("it was made") += 1;
        assert_eq!((ours.get(&4), ours.get(&5)), (Some(&10), None));
        assert_eq!([ours.remove(&4), ours.remove(&4)], [Some(10), None]);
    }
}
