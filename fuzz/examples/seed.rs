//! Makes the corpus that `cargo fuzz run` starts from, in `corpus`: of the texts in `seeds`, and
//! of components that the target `components` makes.

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let corpus = fuzz.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        fs::write(corpus.join(name), bytes)
    };
    for entry in fs::read_dir(fuzz.join("seeds"))? {
        let seed = entry?.path();
        let name = seed
            .file_name()
            .and_then(|it| it.to_str())
            .unwrap_or("seed");
        match name.rsplit_once('.') {
            Some((stem, "wat")) => put("bytes", stem, &wat::parse_file(&seed)?)?,
            Some((stem, "toml")) => {
                let text = fs::read(&seed)?;
                put("policy", stem, &text)?;
                put("script", stem, &text)?;
            }
            _ => {}
        }
    }
    for byte in 0..=u8::MAX {
        let data = [byte; 512];
        put("components", &format!("all-{byte}"), &data)?;
        if let Some(component) = sockvirt_fuzz::component(&data) {
            put("bytes", &format!("all-{byte}"), &component)?;
        }
    }
    Ok(())
}
