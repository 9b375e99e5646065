//! JSON as `serde_json` reads it, with the members of objects in their order, and with those
//! that are there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The members of an object, in the order of the text.
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The members of a text that is one object; `None` for another text.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The text of the value of a member that is there once.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then(|| value.get())
    }

    /// The value of a member that is there once, and is a text without escapes.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        let text = serde_json::from_str(raw).ok()?;
        (!raw.contains('\\')).then_some(text)
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.raw(name)?.as_bytes())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether no member is there twice.
    pub(crate) fn are_distinct(&self) -> bool {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name).collect();
        names.sort();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Whether these are the members, each once and as a text.
    pub(crate) fn are(&self, expected: &[(&str, &str)]) -> bool {
        let has = |(name, value): &(&str, &str)| self.text(name).as_deref() == Some(*value);
        self.count() == expected.len() && expected.iter().all(has)
    }

    /// The object without white space, in the same order, and with escapes only where JSON
    /// demands them.
    pub(crate) fn compact(&self) -> String {
        let value = |raw: &str| match Self::of(raw.as_bytes()) {
            Some(object) => object.compact(),
            None => serde_json::from_str::<String>(raw)
                .map_or_else(|_| raw.to_owned(), |text| Value::from(text).to_string()),
        };
        let members = self.0.iter();
        let members = members
            .map(|(name, raw)| format!("{}:{}", Value::from(name.as_str()), value(raw.get())));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
