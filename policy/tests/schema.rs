//! The JSON Schema of the file.

use sockvirt_policy::Policy;

#[test]
fn the_checked_in_schema_is_what_the_reader_reads() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sockvirt.schema.json");
    let schema = Policy::json_schema();
    if std::env::var_os("SNAPSHOTS").is_some_and(|it| it == "overwrite") {
        std::fs::write(path, &schema).expect("the schema is written");
    }
    let checked_in = std::fs::read_to_string(path).expect("the schema is there");
    assert!(
        checked_in == schema,
        "run this test with SNAPSHOTS=overwrite"
    );
}
