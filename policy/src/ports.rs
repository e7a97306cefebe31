//! Lists of ports.

use crate::Mistake;
use smallvec::{SmallVec, smallvec};
use std::fmt;
use std::ops::RangeInclusive;

/// A set of ports: ranges, sorted and apart from each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports(SmallVec<[(u16, u16); 4]>);

impl Ports {
    /// Every port, 0 included.
    pub fn all() -> Self {
        Ports(smallvec![(0, u16::MAX)])
    }

    /// The ports of some ranges.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        let ranges = ranges
            .into_iter()
            .map(|range| (*range.start(), *range.end()));
        let mut ranges: SmallVec<[_; 4]> = ranges.filter(|(low, high)| low <= high).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|(low, high), last| {
            let touches = u32::from(*low) <= u32::from(last.1) + 1;
            if touches {
                last.1 = last.1.max(*high);
            }
            touches
        });
        Ports(ranges)
    }

    /// Reads `443` or `1000-2000`.
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn parse_range(text: &str) -> Result<RangeInclusive<u16>, Mistake> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = text.parse::<u16>().ok().filter(|_| digits);
            parsed.ok_or_else(|| {
                Mistake::new(format!("`{text}` is not a port"))
                    .hint("ports are 0 to 65535; write `443`, `1000-2000` or `*`")
            })
        };
        let (low, high) = match text.split_once('-') {
            Some((low, high)) => (number(low.trim())?, number(high.trim())?),
            None => {
                let port = number(text)?;
                (port, port)
            }
        };
        if low > high {
            return Err(Mistake::new(format!("`{text}` ends before it begins"))
                .hint(format!("write `{high}-{low}`")));
        }
        Ok(low..=high)
    }

    /// The ranges, sorted, apart from each other.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (u16, u16)> + '_ {
        self.0.iter().copied()
    }

    /// Whether it is every port.
    pub fn is_all(&self) -> bool {
        self.0[..] == [(0, u16::MAX)]
    }

    pub(crate) fn overlaps(&self, low: u16, high: u16) -> bool {
        self.0.iter().any(|range| range.0 <= high && low <= range.1)
    }

    /// Whether a port is one of them.
    pub fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&port))
    }
}

impl fmt::Display for Ports {
    /// As a flag has it: `*`, or numbers and ranges with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("*");
        }
        for (i, (low, high)) in self.ranges().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match low == high {
                true => write!(f, "{comma}{low}")?,
                false => write!(f, "{comma}{low}-{high}")?,
            }
        }
        Ok(())
    }
}
