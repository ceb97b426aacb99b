//! Makes `words.rs` of the message files `locales/*.json`: one function a message, with the message's placeholders as its
//! arguments. A key or placeholder that one language lacks, or a message that does not exist, stops the build; and the
//! browser's module carries only the messages that its islands use.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=locales");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").context("CARGO_MANIFEST_DIR")?).join("locales");
    let read = |tag: &str| -> Result<Map<String, Value>> {
        let path = folder.join(format!("{tag}.json"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    };
    let (en, zh) = (read("en")?, read("zh-CN")?);
    same_keys("the file", &en, &zh)?;
    let mut out = String::new();
    for (section, messages) in &en {
        let (messages, others) = (object(section, messages)?, object(section, &zh[section])?);
        same_keys(section, messages, others)?;
        writeln!(out, "/// `{section}` of the message files.\npub mod {section} {{\nuse domain::Locale;\n")?;
        for (key, message) in messages {
            function(&mut out, section, key, message, &others[key])?;
        }
        by_name(&mut out, messages)?;
        out.push_str("}\n");
    }
    let words = Path::new(&env::var("OUT_DIR").context("OUT_DIR")?).join("words.rs");
    fs::write(&words, out).with_context(|| words.display().to_string())
}

fn object<'a>(section: &str, value: &'a Value) -> Result<&'a Map<String, Value>> {
    value.as_object().with_context(|| format!("`{section}` must be a section of messages"))
}

fn same_keys(place: &str, en: &Map<String, Value>, zh: &Map<String, Value>) -> Result<()> {
    let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
    let (en, zh) = (keys(en), keys(zh));
    let odd: Vec<_> = en.symmetric_difference(&zh).collect();
    ensure!(odd.is_empty(), "{place}: only one language has {odd:?}");
    Ok(())
}

/// A message and, where it counts something, its form for exactly one.
fn forms<'a>(place: &str, message: &'a Value) -> Result<(Option<&'a str>, &'a str)> {
    match message {
        Value::String(text) => Ok((None, text)),
        Value::Object(forms) => {
            let form = |name: &str| forms.get(name).and_then(Value::as_str);
            Ok((form("one"), form("other").with_context(|| format!("{place}: a plural needs `other`"))?))
        }
        _ => bail!("{place}: neither a text nor a plural"),
    }
}

fn placeholders(text: &str) -> BTreeSet<String> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

fn function(out: &mut String, section: &str, key: &str, en: &Value, zh: &Value) -> Result<()> {
    let place = format!("{section}.{key}");
    let (en, zh) = (forms(&place, en)?, forms(&place, zh)?);
    let arguments = placeholders(en.1);
    ensure!(arguments == placeholders(zh.1), "{place}: the languages have other placeholders");
    let doc = en.1.replace('\n', " ");
    let plural = en.0.is_some() || zh.0.is_some();
    if arguments.is_empty() && !plural {
        writeln!(
            out,
            "/// {doc}\npub const fn {key}(locale: Locale) -> &'static str {{ match locale {{ Locale::En => {:?}, Locale::ZhCn => {:?} }} }}\n",
            en.1, zh.1
        )?;
        return Ok(());
    }
    let mut declared = String::new();
    for name in &arguments {
        let kind = if plural && name == "count" { "i64" } else { "impl std::fmt::Display" };
        write!(declared, ", {name}: {kind}")?;
    }
    let arm = |language: &str, forms: (Option<&str>, &str)| {
        let one = forms.0.map_or(String::new(), |one| format!("Locale::{language} if count == 1 => format!({one:?}),"));
        format!("{one} Locale::{language} => format!({:?}),", forms.1)
    };
    writeln!(
        out,
        "/// {doc}\npub fn {key}(locale: Locale{declared}) -> String {{ match locale {{ {} {} }} }}\n",
        arm("En", en),
        arm("ZhCn", zh)
    )?;
    if arguments.len() == 1 && !plural {
        let around = |text: &str| {
            let (before, rest) = text.split_once('{').unwrap_or((text, "}"));
            (before.to_owned(), rest.split_once('}').map_or("", |(_, after)| after).to_owned())
        };
        writeln!(
            out,
            "/// What stands before and after the placeholder of `{key}`, for a view that puts an element there.\n\
             pub const fn {key}_around(locale: Locale) -> (&'static str, &'static str) {{ match locale {{ Locale::En => {:?}, Locale::ZhCn => {:?} }} }}\n",
            around(en.1),
            around(zh.1)
        )?;
    }
    Ok(())
}

/// A look-up by key for what is only known at run time, such as the code of a refusal.
fn by_name(out: &mut String, messages: &Map<String, Value>) -> Result<()> {
    out.push_str("/// The message of that name, where it is one without placeholders.\npub fn by_name(key: &str, locale: Locale) -> Option<&'static str> { match key {\n");
    for (key, message) in messages {
        if message.as_str().is_some_and(|text| placeholders(text).is_empty()) {
            writeln!(out, "{key:?} => Some(self::{key}(locale)),")?;
        }
    }
    out.push_str("_ => None } }\n");
    Ok(())
}
