//! The records httpd creates and merges, and what they seal with.

use session_crypto_core::{AlgorithmError, Cipher, Digest, Passphrase, Sealer};

use crate::ffi::Pool;

/// What one section of the configuration sets; what it does not set, it
/// inherits from the section around it.
#[derive(Clone, Copy, Default)]
pub(crate) struct DirRecord<'p> {
    passphrases: Option<&'p Passphrases<'p>>,
    ciphers: Option<&'p Vec<Cipher>>,
    digest: Option<&'p Digest>,
    refuses: bool,
}

/// A list that grows at its end while a section is read.
#[derive(Clone, Copy)]
struct Passphrases<'p> {
    last: &'p Passphrase,
    before: Option<&'p Passphrases<'p>>,
}

/// What to do with the sessions of a section.
pub(crate) enum Protection<'p> {
    /// No passphrase is set here: encryption was not asked for.
    Clear,
    /// The record could not be made: neither seal nor open anything.
    Refuse,
    /// Seal and open with these.
    Keys(Keys<'p>),
}

/// What a section, and those around it, seal and open with.
pub(crate) struct Keys<'p> {
    passphrases: Vec<&'p Passphrase>,
    ciphers: Vec<Cipher>,
    digest: Digest,
}

impl Keys<'_> {
    /// `None` if there is no passphrase or no cipher.
    pub(crate) fn sealer(&self) -> Option<Sealer<'_>> {
        Sealer::new(
            self.passphrases.iter().copied(),
            &self.ciphers,
            &self.digest,
        )
    }
}

impl<'p> DirRecord<'p> {
    /// Stands in for a record that could not be made.
    pub(crate) fn refusing() -> Self {
        Self {
            refuses: true,
            ..Self::default()
        }
    }

    /// The record of `add` inside `base`: what the inner section sets wins,
    /// each setting by itself.
    pub(crate) fn merge(base: &Self, add: &Self) -> Self {
        Self {
            passphrases: add.passphrases.or(base.passphrases),
            ciphers: add.ciphers.or(base.ciphers),
            digest: add.digest.or(base.digest),
            refuses: add.refuses || base.refuses,
        }
    }

    /// Adds a passphrase to this section's list.
    pub(crate) fn add_passphrase(&mut self, pool: Pool<'p>, passphrase: Passphrase) {
        let last = pool.place(passphrase);
        let list = Passphrases {
            last,
            before: self.passphrases,
        };
        self.passphrases = Some(pool.place_plain(list));
    }

    /// Sets this section's list of ciphers; a later line replaces it, as in
    /// httpd's module.
    pub(crate) fn set_ciphers(&mut self, pool: Pool<'p>, ciphers: Vec<Cipher>) {
        self.ciphers = Some(pool.place(ciphers));
    }

    /// Sets this section's digest.
    pub(crate) fn set_digest(&mut self, pool: Pool<'p>, digest: Digest) {
        self.digest = Some(pool.place(digest));
    }

    /// What this record asks for.
    ///
    /// # Errors
    ///
    /// OpenSSL lacks the cipher or the digest that stands for none.
    pub(crate) fn protection(&self) -> Result<Protection<'p>, AlgorithmError> {
        if self.refuses {
            return Ok(Protection::Refuse);
        }
        let Some(passphrases) = self.passphrases else {
            return Ok(Protection::Clear);
        };
        let ciphers = match self.ciphers {
            Some(ciphers) => ciphers.clone(),
            None => vec![Cipher::default_cipher()?],
        };
        let digest = match self.digest {
            Some(digest) => digest.clone(),
            None => Digest::default_digest()?,
        };
        Ok(Protection::Keys(Keys {
            passphrases: passphrases.in_order(),
            ciphers,
            digest,
        }))
    }
}

impl<'p> Passphrases<'p> {
    /// The list as it was written, the first passphrase first.
    fn in_order(&self) -> Vec<&'p Passphrase> {
        let links = std::iter::successors(Some(*self), |list| list.before.copied());
        let mut passphrases: Vec<_> = links.map(|list| list.last).collect();
        passphrases.reverse();
        passphrases
    }
}
