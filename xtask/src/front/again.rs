//! Parts that do not come are asked for again.
//!
//! An island whose part fails to load is dead for as long as its page is there, and what fails is a network between two cells, or a
//! server that is started anew: both are over soon.
use anyhow::{Context, Result, bail};
use std::{fs, path::Path};

/// Fetches a part until it is there, with all of it: a connection may break in the middle. How often, the page's own script says, which
/// fetches the loader in the same way (`app/src/ssr/shell.rs`).
const PART: &str = r"
function part(name) {
    return untilThere(async (get) => {
        const answer = await get(new URL(name, import.meta.url));
        return new Response(await answer.arrayBuffer(), answer);
    });
}
";

/// How the loader asks for a part, in the words of `wasm_split_cli_support`.
const ONCE: (&str, &str) = ("const src = fetch(new URL(", ", import.meta.url));");

/// Lets the loader, the script that fetches parts, ask for each of them until it is there.
pub fn ask_again(loader: &Path) -> Result<()> {
    let script = fs::read_to_string(loader).with_context(|| format!("{}", loader.display()))?;
    let script = persistent(&script)?;
    fs::write(loader, script).with_context(|| format!("{}", loader.display()))
}

fn persistent(script: &str) -> Result<String> {
    let (before, after) = ONCE;
    let mut asks = script.split(before);
    let mut text = asks.next().unwrap_or_default().to_owned();
    for ask in asks {
        let (name, rest) = ask.split_once(after).context("the loader does not fetch a part in the words that are known")?;
        text.extend(["const src = part(", name, ");", rest]);
    }
    if text.contains("fetch(") || !text.contains("part(") {
        bail!("the loader does not fetch its parts in the words that are known");
    }
    // Behind the imports, which come first in a module.
    let imports = text.find(";\n").map_or(0, |end| end + 2);
    text.insert_str(imports, PART);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: &str = "import { initSync } from \"./orderly.js\";\n";

    #[test]
    fn every_part_is_asked_for_until_it_is_there() {
        let ask = |name: &str| format!("const src = fetch(new URL(\"./{name}.wasm\", import.meta.url));\n    src.catch(() => {{}});\n");
        let script = persistent(&format!("{IMPORT}{}{}", ask("chunk_1"), ask("split_board"))).unwrap();
        assert!(script.starts_with(&format!("{IMPORT}{PART}")), "{script}");
        for name in ["chunk_1", "split_board"] {
            assert!(script.contains(&format!("const src = part(\"./{name}.wasm\");\n    src.catch")), "{script}");
        }
        assert!(!script.contains("fetch("), "only the one that asks again: {script}");
    }

    #[test]
    fn the_page_has_what_the_loader_asks_with() {
        const PAGE: &str = include_str!("../../../app/src/ssr/shell.rs");
        let (_, rest) = PART.split_once("return ").unwrap();
        let (name, _) = rest.split_once('(').unwrap();
        assert!(PAGE.contains(&format!("async function {name}(ask)")), "{name}");
    }

    #[test]
    fn a_loader_that_asks_in_other_words_is_an_error_instead_of_a_page_that_dies() {
        for script in ["const src = fetch(\"./chunk_1.wasm\");", "const module = import.source(\"./chunk_1.wasm\");"] {
            assert!(persistent(&format!("{IMPORT}{script}\n")).is_err(), "{script}");
        }
    }
}
