//! Relations between events, as matrices.

pub(crate) type Matrix = Vec<Vec<bool>>;

pub(crate) fn empty(n: usize) -> Matrix {
    vec![vec![false; n]; n]
}

pub(crate) fn union(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| *a || *b).collect()).collect()
}

pub(crate) fn then(a: &Matrix, b: &Matrix) -> Matrix {
    let n = a.len();
    let mut result = empty(n);
    for i in 0..n {
        for j in (0..n).filter(|j| a[i][*j]) {
            for k in (0..n).filter(|k| b[j][*k]) {
                result[i][k] = true;
            }
        }
    }
    result
}

pub(crate) fn or_same(a: &Matrix) -> Matrix {
    let mut result = a.clone();
    (0..a.len()).for_each(|i| result[i][i] = true);
    result
}

pub(crate) fn closure(a: &Matrix) -> Matrix {
    let mut result = a.clone();
    loop {
        let next = union(&result, &then(&result, &result));
        if next == result {
            return result;
        }
        result = next;
    }
}

pub(crate) fn is_irreflexive(a: &Matrix) -> bool {
    (0..a.len()).all(|i| !a[i][i])
}

pub(crate) fn transposed(a: &Matrix) -> Matrix {
    (0..a.len()).map(|i| (0..a.len()).map(|j| a[j][i]).collect()).collect()
}

/// Returns the pairs that begin where `from` holds and end where `to` holds.
pub(crate) fn between(a: &Matrix, from: impl Fn(usize) -> bool, to: impl Fn(usize) -> bool) -> Matrix {
    let row = |i: usize| (0..a.len()).map(|j| a[i][j] && from(i) && to(j)).collect();
    (0..a.len()).map(row).collect()
}
