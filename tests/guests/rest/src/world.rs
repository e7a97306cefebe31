//! What `wit/rest.wit` says.

wit_bindgen::generate!({ path: "wit", world: "rest", generate_all });
