//! Path and query parameters.

use std::str::FromStr;

use axum::{
    extract::{self, FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};
use domain::Terms;
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
    text.parse().map_err(|_| AppError::said(StatusCode::BAD_REQUEST, "invalid_cursor"))
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
        match self.limit.unwrap_or(50) {
            limit @ 1..=200 => Ok(limit),
            _ => Err(AppError::said(StatusCode::BAD_REQUEST, "limit_out_of_range")),
        }
    }
}
