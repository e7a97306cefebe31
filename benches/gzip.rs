//! How large bytes are when they travel.

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

pub(crate) fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
