//! The body of a form, which names the user whose sessions are to end.
//!
//! The fields are those that another implementation of the URL Standard finds.

use session_crypto_core::form::{fields, is_form};

/// Reads the fields.
pub fn run(body: &[u8]) {
    let expected: Vec<_> = form_urlencoded::parse(body).collect();
    match fields(body) {
        Ok(fields) => {
            // The other implementation replaces what is not UTF-8.
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let found = fields
                .iter()
                .map(|(name, value)| (lossy(name), lossy(value)));
            let expected = expected.into_iter();
            let expected = expected.map(|(name, value)| (name.into_owned(), value.into_owned()));
            assert!(found.eq(expected));
            let bytes = fields.iter().map(|(name, value)| name.len() + value.len());
            assert!(bytes.sum::<usize>() <= body.len());
        }
        Err(_) => assert!(
            expected
                .iter()
                .any(|(name, value)| name.contains('\0') || value.contains('\0'))
        ),
    }
    if is_form(body) {
        let text = String::from_utf8_lossy(body).to_ascii_lowercase();
        assert!(text.contains("application/x-www-form-urlencoded"));
    }
}

/// Forms with each kind of field.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "user=joe&name=a+b%20c&=x&y&&z=1=2",
        "user=%C3%A9%zz%4&a=%00",
        "application/x-www-form-urlencoded; charset=UTF-8",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
