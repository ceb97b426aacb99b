//! The settings, read once from the environment into types. Whatever is wrong with one stops the start with one line that
//! names it and the fix.

mod read;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use backend::BackendSettings;
use backend::identity::Secret;
use backend::notify::Sms;
use backend::payment::CardService;
use ipnet::IpNet;

use self::read::{addresses, path, refuse, service, sms, text, url_of};
use crate::serve::reachable;

/// Every setting of Orderly; `ORDERLY_` alone before a name is ours, so an unknown one is a mistake.
pub const NAMES: [&str; 16] = [
    "ORDERLY_LISTEN",
    "DATABASE_URL",
    "MQTT_URL",
    "ORDERLY_MQTT_LISTEN",
    "ORDERLY_PUBLIC_URL",
    "ORDERLY_SMS",
    "ORDERLY_SERVICES",
    "ORDERLY_DATA",
    "ORDERLY_LIMITS",
    "ORDERLY_SITE_ROOT",
    "ORDERLY_PAY_URL",
    "ORDERLY_SECRET",
    "ORDERLY_TRUSTED_PROXIES",
    "ORDERLY_DEMO",
    "ORDERLY_LOG_FORMAT",
    "RUST_LOG",
];

/// The services that a process can be told to run, by `ORDERLY_SERVICES`: what answers browsers, and the contexts.
pub const SERVICES: [&str; 14] = [
    "web",
    "live",
    "catalog",
    "inventory",
    "pricing",
    "ordering",
    "payment",
    "prep",
    "shipping",
    "loyalty",
    "kiosk",
    "identity",
    "notify",
    "idempotency",
];

/// All settings, typed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where HTTP and `/mqtt` are answered: the first address that can be taken.
    pub listen: Vec<SocketAddr>,
    /// SQLite or PostgreSQL.
    pub database_url: Secret,
    /// The broker outside; `None`: inside the process.
    pub mqtt_url: Option<Secret>,
    /// Where devices speak plain MQTT; empty: nowhere.
    pub mqtt_listen: Vec<SocketAddr>,
    /// What links carry, without a slash at the end; `None`: `http://` and the address.
    pub public_url: Option<String>,
    /// Where sign-in codes go.
    pub sms: Sms,
    /// Which services this process runs; `None`: all.
    pub services: Option<Vec<String>>,
    /// Images and the embedded database.
    pub data: PathBuf,
    /// Rate limits and order limits hold.
    pub limits: bool,
    /// The built browser files.
    pub site_root: PathBuf,
    /// The card provider; `None`: the test provider.
    pub pay_url: Option<String>,
    /// What signs cookies and tickets; empty: what the database keeps.
    pub secrets: Vec<Secret>,
    /// Whose `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// An empty database gets the demo shop.
    pub demo: bool,
    /// How logs are written.
    pub log_format: LogFormat,
    /// What is logged, in the words of `RUST_LOG`.
    pub log_filter: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A setting that cannot be used: its name, what is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {fix}")]
pub struct InvalidSetting {
    pub name: String,
    pub fix: String,
}

