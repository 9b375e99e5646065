//! The work of the parent for the list as a configuration comes into force.

use std::sync::Arc;
use std::time::Duration;

use session_crypto_core::RevocationTable;

use super::agent;
use super::kept_file::KeptFile;
use super::revocation::Revocation;
use super::settings::Settings;
use crate::ffi::{self, Age, KeptTable, Level, MainServer};
use crate::message::{Code, Message};

/// The list has another size than the configuration says.
const OTHER_SIZE: Code = Code("SC0609");

/// A stop of the server forgets ended sessions.
const FORGETS: Code = Code("SC0610");

/// A former build of the module has kept ended sessions in another form.
const OTHER_FORM: Code = Code("SC0611");

/// The patience of a server that starts with its store, where that is required.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the list, and starts its agent; `None` if the configuration has none. `longest` is
/// the longest lifetime of any section, in seconds.
///
/// # Errors
///
/// There is no memory or no process, or the file of the list cannot be read.
pub(crate) fn start(
    settings: Option<Settings>,
    server: MainServer<'_>,
    longest: u64,
) -> Result<Option<Revocation>, Message> {
    let Some(settings) = settings else {
        ffi::end_former();
        return Ok(None);
    };
    let size = settings.size;
    let table = ffi::map_table(RevocationTable::LAYOUT, size, RevocationTable::words)?;
    report(&settings, table, server);
    let mut revocation = Revocation::new(table, longest);
    if let Some(path) = settings.file {
        let file = Arc::new(KeptFile::new(path));
        file.read(revocation.table())?;
        keep_at_end(file.clone(), table, server);
        revocation.file = Some(file);
    }
    ffi::end_former();
    if let Some(store) = settings.store {
        revocation.bell = Some(table.bell);
        revocation.is_required = store.is_required;
        let agent = ffi::start_agent(server, table, agent::work(store, table))?;
        let has_ever_heard = revocation.table().last_heard() != 0;
        if revocation.is_required && !has_ever_heard {
            agent.wait_until_ready(PATIENCE);
        }
    }
    Ok(Some(revocation))
}

/// Writes the file when the configuration ends: the agent of a server that stops has sent
/// its records by then, because it was registered later.
fn keep_at_end(file: Arc<KeptFile>, table: KeptTable, server: MainServer<'_>) {
    let table = RevocationTable::new(table.words);
    ffi::at_end(server, Box::new(move |_| file.write_if_changed(&table)));
}

/// Says what an administrator may not expect.
fn report(settings: &Settings, table: KeptTable, server: MainServer<'_>) {
    let log = |level, message: &Message| ffi::log_main(server, level, message);
    if let Some(warning) = &settings.warning {
        log(Level::Warning, warning);
    }
    match table.age {
        Age::New if settings.store.is_none() && settings.file.is_none() => log(
            Level::Info,
            &FORGETS.says(
                "a stop of the server forgets ended sessions, of which copies work again after \
                 the next start: write file=PATH in SessionCryptoRevocation to keep them",
            ),
        ),
        Age::Replaced => log(
            Level::Warning,
            &OTHER_FORM.says(
                "the build of the module before this one has kept ended sessions in another \
                 form: this one begins with those of its file or store",
            ),
        ),
        Age::Kept if table.size != settings.size => log(
            Level::Notice,
            &OTHER_SIZE.says(format!(
                "size={} in SessionCryptoRevocation takes effect when the server is stopped and \
                 started; until then, there is room for {} ended sessions",
                settings.size, table.size
            )),
        ),
        _ => {}
    }
}
