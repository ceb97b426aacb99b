//! JSON Schemas of the values that are text on the wire.

#[cfg(feature = "schema")]
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

/// The schema of a string with a format (`uuid`, `date-time`) or a pattern, written in place where it is used.
#[cfg(feature = "schema")]
pub(crate) fn text(format: Option<&str>, pattern: Option<&str>, example: &str) -> RefOr<Schema> {
    let mut schema = ObjectBuilder::new().schema_type(Type::String).examples([example]);
    if let Some(format) = format {
        schema = schema.format(Some(SchemaFormat::Custom(format.to_owned())));
    }
    if let Some(pattern) = pattern {
        schema = schema.pattern(Some(pattern));
    }
    schema.into()
}

/// Gives a type that is text on the wire its schema.
macro_rules! text_schema {
    ($name:ty, $format:expr, $pattern:expr, $example:expr) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::schema::text($format, $pattern, $example)
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use text_schema;