impl Settings {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, InvalidSetting> {
        let mut settings = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ORDERLY_") || NAMES.contains(&name.as_str()) {
                let value = value.into_string().map_err(|_| refuse(&name, "is not UTF-8"))?;
                settings.insert(name, value);
            }
        }
        Self::read(&settings)
    }

    /// From names and values. An empty value is as good as none.
    pub fn read(settings: &BTreeMap<String, String>) -> Result<Self, InvalidSetting> {
        if let Some(name) = settings.keys().find(|name| name.starts_with("ORDERLY_") && !NAMES.contains(&name.as_str())) {
            return Err(refuse(name, format!("there is no such setting; {}", read::suggestion(name))));
        }
        let get = |name: &'static str| settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let switch = |name: &'static str| match get(name) {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(other) => Err(refuse(name, format!("'{other}' is neither on nor off"))),
        };
        let data = get("ORDERLY_DATA").map_or_else(|| PathBuf::from("data"), PathBuf::from);
        let all = Self {
            listen: addresses("ORDERLY_LISTEN", get("ORDERLY_LISTEN").unwrap_or("127.0.0.1:3000"))?,
            database_url: database(get("DATABASE_URL"), &data)?,
            mqtt_url: get("MQTT_URL").map(read::broker).transpose()?,
            mqtt_listen: match get("ORDERLY_MQTT_LISTEN") {
                Some("off") => Vec::new(),
                listen => addresses("ORDERLY_MQTT_LISTEN", listen.unwrap_or("127.0.0.1:1883"))?,
            },
            public_url: get("ORDERLY_PUBLIC_URL").map(|url| read::origin("ORDERLY_PUBLIC_URL", url)).transpose()?,
            sms: get("ORDERLY_SMS").map_or(Ok(Sms::Log), sms)?,
            services: get("ORDERLY_SERVICES").map(|list| text::list(list).map(service).collect()).transpose()?,
            limits: switch("ORDERLY_LIMITS")?,
            site_root: get("ORDERLY_SITE_ROOT").map_or_else(site_beside_us, PathBuf::from),
            pay_url: get("ORDERLY_PAY_URL").map(|url| url_of("ORDERLY_PAY_URL", url, &["http://", "https://"])).transpose()?,
            secrets: read::secrets(get("ORDERLY_SECRET"))?,
            trusted_proxies: read::networks(get("ORDERLY_TRUSTED_PROXIES"))?,
            demo: switch("ORDERLY_DEMO")?,
            log_format: match get("ORDERLY_LOG_FORMAT") {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(other) => return Err(refuse("ORDERLY_LOG_FORMAT", format!("'{other}' is neither text nor json"))),
            },
            log_filter: read::log_filter(get("RUST_LOG"))?,
            data,
        };
        if all.mqtt_url.is_none() && !all.runs("live") {
            let fix = "without live it needs MQTT_URL, the broker outside that another process publishes to; set that, or add live";
            return Err(refuse("ORDERLY_SERVICES", fix));
        }
        Ok(all)
    }

    /// Whether this process runs the service.
    pub fn runs(&self, service: &str) -> bool {
        self.services.as_ref().is_none_or(|services| services.iter().any(|s| s == service))
    }

    /// Whether browsers reach us by https, so that cookies are for https alone.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// An error where the database is a file that does not exist: a command that looks into a shop must not open an empty
    /// one beside it, as it would when it is called in another folder.
    pub fn database_is_there(&self) -> Result<(), InvalidSetting> {
        let Some(file) = backend::db::file_of(self.database_url.expose()) else { return Ok(()) };
        if file.exists() {
            return Ok(());
        }
        let fix =
            format!("there is no {} yet; name the shop's file, or make one with `orderly serve` or `orderly seed demo`", file.display());
        Err(refuse("DATABASE_URL", fix))
    }

    /// An error where something that is written to cannot be, or a folder that was named is not there: better now than with
    /// the first order.
    pub fn places_are_there(&self) -> Result<(), InvalidSetting> {
        if self.site_root != site_beside_us() && !self.site_root.join("pkg").is_dir() {
            let fix = format!("{} has no built browser files; name the folder `site` beside the binary, or none", self.site_root.display());
            return Err(refuse("ORDERLY_SITE_ROOT", fix));
        }
        std::fs::create_dir_all(&self.data).map_err(|error| {
            refuse(
                "ORDERLY_DATA",
                format!("the folder {} cannot be made ({error}); name one that this user may write to", self.data.display()),
            )
        })?;
        if let Sms::File(file) = &self.sms {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)
                .map_err(|error| refuse("ORDERLY_SMS", format!("{} cannot be written to ({error}); name another file", file.display())))?;
        }
        Ok(())
    }

    /// Scheme, host and port that browsers know us by; where nothing is set, `own`, the address that we listen at, or the first
    /// that we would.
    pub fn public_url_at(&self, own: Option<SocketAddr>) -> String {
        let own = || own.or_else(|| self.listen.first().copied()).map(|own| format!("http://{}", reachable(own)));
        self.public_url.clone().or_else(own).unwrap_or_default()
    }

    /// What the shop itself needs of it, with the card provider; without one nobody is charged. `own`: where we listen.
    pub fn backend(&self, card: Option<CardService>, own: Option<SocketAddr>) -> BackendSettings {
        BackendSettings {
            database_url: self.database_url.clone(),
            data_dir: self.data.clone(),
            card,
            secrets: self.secrets.clone(),
            limits: self.limits,
            https: self.is_https(),
            sms: self.sms.clone(),
            public_url: self.public_url_at(own),
        }
    }
}

/// Where the build puts the browser files.
fn site_beside_us() -> PathBuf {
    path::beside_the_binary("site")
}

