//! Numbers as people read them.

/// With the three or four digits that say something: `1,235,000`, `123`, `12.3`, `1.23`, `0.0123`. What is whole is left whole.
pub(super) fn human(number: f64) -> String {
    let size = number.abs();
    if number.fract() == 0.0 {
        return grouped(number);
    }
    match size {
        10_000.0.. => {
            let unit = 10f64.powf(size.log10().floor() - 3.0);
            grouped((number / unit).round() * unit)
        }
        1_000.0.. => grouped(number),
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        0.1.. => format!("{number:.3}"),
        0.001.. => format!("{number:.4}"),
        _ => format!("{number:.1e}"),
    }
}

/// For an axis: `250`, `2.5`, `20k`, `3M`.
pub(super) fn short(number: f64) -> String {
    let (scaled, suffix) = match number.abs() {
        1e9.. => (number / 1e9, "G"),
        1e6.. => (number / 1e6, "M"),
        1e4.. => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let text = human(scaled);
    // Steps of an axis are round: what is behind the point is mostly nothing.
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    format!("{text}{suffix}")
}

/// All of it, such as a size that somebody has chosen.
pub(super) fn grouped(number: f64) -> String {
    let text = format!("{number:.0}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        let cases = [
            (0.0, "0"),
            (1_234_567.8, "1,235,000"),
            (148_124.4, "148,100"),
            (-1_000.4, "-1,000"),
            (9_999.0, "9,999"),
            (14_408.0, "14,408"),
            (999.6, "1000"),
            (123.4, "123"),
            (12.34, "12.3"),
            (12.01, "12.0"),
            (12.0, "12"),
            (1.234, "1.23"),
            (0.5, "0.500"),
            (0.012_34, "0.0123"),
            (0.000_012, "1.2e-5"),
        ];
        for (number, text) in cases {
            assert_eq!(human(number), text);
        }
    }

    #[test]
    fn axes_have_short_numbers() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.25"),
            (2.5, "2.5"),
            (250.0, "250"),
            (5_000.0, "5,000"),
            (20_000.0, "20k"),
            (2_500_000.0, "2.5M"),
        ];
        for (number, text) in cases {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn sizes_are_written_as_they_are() {
        assert_eq!(grouped(65_536.0), "65,536");
        assert_eq!(grouped(36.0), "36");
    }
}
