//! A guest before there is a policy for it.

use crate::error::Error;
use crate::read::{self, Bodies, Kind};
use crate::root::Root;

/// What is to be given a network: a component that was read and is valid, or a preview1 core module.
///
/// Reading takes most of the time of a build, and needs no policy. So one that is long can be read
/// on another thread meanwhile.
pub struct Guest<'b> {
    pub(crate) bytes: &'b [u8],
    /// What a component says; a module says it once it is one.
    pub(crate) root: Option<Root<'b>>,
}

impl<'b> Guest<'b> {
    /// Reads a component and validates all of it. Modules are only told from components here.
    ///
    /// # Errors
    ///
    /// Those of [`Error`] that are about bytes that are no valid component.
    pub fn read(bytes: &'b [u8]) -> Result<Self, Error> {
        let root = match read::kind(bytes)? {
            Kind::Component => Some(read::read(bytes, Bodies::All)?),
            Kind::Module => None,
        };
        Ok(Guest { bytes, root })
    }
}
