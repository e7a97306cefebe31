//! Calls made up at random.

#[path = "common/driver.rs"]
mod driver;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Nothing panics, nothing exceeds its bounds, no byte is lost, doubled or out of order, and
    /// whatever the order of drops, nothing is left.
    #[test]
    fn whatever_is_called(data in prop::collection::vec(any::<u8>(), 0..1500)) {
        driver::drive(&data);
    }
}
