//! The users of a session, in a sealed value.
//!
//! The list of ended sessions asks for ids of users, which follow from the key that sealed
//! a value. When keys are rotated, a value is sealed again under another key, and the user
//! has another id. So a value has the entries, and no ids.

use crate::device::form::{Fields, Writer};
use crate::sealer::users::UserEntry;

/// The entries of a session that name its users: at most 4, and 256 bytes of names and
/// values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionUsers(Vec<(Vec<u8>, Vec<u8>)>);

/// Most entries.
const MAX_ENTRIES: usize = 4;

/// Most bytes of all names and values.
const MAX_BYTES: usize = 256;

impl SessionUsers {
    /// Takes entries; `None` if they are too many or too long to be in a cookie. Such a
    /// session cannot be bound, because the end of its user's sessions would not reach the
    /// device.
    pub fn new<'u>(entries: impl IntoIterator<Item = UserEntry<'u>>) -> Option<Self> {
        let mut users = Vec::new();
        for entry in entries {
            users.push((entry.name.to_vec(), entry.value.to_vec()));
            if users.len() > MAX_ENTRIES {
                return None;
            }
        }
        Self(users).bounded()
    }

    fn bounded(self) -> Option<Self> {
        let length = |(name, value): &(Vec<u8>, Vec<u8>)| name.len().saturating_add(value.len());
        let bytes = self.0.iter().map(length).fold(0, usize::saturating_add);
        (self.0.len() <= MAX_ENTRIES && bytes <= MAX_BYTES).then_some(self)
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = UserEntry<'_>> {
        self.0.iter().map(|(name, value)| UserEntry { name, value })
    }

    /// Whether both are the users of one person: the same entries, and one at least.
    pub(super) fn are_same_person(&self, other: &Self) -> bool {
        !self.0.is_empty() && self == other
    }

    /// Writes the number of entries in one byte, and each name and value after its length
    /// in two.
    pub(super) fn write(&self, writer: &mut Writer) {
        let count = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        writer.bytes(&[count]);
        for (name, value) in &self.0 {
            writer.counted(name);
            writer.counted(value);
        }
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let [count] = fields.array()?;
        let mut users = Vec::new();
        for _ in 0..count {
            users.push((fields.counted()?, fields.counted()?));
        }
        Self(users).bounded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::form::{MAX_FIELDS, ValueKind};
    use crate::life::entry::SessionEntry;

    fn users(entries: &[(&str, &str)]) -> Option<SessionUsers> {
        SessionUsers::new(entries.iter().map(|(name, value)| UserEntry {
            name: name.as_bytes(),
            value: value.as_bytes(),
        }))
    }

    #[test]
    fn has_the_entries_that_it_took() {
        let users = users(&[("user", "joe"), ("realm-user", "")]).unwrap();
        let entries: Vec<_> = users
            .entries()
            .map(|entry| (entry.name, entry.value))
            .collect();
        assert_eq!(entries, [(&b"user"[..], &b"joe"[..]), (b"realm-user", b"")]);
    }

    #[test]
    fn takes_four_entries_of_256_bytes() {
        assert!(users(&[]).is_some());
        assert!(users(&[("a", "b"); 4]).is_some());
        assert!(users(&[("a", "b"); 5]).is_none());
        assert!(users(&[("user", &"j".repeat(252))]).is_some());
        assert!(users(&[("user", &"j".repeat(253))]).is_none());
        assert!(users(&[("a", &"j".repeat(127)), ("b", &"j".repeat(128))]).is_none());
    }

    #[test]
    fn reads_no_more_than_it_takes() {
        let read = |users: SessionUsers| {
            let mut writer = Writer::of_session(&SessionEntry::new(1, [1; 16]));
            users.write(&mut writer);
            let text = writer.text(ValueKind::Key);
            let mut room = [0; MAX_FIELDS];
            let mut fields = Fields::of(text.as_bytes(), ValueKind::Key, &mut room).unwrap();
            fields.session().unwrap();
            SessionUsers::read(&mut fields)
        };
        let entry = |bytes| (b"user".to_vec(), vec![b'j'; bytes]);
        for (entries, is_read) in [
            (vec![], true),
            (vec![entry(1); 4], true),
            (vec![entry(1); 5], false),
            (vec![entry(252)], true),
            (vec![entry(253)], false),
            (vec![entry(200), entry(200)], false),
        ] {
            let users = SessionUsers(entries);
            let expected = is_read.then(|| users.clone());
            assert_eq!(read(users), expected);
        }
    }
}
