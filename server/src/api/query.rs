//! Path and query parameters.

use std::str::FromStr;

use axum::{
    extract::{self, FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};
use domain::{Terms, view::Page};
use serde::{Deserialize, de::DeserializeOwned};

use super::problem::AppError;

/// An id from a path. What is not even an id names nothing: 404.
pub fn id<T: FromStr>(text: &str, what: &str) -> Result<T, AppError> {
    text.parse().map_err(|_| AppError::not_found(what))
}

/// What a path names. One that is no text (`%ff`) names nothing: 404.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let path = extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|extract::Path(names)| Self(names)).map_err(|_| AppError::not_found("thing"))
    }
}

/// The `next` of the page before; another is 400 `invalid_cursor`.
pub fn cursor<T: FromStr>(text: &str) -> Result<T, AppError> {
    text.parse().map_err(|_| invalid_cursor())
}

fn invalid_cursor() -> AppError {
    AppError::said(StatusCode::BAD_REQUEST, "invalid_cursor")
}

/// Query parameters; malformed ones are 400 `invalid_query`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let reason = std::error::Error::source(&rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
                let detail = format!("The query cannot be read: {reason}.");
                Err(AppError::new(StatusCode::BAD_REQUEST, "invalid_query", detail).with_terms(Terms::reason(reason)))
            }
        }
    }
}

/// Where a page of a list begins, and how long it is.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 unless given.
    pub limit: Option<i64>,
}

impl Paging {
    pub fn limit(&self) -> Result<i64, AppError> {
        within(self.limit.unwrap_or(50))
    }
}

/// The longest page is one of 200.
fn within(limit: i64) -> Result<i64, AppError> {
    if (1..=200).contains(&limit) { Ok(limit) } else { Err(AppError::said(StatusCode::BAD_REQUEST, "limit_out_of_range")) }
}

/// Where a part of a list that is short, and so read as a whole, begins, and how long it is.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; all that there is unless given.
    pub limit: Option<i64>,
}

impl Part {
    /// What is asked for of all `items`. `name`: what an item is called in a cursor, by its place and itself.
    pub fn of<T>(&self, mut items: Vec<T>, name: impl Fn(usize, &T) -> String) -> Result<Page<T>, AppError> {
        let limit = self.limit.map(within).transpose()?.map_or(items.len(), |limit| limit as usize);
        let first = match &self.cursor {
            None => 0,
            Some(cursor) => {
                let last = items.iter().enumerate().position(|(at, item)| name(at, item) == *cursor);
                last.ok_or_else(invalid_cursor)? + 1
            }
        };
        let end = first + limit;
        let next = (end < items.len()).then(|| name(end - 1, &items[end - 1]));
        items.truncate(end);
        Ok(Page { items: items.split_off(first), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_parts_or_as_a_whole() {
        let part = |cursor: Option<&str>, limit: Option<i64>| {
            let page = Part { cursor: cursor.map(str::to_owned), limit }.of(vec!["a", "b", "c"], |_, item| (*item).to_owned());
            page.map(|page| (page.items.concat(), page.next)).map_err(|error| error.code)
        };
        let is = |items: &str, next: Option<&str>| Ok::<_, &str>((items.to_owned(), next.map(str::to_owned)));
        assert_eq!(part(None, None), is("abc", None));
        assert_eq!(part(None, Some(2)), is("ab", Some("b")));
        assert_eq!(part(Some("b"), Some(2)), is("c", None));
        assert_eq!(part(Some("b"), None), is("c", None));
        assert_eq!(part(Some("c"), Some(1)), is("", None));
        assert_eq!(part(None, Some(3)), is("abc", None));
        assert_eq!(part(None, Some(200)), is("abc", None));
        for limit in [0, -1, 201] {
            assert_eq!(part(None, Some(limit)), Err("limit_out_of_range"), "{limit}");
        }
        assert_eq!(part(Some("d"), None), Err("invalid_cursor"));
    }
}
