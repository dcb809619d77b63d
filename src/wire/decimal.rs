//! Whole numbers as text. It must not format anything else: this is for where `write!` would be most of the cost.

/// Appends a number, without leading zeros.
pub(super) fn write(out: &mut Vec<u8>, mut number: u64) {
    // As many digits as the largest has.
    let mut digits = [0; 20];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add((number % 10) as u8);
        number /= 10;
        first = first.saturating_sub(1);
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_as_rust_writes_them() {
        let edges = (0..20).flat_map(|zeros| {
            let power = 10_u64.pow(zeros);
            [power - 1, power, power + 1]
        });
        for number in edges.chain([u64::MAX]) {
            let mut out = b"n=".to_vec();
            super::write(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("n={number}"));
        }
    }
}
