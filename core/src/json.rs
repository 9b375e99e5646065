//! The values of a JSON text, with no copy of a text: a key is in the text alone.
//!
//! No error of the parser is handed on, because its words may have a part of the text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of a JSON text.
pub(crate) enum Value<'t> {
    Text(&'t str),
    /// A text with escapes, which no member of a key needs.
    Escaped,
    /// A number that is not negative, without its fraction.
    Number(u64),
    List(Vec<Value<'t>>),
    Object(Object<'t>),
    /// Anything else.
    Other,
}

/// An object, with its members in the order of the text.
pub(crate) struct Object<'t> {
    members: Vec<(Cow<'t, str>, Value<'t>)>,
}

/// The place of the first mistake in a text that is not JSON, line and column from 1.
pub(crate) struct NotJson {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Reads a text.
pub(crate) fn parse(text: &[u8]) -> Result<Value<'_>, NotJson> {
    serde_json::from_slice(text).map_err(|error| NotJson {
        line: error.line(),
        column: error.column(),
    })
}

impl<'t> Object<'t> {
    /// The value of a member.
    pub(crate) fn find(&self, name: &str) -> Option<&Value<'t>> {
        let mut members = self.members.iter();
        members
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The name of a member that is there twice (RFC 7517, section 4).
    pub(crate) fn repeated(&self) -> Option<&str> {
        let names = self.members.iter().map(|(name, _)| name.as_ref());
        let mut names: Vec<&str> = names.collect();
        // A key has a few members, for which a table of hashes takes longer.
        names.sort_unstable();
        let mut pairs = names.iter().zip(names.iter().skip(1));
        pairs.find(|(one, next)| one == next).map(|(one, _)| *one)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Value::Escaped)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        let whole = format!("{:.0}", number.trunc()).parse();
        Ok(whole.map_or(Value::Other, Value::Number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = entries.next_entry()? {
            members.push((name, value));
        }
        Ok(Value::Object(Object { members }))
    }
}

/// The name of a member, which `Cow` alone would always copy.
struct Name<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}
