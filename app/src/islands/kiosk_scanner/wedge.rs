//! A reader that types: it does so within milliseconds, whatever stood in the field before, and ends with Enter, with Tab or with
//! nothing.

/// What stands in the field for this long without another key, in milliseconds, is no part of what is typed next.
const PAUSE: f64 = 1_000.0;
/// Characters that a Tab ends as Enter does. Fewer are somebody's who goes from the field to the button.
const LEAST: usize = 8;

/// When a character was last typed, by the clock of the page's events.
#[derive(Debug, Default)]
pub struct Wedge(Option<f64>);

impl Wedge {
    /// A character is about to be typed: whether it begins another ticket, so that what stands in the field is thrown away.
    pub fn begins(&mut self, now: f64) -> bool {
        self.0.replace(now).is_some_and(|last| now - last >= PAUSE)
    }

    /// Whether a Tab ends what stands in the field.
    pub fn ends(&self, typed: &str, now: f64) -> bool {
        typed.trim().chars().count() >= LEAST && self.0.is_some_and(|last| now - last < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the field after each of these keys, which are typed 5 ms after one another.
    fn types(wedge: &mut Wedge, field: &mut String, keys: &str, from: f64) -> f64 {
        let mut now = from;
        for key in keys.chars() {
            now += 5.0;
            if wedge.begins(now) {
                field.clear();
            }
            field.push(key);
        }
        now
    }

    #[test]
    fn what_was_left_in_the_field_is_no_part_of_the_next_ticket() {
        let (mut wedge, mut field) = (Wedge::default(), String::new());
        let left = types(&mut wedge, &mut field, "a", 1_000_000.0);
        let read = types(&mut wedge, &mut field, "0123456789ABCDEF", left + 4_000.0);
        assert_eq!(field, "0123456789ABCDEF");
        // It was not ended, and somebody else's comes.
        types(&mut wedge, &mut field, "FEDCBA9876543210", read + PAUSE);
        assert_eq!(field, "FEDCBA9876543210");
    }

    #[test]
    fn a_ticket_that_comes_slowly_is_one() {
        let (mut wedge, mut field) = (Wedge::default(), String::new());
        let half = types(&mut wedge, &mut field, "01234567", 0.0);
        types(&mut wedge, &mut field, "89ABCDEF", half + 900.0);
        assert_eq!(field, "0123456789ABCDEF");
    }

    #[test]
    fn a_tab_ends_what_a_reader_has_typed_and_nothing_else() {
        let (mut wedge, mut field) = (Wedge::default(), String::new());
        assert!(!wedge.ends("0123456789ABCDEF", 0.0), "it was not typed");
        let now = types(&mut wedge, &mut field, "0123456789ABCDEF", 0.0);
        assert!(wedge.ends(&field, now + 5.0));
        assert!(!wedge.ends("", now + 5.0) && !wedge.ends(" 0000 ", now + 5.0), "too little for a ticket");
        assert!(!wedge.ends(&field, now + PAUSE), "somebody goes on to the button");
    }
}
