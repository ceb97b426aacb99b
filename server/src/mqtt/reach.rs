//! What a filter could ever match, so that one right decides for all of it.

use backend::identity::rights::Right;
use domain::topic::{Filter, Topic};

use self::Level::{Name, Word};

/// A level of a topic: a word of ours, or the name of one thing.
#[derive(Clone, Copy)]
enum Level {
    Word(&'static str),
    Name,
}

/// What a filter reaches of ours.
#[derive(Debug)]
pub(super) struct Reach {
    /// The topics whose rights decide about it. Public topics that a wildcard leaves open need none.
    pub decisive: Vec<Topic>,
    /// The rights that are needed in every store.
    pub everywhere: Vec<Right>,
    /// The same of ours in the one spelling that the broker lists it by: a name, or all names of a kind. There are only so many of
    /// the latter, while everybody may spell a filter in a way of their own.
    pub keys: Vec<Filter>,
}

/// `None`: the filter reaches nothing of ours, or all of something that nobody may hear as a whole, such as everybody's
/// orders.
pub(super) fn reach(filter: &Filter) -> Option<Reach> {
    if let Some(topic) = filter.topic() {
        return Some(Reach { decisive: vec![topic], everywhere: Vec::new(), keys: vec![filter.clone()] });
    }
    let shapes: [(&[Level], Open); 8] = [
        (&[Word("v1"), Word("stores"), Name, Word("status")], Open::Public),
        (&[Word("v1"), Word("stores"), Name, Word("menu")], Open::Public),
        (&[Word("v1"), Word("stores"), Name, Word("board")], Open::Public),
        (&[Word("v1"), Word("stores"), Name, Word("queue")], Open::Everywhere(Right::Queue)),
        (&[Word("v1"), Word("kiosks"), Name, Word("code")], Open::Everywhere(Right::KioskCode)),
        (&[Word("v1"), Word("orders"), Name], Open::Nobody),
        (&[Word("v1"), Word("users"), Name], Open::Nobody),
        (&[Word("v1"), Word("ops"), Name], Open::Operators),
    ];
    let (mut decisive, mut everywhere, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for (shape, open) in shapes {
        let mut asked = filter.as_str().split('/');
        let (mut matches, mut rest) = (true, false);
        let mut name = None;
        let mut words = Vec::with_capacity(shape.len());
        for level in shape {
            let level_asked = if rest { Some("#") } else { asked.next() };
            rest |= level_asked == Some("#");
            match (level, level_asked) {
                (Word(word), Some(asked)) if rest || asked == "+" || asked == *word => words.push(*word),
                (Name, Some("+" | "#")) => words.push("+"),
                (Name, Some(asked)) => {
                    name = Some(asked);
                    words.push(asked);
                }
                _ => {
                    matches = false;
                    break;
                }
            }
        }
        // `a/b/#` also matches `a/b`: the end of the shape may be the parent of the filter's `#`.
        let end = if rest { None } else { asked.next() };
        if !matches || end.is_some_and(|end| end != "#" || asked.next().is_some()) {
            continue;
        }
        match (name, open) {
            (None, Open::Public) => {}
            (None, Open::Nobody) => return None,
            (None, Open::Everywhere(right)) => everywhere.push(right),
            // The right is the same for every flow.
            (None, Open::Operators) => decisive.push(Topic::Ops("all".to_owned())),
            (Some(_), _) => match words.join("/").parse() {
                Ok(topic) => decisive.push(topic),
                // A name that cannot be one of ours: this is not reached.
                Err(_) => continue,
            },
        }
        keys.extend(words.join("/").parse::<Filter>());
    }
    (!keys.is_empty()).then_some(Reach { decisive, everywhere, keys })
}

/// Who may hear all topics of a shape at once.
#[derive(Clone, Copy)]
enum Open {
    Public,
    Operators,
    /// Who has the right in every store.
    Everywhere(Right),
    Nobody,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(filter: &str) -> Option<Vec<String>> {
        reach(&filter.parse().unwrap()).map(|reach| reach.decisive.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn however_it_is_spelled_it_is_listed_in_one_way() {
        let status = "v1/stores/+/status";
        for (filter, keys) in [
            (status, vec![status]),
            ("+/+/+/status", vec![status]),
            ("v1/+/+/status/#", vec![status]),
            ("v1/+/harbor/status", vec!["v1/stores/harbor/status"]),
            ("+/stores/harbor/board/#", vec!["v1/stores/harbor/board"]),
            (
                "v1/stores/harbor/+",
                vec!["v1/stores/harbor/status", "v1/stores/harbor/menu", "v1/stores/harbor/board", "v1/stores/harbor/queue"],
            ),
            ("+/ops/#", vec!["v1/ops/+"]),
            ("v1/+/+/code", vec!["v1/kiosks/+/code"]),
            ("v1/stores/#", vec!["v1/stores/+/status", "v1/stores/+/menu", "v1/stores/+/board", "v1/stores/+/queue"]),
            ("v1/orders/+", vec![]),
        ] {
            let listed = reach(&filter.parse().unwrap()).map(|reach| reach.keys).unwrap_or_default();
            assert_eq!(listed.iter().map(Filter::as_str).collect::<Vec<_>>(), keys, "{filter}");
        }
    }

    #[test]
    fn wildcards_reach_what_they_match() {
        let order = "v1/orders/0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        for (filter, topics) in [
            ("v1/stores/harbor/queue", Some(vec!["v1/stores/harbor/queue"])),
            ("v1/stores/harbor/queue/#", Some(vec!["v1/stores/harbor/queue"])),
            ("v1/stores/+/status", Some(vec![])),
            ("+/+/+/board", Some(vec![])),
            (
                "v1/stores/harbor/+",
                Some(vec!["v1/stores/harbor/status", "v1/stores/harbor/menu", "v1/stores/harbor/board", "v1/stores/harbor/queue"]),
            ),
            ("v1/ops/#", Some(vec!["v1/ops/all"])),
            ("v1/ops/+", Some(vec!["v1/ops/all"])),
            ("+/orders/0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071", Some(vec![order])),
            ("v1/stores/+/queue", Some(vec![])),
            ("v1/stores/#", Some(vec![])),
            ("v1/orders/+", None),
            ("v1/orders/#", None),
            ("v1/users/+", None),
            ("v1/kiosks/+/code", Some(vec![])),
            ("v1/+/+", None),
            ("v1/#", None),
            ("#", None),
            ("+/#", None),
            ("v1/stores", None),
            ("v1/stores/harbor", None),
            ("v2/stores/harbor/status", None),
            ("v1/orders/17", None),
            ("v1/stores/HARBOR/+", None),
            ("v1/stores/harbor/status/more", None),
            ("$SYS/#", None),
        ] {
            assert_eq!(of(filter), topics.map(|topics| topics.into_iter().map(str::to_owned).collect()), "{filter}");
        }
    }

    /// Whatever a filter matches among all topics, what it reaches covers.
    #[test]
    fn nothing_is_matched_that_was_not_reached() {
        let id = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        let topics = [
            "v1/stores/harbor/queue".to_owned(),
            "v1/kiosks/pier-1/code".to_owned(),
            format!("v1/orders/{id}"),
            format!("v1/users/{id}"),
            "v1/ops/live".to_owned(),
        ];
        let levels = ["v1", "stores", "harbor", "queue", "kiosks", "pier-1", "code", "orders", "users", "ops", "live", id, "+", "#"];
        let mut filters: Vec<String> = levels.iter().map(|&level| level.to_owned()).collect();
        let mut longer = filters.clone();
        for _ in 0..4 {
            longer = longer.iter().filter(|f| !f.ends_with('#')).flat_map(|f| levels.iter().map(move |l| format!("{f}/{l}"))).collect();
            longer.retain(|f| topics.iter().any(|t| could_begin(f, t)));
            filters.extend(longer.iter().cloned());
        }
        let mut matched = 0;
        for text in &filters {
            let filter: Filter = text.parse().unwrap();
            for topic in topics.iter().filter(|topic| filter.matches(topic)) {
                matched += 1;
                if let Some(Reach { decisive: reached, everywhere, keys }) = reach(&filter) {
                    assert!(keys.iter().any(|key| key.matches(topic)), "{text} is listed where {topic} is not found");
                    let right = if topic.ends_with("queue") { Right::Queue } else { Right::KioskCode };
                    let covered = everywhere.contains(&right) && !topic.starts_with("v1/ops/")
                        || reached.iter().any(|t| t.to_string() == *topic || matches!(t, Topic::Ops(_)) && topic.starts_with("v1/ops/"));
                    assert!(covered, "{text} matches {topic}");
                }
            }
        }
        assert!(matched > 50, "{matched}");
    }

    /// Whether the filter, or a longer one, matches the topic.
    fn could_begin(filter: &str, topic: &str) -> bool {
        filter.split('/').zip(topic.split('/').chain(std::iter::repeat("#"))).all(|(f, t)| f == "+" || f == "#" || f == t)
    }
}