fn database(url: Option<&str>, data: &std::path::Path) -> Result<Secret, InvalidSetting> {
    match url {
        None => Ok(Secret::new(format!("sqlite:{}", data.join("orderly.db").display()))),
        Some(url) if ["sqlite:", "postgres://", "postgresql://"].iter().any(|start| url.starts_with(start)) => Ok(Secret::new(url)),
        // The value is not repeated: it may hold a password.
        Some(_) => Err(refuse("DATABASE_URL", "write sqlite:FILE or postgres://user@host/database")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Settings, InvalidSetting> {
        Settings::read(&settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn without_settings_everything_has_its_default() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.listen, ["127.0.0.1:3000".parse().unwrap()]);
        assert_eq!(settings.mqtt_listen, ["127.0.0.1:1883".parse().unwrap()]);
        assert_eq!(settings.database_url.expose(), "sqlite:data/orderly.db");
        assert!(settings.limits && settings.demo && settings.runs("live") && !settings.is_https());
        assert_eq!((settings.sms, settings.log_format), (Sms::Log, LogFormat::Text));
        assert!(settings.site_root.ends_with("site") && settings.secrets.is_empty());
    }

    #[test]
    fn settings_are_read_into_types() {
        let settings = read(&[
            ("ORDERLY_DATA", "/srv/shop"),
            ("ORDERLY_MQTT_LISTEN", "off"),
            ("ORDERLY_PUBLIC_URL", "https://shop.example/"),
            ("ORDERLY_SERVICES", "ordering, prep"),
            ("MQTT_URL", "mqtt://broker:1883"),
            ("ORDERLY_SECRET", "the newest secret of ours,the one before it"),
            ("ORDERLY_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("ORDERLY_SMS", "file:/tmp/sms.jsonl"),
            ("ORDERLY_LIMITS", "off"),
        ])
        .unwrap();
        assert_eq!(settings.database_url.expose(), "sqlite:/srv/shop/orderly.db");
        assert_eq!(settings.public_url.as_deref(), Some("https://shop.example"));
        assert!(settings.is_https() && settings.mqtt_listen.is_empty() && !settings.limits);
        assert!(settings.runs("prep") && !settings.runs("live"));
        assert!(read(&[("ORDERLY_SERVICES", "web,live")]).is_ok(), "the broker inside is enough for who publishes");
        assert_eq!((settings.secrets.len(), settings.trusted_proxies.len()), (2, 2));
        assert_eq!(settings.sms, Sms::File("/tmp/sms.jsonl".into()));
        for url in ["http:http://sms.example/send", "http://sms.example/send"] {
            assert_eq!(read(&[("ORDERLY_SMS", url)]).unwrap().sms, Sms::Http("http://sms.example/send".to_owned()), "{url}");
        }
        for url in ["http:https://sms.example/send?key=1", "https://sms.example/send?key=1"] {
            assert_eq!(read(&[("ORDERLY_SMS", url)]).unwrap().sms, Sms::Http("https://sms.example/send?key=1".to_owned()), "{url}");
        }
    }

    #[test]
    fn every_malformed_setting_is_named_with_its_fix() {
        for (name, value) in [
            ("ORDERLY_LISTEN", "3000"),
            ("ORDERLY_LISTEN", "127.0.0.1:99999"),
            ("DATABASE_URL", "mysql://root:hunter2@db"),
            ("MQTT_URL", "tcp://broker"),
            ("MQTT_URL", "mqtt://"),
            ("ORDERLY_MQTT_LISTEN", "no"),
            ("ORDERLY_PUBLIC_URL", "shop.example"),
            ("ORDERLY_PUBLIC_URL", "https://shop.example/path"),
            ("ORDERLY_SMS", "pigeon"),
            ("ORDERLY_SMS", "file:"),
            ("ORDERLY_SMS", "http:"),
            ("ORDERLY_SMS", "http:somewhere"),
            ("ORDERLY_SMS", "http:ftp://sms.example"),
            ("ORDERLY_SMS", "https:somewhere"),
            ("ORDERLY_SERVICES", "web,barista"),
            ("ORDERLY_SERVICES", "ordering,prep"),
            ("ORDERLY_LIMITS", "maybe"),
            ("ORDERLY_PAY_URL", "ftp://bank"),
            ("ORDERLY_SECRET", "one,,two"),
            ("ORDERLY_TRUSTED_PROXIES", "10.0.0.0/40"),
            ("ORDERLY_DEMO", "yes"),
            ("ORDERLY_LOG_FORMAT", "xml"),
            ("RUST_LOG", "orderly=loud"),
            ("ORDERLY_LISTN", "127.0.0.1:3000"),
        ] {
            let error = read(&[(name, value)]).map(|_| ()).unwrap_err();
            let line = error.to_string();
            assert!(error.name == name && line.starts_with(&format!("{name}: ")), "{line}");
            assert!(line.lines().count() == 1 && line.len() > name.len() + 10, "{line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
        let typo = read(&[("ORDERLY_LISTN", "")]).map(|_| ()).unwrap_err();
        assert!(typo.fix.contains("ORDERLY_LISTEN"), "{typo}");
    }

    #[test]
    fn another_word_is_no_typing_error() {
        let other = read(&[("ORDERLY_BOGUS", "1")]).map(|_| ()).unwrap_err();
        assert!(!other.fix.contains("did you mean"), "{other}");
        let port = read(&[("ORDERLY_MQTT_LISTEN", "x")]).map(|_| ()).unwrap_err();
        assert!(port.fix.contains(":1883"), "{port}");
    }

    #[test]
    fn what_cannot_be_written_or_found_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("file"), "").unwrap();
        for (name, value) in [
            ("ORDERLY_DATA", at("file/below")),
            ("ORDERLY_SMS", format!("file:{}", at("none/sms.jsonl"))),
            ("ORDERLY_SITE_ROOT", at("nothing")),
        ] {
            let settings = read(&[("ORDERLY_DATA", &at("data")), (name, &value)]).unwrap();
            assert_eq!(settings.places_are_there().unwrap_err().name, name);
        }
        std::fs::create_dir_all(at("site/pkg")).unwrap();
        let fine = read(&[("ORDERLY_DATA", &at("data")), ("ORDERLY_SITE_ROOT", &at("site"))]).unwrap();
        assert_eq!(fine.places_are_there(), Ok(()));
    }
}
