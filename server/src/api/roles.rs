//! The schemas of roles, of calls that do not take all there are.

use domain::view::Role;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

/// What somebody may be at a store.
pub fn of_staff() -> RefOr<Schema> {
    one_of(&[Role::Barista, Role::Warehouse, Role::Manager])
}

/// What a token of a store may be.
pub fn of_tokens() -> RefOr<Schema> {
    one_of(&[Role::Barista, Role::Warehouse, Role::Manager, Role::Kiosk])
}

fn one_of(roles: &[Role]) -> RefOr<Schema> {
    let words = roles.iter().map(|role| role.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}
