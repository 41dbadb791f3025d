//! How a body's JSON is read: each field once, and values as the types that the rules work with.

use std::fmt;
use std::str::FromStr;

use serde::de::value::Error as MissingError;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// How the error begins that tells of a field which is there twice.
pub const TWICE: &str = "a field is there twice";

/// JSON in which no object has a field twice: which of the two is meant, two readers would say differently.
pub fn value(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice::<Unique>(text).map(|Unique(value)| value)
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unique, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let Unique(value) = object.next_value()?;
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(fields))
    }
}

/// A string that has to be one of the rules' own values; its schema says which.
#[derive(Clone, Debug)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parsed<T>, D::Error> {
        String::deserialize(deserializer)?.parse().map(Parsed).map_err(D::Error::custom)
    }
}

/// A value that may be null, and has to be said all the same.
#[derive(Clone, Debug)]
pub struct OrNull<T>(pub Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrNull<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrNull<T>, D::Error> {
        // What is missing answers to no question but that for an option: see below.
        let value = Value::deserialize(deserializer)?;
        match value {
            Value::Null => Ok(OrNull(None)),
            value => serde_json::from_value(value).map(|value| OrNull(Some(value))).map_err(D::Error::custom),
        }
    }
}

/// A field that is not there: nothing, to what may be nothing, and else an error.
pub struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = MissingError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, MissingError> {
        Err(MissingError::custom("it is missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MissingError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two readers would take another one of the two: what a proxy checked would not be what we do.
    #[test]
    fn a_field_is_there_once() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"c":2,"b":3}}"#, r#"[{"a":1,"\u0061":2}]"#] {
            let error = value(text.as_bytes()).expect_err("it is refused").to_string();
            assert!(error.starts_with(TWICE), "{error}");
        }
        let right = r#"{"a":[1,-2,3.5,"x",null,true,{"a":1}],"b":{"a":1}}"#;
        let same: Value = serde_json::from_str(right).expect("it is JSON");
        assert_eq!(value(right.as_bytes()).expect("it is JSON"), same);
    }

    /// DOS-04: depth is refused before it is a stack.
    #[test]
    fn depth_is_bounded() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let text = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            assert!(value(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_is_missing_is_not_null() {
        assert!(OrNull::<String>::deserialize(Missing).is_err());
        assert!(String::deserialize(Missing).is_err());
        assert!(Value::deserialize(Missing).is_err());
        assert_eq!(Option::<String>::deserialize(Missing).ok(), Some(None));
        let null = OrNull::<String>::deserialize(Value::Null);
        assert!(null.is_ok_and(|OrNull(text)| text.is_none()));
    }
}
