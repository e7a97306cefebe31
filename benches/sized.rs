//! Guests of any size.

use anyhow::Result;
use sockvirt_guest_builder::Guest;

/// A guest of about this many bytes: the standard library's, with copies of tokio's inside, which
/// are valid code like any other.
pub(crate) fn sized(bytes: usize) -> Result<Vec<u8>> {
    const COMPONENT_SECTION: u8 = 4;
    let (mut guest, more) = (Guest::Std.build()?, Guest::Tokio.build()?);
    while guest.len() + more.len() / 2 < bytes {
        guest.push(COMPONENT_SECTION);
        let mut size = more.len();
        while size >= 0x80 {
            guest.push(size as u8 | 0x80);
            size >>= 7;
        }
        guest.push(size as u8);
        guest.extend(&more);
    }
    Ok(guest)
}
