//! Arguments of a statement, in the four types that both databases share.

use domain::{
    AdmissionId, CategoryId, CheckoutId, EventId, FulfilmentId, KioskId, LineId, MerchantId, ModifierId, OptionId, OrderId, PaymentId,
    ProductId, SessionId, Sku, StoreId, Timestamp, TokenId, TopUpId, TransferId, UserId,
};
use uuid::Uuid;

/// One argument. A null keeps its type, because PostgreSQL wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// `bigint`.
    Int(Option<i64>),
    /// `boolean`.
    Bool(Option<bool>),
    /// `text`.
    Text(Option<String>),
    /// `blob` or `bytea`.
    Bytes(Option<Vec<u8>>),
}

/// The arguments of one statement, made by [`args!`](crate::args).
#[derive(Debug, Clone, Default)]
pub struct Args(pub(crate) Vec<Arg>);

impl From<Vec<Arg>> for Args {
    fn from(args: Vec<Arg>) -> Self {
        Self(args)
    }
}

/// What can be an argument: numbers, booleans, texts, bytes, ids (as text), times (as milliseconds), JSON (as text) and
/// options and references of them.
pub trait ToArg {
    /// The null of this type.
    const NULL: Arg;

    /// The argument.
    fn to_arg(self) -> Arg;
}

/// The arguments of a statement in the order of `$1`, `$2` …: `args![store, &order, None::<i64>]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        $crate::db::Args::from(::std::vec![$($crate::db::ToArg::to_arg($value)),*])
    };
}

macro_rules! to_arg {
    ($($type:ty => $variant:ident, |$value:ident| $make:expr;)*) => {$(
        impl ToArg for $type {
            const NULL: Arg = Arg::$variant(None);

            fn to_arg(self) -> Arg {
                let $value = self;
                Arg::$variant(Some($make))
            }
        }

        impl ToArg for &$type {
            const NULL: Arg = Arg::$variant(None);

            fn to_arg(self) -> Arg {
                let $value = self.clone();
                Arg::$variant(Some($make))
            }
        }
    )*};
}

to_arg! {
    i64 => Int, |v| v;
    i32 => Int, |v| i64::from(v);
    u32 => Int, |v| i64::from(v);
    bool => Bool, |v| v;
    String => Text, |v| v;
    &str => Text, |v| (*v).to_owned();
    Vec<u8> => Bytes, |v| v;
    &[u8] => Bytes, |v| v.to_vec();
    Timestamp => Int, |v| v.as_millis();
    Uuid => Text, |v| v.to_string();
    serde_json::Value => Text, |v| v.to_string();
}

macro_rules! ids {
    ($($id:ident)*) => {
        to_arg! { $($id => Text, |v| v.to_string();)* }

        $(impl super::FromColumn for $id {
            fn from_column(row: &super::Row, column: &str) -> Result<Option<Self>, super::DbError> {
                row.parse_opt(column)
            }
        })*
    };
}

ids! {
    OrderId CheckoutId LineId FulfilmentId SessionId UserId AdmissionId TokenId PaymentId TransferId TopUpId EventId
    StoreId ProductId Sku CategoryId ModifierId OptionId KioskId MerchantId
}

impl<T: ToArg> ToArg for Option<T> {
    const NULL: Arg = T::NULL;

    fn to_arg(self) -> Arg {
        self.map_or(T::NULL, ToArg::to_arg)
    }
}

impl<'a, T> ToArg for &'a Option<T>
where
    &'a T: ToArg,
{
    const NULL: Arg = <&'a T as ToArg>::NULL;

    fn to_arg(self) -> Arg {
        self.as_ref().map_or(Self::NULL, ToArg::to_arg)
    }
}

/// A list of ids as one argument.
pub(crate) fn ids<T: ToString>(ids: &[T]) -> serde_json::Value {
    ids.iter().map(ToString::to_string).collect()
}
