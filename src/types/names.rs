//! Names that were meant when another was written.

/// The number of letters by which two names differ; swapped neighbours count once. Long names are not compared.
pub fn distance(a: &[u8], b: &[u8]) -> usize {
    const MAX: usize = 40;
    if a.len() > MAX || b.len() > MAX || a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The name that was probably meant. `left` is how many names may be compared, now and later.
pub fn nearest<'a>(name: &[u8], candidates: impl Iterator<Item = &'a [u8]>, left: &mut usize) -> Option<String> {
    // All names of one letter are alike.
    let allowed = if name.len() < 2 { 0 } else { name.len().div_ceil(4).min(3) };
    let compared = candidates.take(*left).map(|other| {
        *left -= 1;
        (distance(name, other), other)
    });
    let best = compared.filter(|(far, _)| (1..=allowed).contains(far)).min()?;
    Some(String::from_utf8_lossy(best.1).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance(b"lenght", b"length"), 1);
        assert_eq!(distance(b"strict", b"strct"), 1);
        assert_eq!(distance(b"abc", b"abc"), 0);
        assert_eq!(distance(b"", b"ab"), 2);
    }

    #[test]
    fn nearest_name() {
        let names = ["insert", "remove", "concat"];
        let mut left = 11;
        let mut near = |name: &str| nearest(name.as_bytes(), names.iter().map(|name| name.as_bytes()), &mut left);
        assert_eq!(near("isnert").as_deref(), Some("insert"));
        assert_eq!(near("x"), None);
        assert_eq!(near("insert"), None);
        // The last one of these is not looked at any more.
        assert_eq!((near("concta"), near("isnert")), (None, None));
    }
}
