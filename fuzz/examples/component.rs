//! Writes the component that the target `components` makes of an input: `IN OUT.wasm`.

use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let (Some(input), Some(output), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: component IN OUT.wasm".into());
    };
    let component = sockvirt_fuzz::component(&fs::read(input)?);
    Ok(fs::write(
        output,
        component.ok_or("it makes no component of that")?,
    )?)
}
