//! What the plan of the house says of its crates, held by a test: nothing else would notice.

use std::{fs, path::Path};

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the crate's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("a source file")));
        }
    }
}

/// The sources of a crate of this workspace.
fn of(name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut found);
    assert!(found.len() > 10, "{name} was looked at");
    found
}

/// Where one of these words stands, in lines that are no comments.
fn places(name: &str, words: &[&str]) -> Vec<String> {
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    let of_file = |(path, text): (String, String)| {
        let lines = text.lines().filter(|line| is_code(line) && words.iter().any(|word| line.contains(word)));
        lines.map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()
    };
    of(name).into_iter().flat_map(of_file).collect()
}

#[test]
fn each_crate_names_what_it_may() {
    let none: Vec<String> = Vec::new();
    assert_eq!(
        places("domain", &["SystemTime", "Instant::now", "Timestamp::now", "now_v7", "new_v4", "std::fs", "std::net", "tokio::"]),
        none
    );
    assert_eq!(places("backend", &["leptos", "axum"]), none);
    assert_eq!(places("app", &["sqlx"]), none);
    let gates = places("app", &["feature = \"ssr\""]);
    assert!(matches!(&*gates, [gate] if gate.ends_with("lib.rs: #[cfg(feature = \"ssr\")]")), "on `mod ssr;` alone: {gates:?}");
}

#[test]
fn what_a_browser_loads_erases_types_without_the_way_to_wait() {
    let elsewhere =
        places("app", &[".into_any()"]).into_iter().filter(|place| !place.contains("/src/ssr/") && !place.contains("/src/erase.rs"));
    assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<String>::new(), "`Erase::erase` instead");
    assert_ne!(places("app", &[".erase()"]), Vec::<String>::new(), "they were looked at");
}
