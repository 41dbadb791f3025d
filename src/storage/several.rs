use std::str::FromStr;

use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Type, ValueRef};

/// Several values in one column: the texts that `string_agg(…, '\u{1e}')` made one, in the order it gives, if any.
/// Bringing a row over costs more than reading it, so many small ones come as one. No text of ours holds the sign that
/// parts them (INJ-03).
#[derive(Clone, Debug)]
pub struct Several<T>(pub Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Several<T> {
        Several(Vec::new())
    }
}

impl<T, DB: Database> Type<DB> for Several<T>
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <String as Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        <String as Type<DB>>::compatible(ty)
    }
}

impl<'r, T, DB: Database> Decode<'r, DB> for Several<T>
where
    &'r str: Decode<'r, DB>,
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Several<T>, BoxDynError> {
        // Of no rows an aggregate makes null.
        if value.is_null() {
            return Ok(Several::default());
        }
        let texts = <&str as Decode<'r, DB>>::decode(value)?.split('\u{1e}');
        Ok(Several(texts.map(T::from_str).collect::<Result<_, _>>()?))
    }
}
