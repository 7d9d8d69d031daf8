//! Relations between events, as matrices: a row is the set of events that one event is related to.

#[derive(Clone, PartialEq)]
pub(crate) struct Matrix(Vec<u32>);

impl Matrix {
    pub(crate) fn has(&self, a: usize, b: usize) -> bool {
        self.0[a] >> b & 1 == 1
    }

    pub(crate) fn set(&mut self, a: usize, b: usize, on: bool) {
        self.0[a] = self.0[a] & !(1 << b) | u32::from(on) << b;
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the pairs for which `holds` is true.
    pub(crate) fn filtered(&self, holds: impl Fn(usize, usize) -> bool) -> Matrix {
        let mut result = empty(self.len());
        for a in 0..self.len() {
            (0..self.len()).for_each(|b| result.set(a, b, self.has(a, b) && holds(a, b)));
        }
        result
    }
}

pub(crate) fn empty(n: usize) -> Matrix {
    assert!(n <= 32, "a row has 32 bits");
    Matrix(vec![0; n])
}

pub(crate) fn union(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix(a.0.iter().zip(&b.0).map(|(a, b)| a | b).collect())
}

pub(crate) fn then(a: &Matrix, b: &Matrix) -> Matrix {
    let row = |from: &u32| (0..b.len()).filter(|j| from >> j & 1 == 1).fold(0, |row, j| row | b.0[j]);
    Matrix(a.0.iter().map(row).collect())
}

pub(crate) fn or_same(a: &Matrix) -> Matrix {
    Matrix(a.0.iter().enumerate().map(|(at, row)| row | 1 << at).collect())
}

pub(crate) fn closure(a: &Matrix) -> Matrix {
    let mut result = a.clone();
    for through in 0..a.len() {
        let onward = result.0[through];
        result.0.iter_mut().filter(|row| **row >> through & 1 == 1).for_each(|row| *row |= onward);
    }
    result
}

pub(crate) fn is_irreflexive(a: &Matrix) -> bool {
    (0..a.len()).all(|i| !a.has(i, i))
}

pub(crate) fn transposed(a: &Matrix) -> Matrix {
    let mut result = empty(a.len());
    for i in 0..a.len() {
        (0..a.len()).for_each(|j| result.set(j, i, a.has(i, j)));
    }
    result
}

/// Returns the pairs that begin where `from` holds and end where `to` holds.
pub(crate) fn between(a: &Matrix, from: impl Fn(usize) -> bool, to: impl Fn(usize) -> bool) -> Matrix {
    let ends = (0..a.len()).filter(|at| to(*at)).fold(0, |ends, at| ends | 1 << at);
    Matrix((0..a.len()).map(|i| if from(i) { a.0[i] & ends } else { 0 }).collect())
}
