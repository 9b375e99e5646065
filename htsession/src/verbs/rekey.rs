//! Tokens of a database, sealed again under the secret that seals now.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde_json::json;

use crate::arguments::RekeyArguments;
use crate::failure::{Failure, Kind, Outcome, print_error, warn, without_number};
use crate::json::ascii;
use crate::memory::Memory;
use crate::secrets::sealing::Sealing;
use crate::shown::text::{number, shown};

/// The most bytes of a line: an id, and a token of 1 MiB.
const LONGEST: usize = 2 * 1024 * 1024;

/// Reads lines, and writes those whose tokens open.
pub(super) fn run(arguments: &RekeyArguments, json: bool) -> Outcome<()> {
    let sealing = Sealing::new(&arguments.sealing, true)?;
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let (mut memory, mut line) = (Memory::default(), Vec::new());
    let (mut all, mut failed): (usize, usize) = (0, 0);
    while read_line(&mut input, &mut line)? {
        all = all.saturating_add(1);
        memory.clear();
        let mut tabs = line.rsplitn(2, |byte| *byte == b'\t');
        let (token, id) = (tabs.next().unwrap_or_default(), tabs.next());
        let Some(id) = id else {
            let words = format!("line {} has no tab between an id and a token", number(all));
            return Err(Failure::new(Kind::File, words));
        };
        if json && std::str::from_utf8(id).is_err() {
            let line = number(all);
            let words = format!("line {line} has an id that is not UTF-8: leave --json out");
            return Err(Failure::new(Kind::File, words));
        }
        match rekeyed(&sealing, token, arguments.only_stale, &memory) {
            Ok(None) => {}
            Ok(Some(new)) => {
                let old = arguments.with_old.then_some(token);
                write_line(&mut output, id, new, old, json)
                    .map_err(|error| Failure::of_output(&error))?;
            }
            Err(failure) if failure.status() == REFUSED => {
                failed = failed.saturating_add(1);
                report(id, &failure, json);
            }
            Err(failure) => {
                // The lines before it are whole, and of use.
                let _ = output.flush();
                return Err(failure);
            }
        }
    }
    output.flush().map_err(|error| Failure::of_output(&error))?;
    if failed == 0 {
        return Ok(());
    }
    if !json {
        let (failed, all) = (number(failed), number(all));
        warn(format_args!(
            "{failed} of {all} tokens do not open, and stay as they are"
        ));
    }
    Err(Failure::reported(Kind::Refused))
}

/// The exit status of a token that does not open.
const REFUSED: u8 = 1;

/// Seals a token again; `None` if it need not be.
fn rekeyed<'m>(
    sealing: &Sealing,
    token: &[u8],
    only_stale: bool,
    memory: &'m Memory,
) -> Outcome<Option<&'m [u8]>> {
    let opened = sealing.open(token, memory)?;
    if only_stale && !opened.is_stale {
        return Ok(None);
    }
    sealing.seal(opened.session, memory).map(Some)
}

/// Reads a line without its end; `false` if there is none.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Outcome<bool> {
    line.clear();
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let read = input.by_ref().take(limit).read_until(b'\n', line);
    read.map_err(|error| {
        let words = without_number(&error);
        Failure::new(
            Kind::File,
            format!("standard input cannot be read: {words}"),
        )
    })?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        return Ok(true);
    }
    if line.len() >= LONGEST {
        let words = format!("a line has more than {} bytes", number(LONGEST));
        return Err(Failure::new(Kind::File, words));
    }
    Ok(!line.is_empty())
}

fn write_line(
    output: &mut impl Write,
    id: &[u8],
    new: &[u8],
    old: Option<&[u8]>,
    json: bool,
) -> io::Result<()> {
    if json {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = match old {
            Some(old) => json!({"id": text(id), "token": text(new), "old": text(old)}),
            None => json!({"id": text(id), "token": text(new)}),
        };
        return writeln!(output, "{}", ascii(&line));
    }
    output.write_all(id)?;
    for token in [Some(new), old].into_iter().flatten() {
        output.write_all(b"\t")?;
        output.write_all(token)?;
    }
    output.write_all(b"\n")
}

fn report(id: &[u8], failure: &Failure, json: bool) {
    let words = failure.message().unwrap_or("the token does not open");
    if json {
        let id = String::from_utf8_lossy(id).into_owned();
        print_error(&ascii(&json!({"id": id, "error": words})));
    } else {
        print_error(&format_args!("{}\t{words}", shown(id)));
    }
}
