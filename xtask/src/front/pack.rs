//! Small parts of the browser code, put together into a few files.
//!
//! The split makes a part for every set of islands that share something, most of them smaller than the headers of the
//! request that fetches them: a product page needed 85. A phone pays for each with a piece of a round trip, and a
//! part compressed alone repeats what its neighbours say.
use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A part below this many bytes is put into a pack: about what fits into one answer before the network asks again.
const SMALL: usize = 4096;

/// The packs, and the islands whose visitors fetch them: a part belongs to the first pack that serves one of its users.
/// So nobody who buys fetches what only the staff's pages need.
const PACKS: [(&str, &[&str]); 4] = [
    ("everywhere", &["order_pill", "local_time", "store_time"]),
    ("product", &["product_form"]),
    ("shop", &["checkout", "order_tracker", "balance"]),
    ("staff", &[]),
];

/// Fetches a pack once, however many of its parts are asked for; `part` is that of `again`.
const UNPACK: &str = r"
const packs = new Map();
function unpack(name, from, to) {
    let bytes = packs.get(name);
    if (bytes === undefined) {
        bytes = part(name).then((answer) => answer.arrayBuffer());
        bytes.catch(() => packs.delete(name));
        packs.set(name, bytes);
    }
    return async (imports) => WebAssembly.instantiate((await bytes).slice(from, to), imports);
}
";

/// Moves the small parts in `folder` into packs and tells the loader, the script that fetches parts, where they are.
pub fn pack(folder: &Path, loader: &Path, hash: &str) -> Result<()> {
    let mut script = fs::read_to_string(loader).with_context(|| format!("{}", loader.display()))?;
    let mut packs: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut parts = super::stamp::files(folder)?;
    parts.sort();
    for part in parts {
        let Some(name) = part.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with("chunk_")) else { continue };
        let (at, users) = find(&script, name)?;
        let pack = pack_of(&users);
        seen.extend(users);
        let content = fs::read(&part).with_context(|| format!("{}", part.display()))?;
        if content.len() >= SMALL {
            continue;
        }
        let bytes = packs.entry(pack).or_default();
        let from = bytes.len();
        bytes.extend(content);
        let load = format!("return unpack(\"./{}\", {from}, {});", file_name(pack, hash), bytes.len());
        script.replace_range(at..at + fetch(name).len(), &load);
        fs::remove_file(&part).with_context(|| format!("{}", part.display()))?;
    }
    if let Some(gone) = PACKS.iter().flat_map(|(_, islands)| *islands).find(|island| !seen.contains(**island)) {
        bail!("no part of the browser code belongs to the island {gone} any more: take its name out of PACKS");
    }
    for (pack, content) in packs {
        let file = folder.join(file_name(pack, hash));
        fs::write(&file, content).with_context(|| format!("{}", file.display()))?;
    }
    // Behind the imports, which come first in a module.
    let imports = script.find(";\n").map_or(0, |end| end + 2);
    script.insert_str(imports, UNPACK);
    fs::write(loader, script).with_context(|| format!("{}", loader.display()))
}

fn file_name(pack: &str, hash: &str) -> String {
    format!("pack_{pack}.{hash}.bin")
}

/// What the loader does with a part of its own file, in the words of `wasm_split_cli_support`.
fn fetch(name: &str) -> String {
    format!(
        "const src = fetch(new URL(\"./{name}\", import.meta.url));
    src.catch(() => {{}});
    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));"
    )
}

/// Where the loader fetches a part, and the islands that use it, which stand in a comment before it.
fn find(script: &str, part: &str) -> Result<(usize, BTreeSet<String>)> {
    let at = script.find(&fetch(part)).with_context(|| format!("the loader does not fetch {part} in the words that are known"))?;
    let users = script[..at]
        .rfind("/* ")
        .and_then(|start| script[start + 3..at].split_once(" */"))
        .with_context(|| format!("the loader does not say who uses {part}"))?
        .0;
    let users = users.split(", ").filter_map(|user| user.rsplit_once("_loader_").map(|(island, _)| island.to_owned())).collect();
    Ok((at, users))
}

fn pack_of(users: &BTreeSet<String>) -> &'static str {
    let serves = |islands: &[&str]| islands.is_empty() || islands.iter().any(|island| users.contains(*island));
    PACKS.iter().find(|(_, islands)| serves(islands)).map_or("staff", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123";

    fn part(number: u32, users: &str) -> String {
        let name = format!("chunk_{number}.{HASH}.wasm");
        format!("/* {users} */\nconst __chunk_{number} = makeLoad(() => {{\n    {}\n}}\n, []);\n", fetch(&name))
    }

    fn every_island() -> String {
        PACKS.iter().flat_map(|(_, islands)| *islands).map(|island| format!("{island}_loader_1")).collect::<Vec<_>>().join(", ")
    }

    fn packed(script: &str, parts: &[(u32, &[u8])]) -> (tempfile::TempDir, Result<String>) {
        let folder = tempfile::tempdir().unwrap();
        let loader = folder.path().join("__wasm_split.js");
        fs::write(&loader, format!("import {{ initSync }} from \"./orderly.js\";\n{script}")).unwrap();
        for (number, content) in parts {
            fs::write(folder.path().join(format!("chunk_{number}.{HASH}.wasm")), content).unwrap();
        }
        let done = pack(folder.path(), &loader, HASH).map(|()| fs::read_to_string(&loader).unwrap());
        (folder, done)
    }

    #[test]
    fn small_parts_share_a_file_by_who_needs_them() {
        let large = vec![7; SMALL];
        let script = part(1, "board_loader_5, checkout_loader_6")
            + &part(2, &every_island())
            + &part(3, "board_loader_5")
            + &part(4, "order_tracker_loader_9")
            + &part(5, "checkout_loader_6")
            + &part(6, "checkout_loader_6, product_form_loader_7");
        let (folder, done) = packed(&script, &[(1, b"one"), (2, b"two"), (3, b"three"), (4, b"four"), (5, &large), (6, b"six")]);
        let script = done.unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("pack_shop.0123.bin"), b"onefour");
        assert_eq!(read("pack_product.0123.bin"), b"six");
        assert_eq!(read("pack_everywhere.0123.bin"), b"two");
        assert_eq!(read("pack_staff.0123.bin"), b"three");
        assert!(script.contains("return unpack(\"./pack_shop.0123.bin\", 3, 7);"), "{script}");
        // What is large enough for a request of its own keeps it.
        assert_eq!(read("chunk_5.0123.wasm"), large);
        assert!(script.contains(&fetch("chunk_5.0123.wasm")));
        assert!(!folder.path().join("chunk_1.0123.wasm").exists());
        assert!(script.starts_with("import { initSync } from \"./orderly.js\";\n\nconst packs"), "{script}");
    }

    #[test]
    fn a_loader_in_other_words_is_an_error_instead_of_a_page_that_fails() {
        let (_folder, done) = packed("const __chunk_1 = somethingElse();", &[(1, b"one")]);
        assert!(done.unwrap_err().to_string().contains("chunk_1.0123.wasm"));
    }

    #[test]
    fn an_island_that_is_gone_is_named() {
        let (_folder, done) = packed(&part(1, "board_loader_5"), &[(1, b"one")]);
        assert!(done.unwrap_err().to_string().contains("order_pill"));
    }
}
