//! JSON5 as a value: each name once, and not nested without end.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A person's definition is nested less; what is nested more would take the stack.
const DEEPEST: usize = 32;

pub fn parse(text: &str) -> Result<Value, String> {
    ::json5::from_str::<Whole>(text).map(|whole| whole.0).map_err(|error| error.to_string())
}

/// Whether a value that was read in another way is one that would be read here.
pub fn is_plain(value: &Value) -> bool {
    fn within(value: &Value, left: usize) -> bool {
        match (value, left.checked_sub(1)) {
            (Value::String(text), _) => !text.contains('\0'),
            (Value::Array(values), Some(left)) => values.iter().all(|value| within(value, left)),
            (Value::Object(fields), Some(left)) => {
                fields.iter().all(|(name, value)| !name.contains('\0') && within(value, left))
            }
            (Value::Array(_) | Value::Object(_), None) => false,
            _ => true,
        }
    }
    within(value, DEEPEST)
}

struct Whole(Value);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Whole, D::Error> {
        Nested { left: DEEPEST }.deserialize(source).map(Whole)
    }
}

#[derive(Clone, Copy)]
struct Nested {
    left: usize,
}

impl Nested {
    fn inner<E: Error>(self) -> Result<Nested, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Nested { left }),
            None => Err(E::custom(format!("it is nested more than {DEEPEST} deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        match value.contains('\0') {
            true => Err(E::custom("a text holds a character that no text here has")),
            false => Ok(Value::String(value.to_owned())),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = source.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut fields = Map::new();
        while let Some(name) = source.next_key::<String>()? {
            if name.contains('\0') {
                return Err(A::Error::custom("a name holds a character that no name here has"));
            }
            let value = source.next_value_seed(inner)?;
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("“{name}” is there twice")));
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}
