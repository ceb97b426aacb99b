//! The readers of single settings.

use std::net::{SocketAddr, ToSocketAddrs as _};

use backend::identity::Secret;
use backend::live::BrokerAddress;
use backend::notify::Sms;
use ipnet::IpNet;

use super::{InvalidSetting, NAMES, SERVICES};

/// What an address of the web begins with.
const WEB: [&str; 2] = ["http://", "https://"];

pub(super) fn refuse(name: &str, fix: impl Into<String>) -> InvalidSetting {
    InvalidSetting { name: name.to_owned(), fix: fix.into() }
}

pub(super) mod text {
    /// The parts of a comma list.
    pub(in super::super) fn list(text: &str) -> impl Iterator<Item = &str> {
        text.split(',').map(str::trim)
    }
}

pub(super) mod path {
    use std::path::PathBuf;

    /// A file or folder beside the running program.
    pub(in super::super) fn beside_the_binary(name: &str) -> PathBuf {
        let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from));
        folder.unwrap_or_default().join(name)
    }
}

/// `host:port` as addresses; a name may have several.
pub(super) fn addresses(name: &str, value: &str) -> Result<Vec<SocketAddr>, InvalidSetting> {
    let found = value.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    if found.is_empty() {
        let port = if name == "ORDERLY_MQTT_LISTEN" { 1883 } else { 3000 };
        return Err(refuse(name, format!("'{value}' is no address; write HOST:PORT, such as 127.0.0.1:{port}")));
    }
    Ok(found)
}

/// A URL with one of these beginnings and a host. It is not repeated: it may hold a password.
pub(super) fn url_of(name: &str, value: &str, beginnings: &[&str]) -> Result<String, InvalidSetting> {
    let parsed = value.parse::<http::Uri>().ok();
    let host = parsed.as_ref().and_then(http::Uri::host).is_some_and(|host| !host.is_empty());
    if host && beginnings.iter().any(|beginning| value.starts_with(beginning)) {
        Ok(value.to_owned())
    } else {
        Err(refuse(name, format!("write {}HOST:PORT", beginnings.join("HOST:PORT or "))))
    }
}

/// The address of a broker outside. It is not repeated: it may hold a password.
pub(super) fn broker(url: &str) -> Result<Secret, InvalidSetting> {
    match url.parse::<BrokerAddress>() {
        Ok(_) => Ok(Secret::new(url)),
        Err(error) => Err(refuse("MQTT_URL", error.to_string())),
    }
}

/// A URL of scheme, host and port alone, without the slash at its end.
pub(super) fn origin(name: &str, value: &str) -> Result<String, InvalidSetting> {
    let url = url_of(name, value.trim_end_matches('/'), &WEB)?;
    match url.parse::<http::Uri>() {
        Ok(uri) if uri.path() == "/" && uri.query().is_none() && !url.contains('@') => Ok(url),
        _ => Err(refuse(name, "write scheme and host alone, such as https://shop.example")),
    }
}

pub(super) fn sms(value: &str) -> Result<Sms, InvalidSetting> {
    match value.split_once(':') {
        None if value == "log" => Ok(Sms::Log),
        Some(("file", path)) if !path.is_empty() => Ok(Sms::File(path.into())),
        // The address alone is clear enough, too.
        Some(("http" | "https", rest)) if rest.starts_with("//") => url_of("ORDERLY_SMS", value, &WEB).map(Sms::Http),
        Some(("http", url)) => url_of("ORDERLY_SMS", url, &WEB).map(Sms::Http),
        _ => Err(refuse("ORDERLY_SMS", format!("'{value}' is none of log, file:PATH, http:URL"))),
    }
}

pub(super) fn service(value: &str) -> Result<String, InvalidSetting> {
    if SERVICES.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(refuse("ORDERLY_SERVICES", format!("'{value}' is no service; there are {}", SERVICES.join(", "))))
    }
}

pub(super) fn secrets(value: Option<&str>) -> Result<Vec<Secret>, InvalidSetting> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if text::list(value).any(str::is_empty) {
        return Err(refuse("ORDERLY_SECRET", "a secret of the list is empty; make one with `openssl rand -hex 32`"));
    }
    Ok(text::list(value).map(Secret::new).collect())
}

pub(super) fn networks(value: Option<&str>) -> Result<Vec<IpNet>, InvalidSetting> {
    let network = |text: &str| {
        text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(|_| {
            let fix = format!("'{text}' is no address or network; write such as 10.0.0.0/8, ::1");
            refuse("ORDERLY_TRUSTED_PROXIES", fix)
        })
    };
    value.map_or(Ok(Vec::new()), |value| text::list(value).map(network).collect())
}

pub(super) fn log_filter(value: Option<&str>) -> Result<String, InvalidSetting> {
    let filter = value.unwrap_or("info");
    match tracing_subscriber::EnvFilter::builder().parse(filter) {
        Ok(_) => Ok(filter.to_owned()),
        Err(error) => Err(refuse("RUST_LOG", format!("'{filter}' is no filter ({error}); write such as info or orderly=debug"))),
    }
}

/// The setting that was probably meant.
pub(super) fn suggestion(name: &str) -> String {
    let nearest = NAMES.iter().map(|known| (distance(name, known), *known)).min();
    // A third of what tells the settings apart may be mistyped; more is another word.
    let most = name.trim_start_matches("ORDERLY_").len() / 3;
    match nearest {
        Some((distance, known)) if distance <= most => format!("did you mean {known}?"),
        _ => format!("remove it, or take one of {}", NAMES.join(", ")),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}
