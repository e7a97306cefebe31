//! Addresses that stand for names.
//!
//! A name in slot `s` of the table has the number `1024 g + s`, where `g` goes up by one each time
//! the slot gets a name that needs a number, so that an address of a name that was evicted does
//! not mean the next name. The number is counted from the start of the range.

use crate::Rules;
use crate::rules::Key;

const V6: u128 = 0x2001_0002 << 96;

/// How many numbers there are: those of the IPv4 range.
pub(super) fn numbers(rules: &Rules<'_>) -> u32 {
    1 << (32 - u32::from(rules.synthetic().1))
}

/// The number that an address has, which may be nobody's.
pub(super) fn number(rules: &Rules<'_>, key: Key) -> Option<u32> {
    let number = match key.is_v4() {
        true => (key.0 as u32).wrapping_sub(rules.synthetic().0),
        false if key.0 >> 32 == V6 >> 32 => key.0 as u32,
        false => return None,
    };
    (number < numbers(rules)).then_some(number)
}

/// The address of a number.
pub(super) fn address(rules: &Rules<'_>, number: u32, v4: bool) -> Key {
    match v4 {
        true => Key::v4(rules.synthetic().0.wrapping_add(number)),
        false => Key(V6 | u128::from(number)),
    }
}
