//! The reports of all servers, asked for at the same time.

use std::io;
use std::thread;
use std::time::Duration;

use session_crypto_status::{Report, UnreadableReport, parse};
use ureq::http::header::{AUTHORIZATION, HeaderValue, LOCATION};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, Error};

use crate::failure::without_number;
use crate::farm::access::Access;
use crate::farm::address::Address;
use crate::secrets::sealing::now;
use crate::shown::text::shown;

/// The report of a server, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) report: Report,
    /// The time of this host, in Unix seconds.
    pub(super) received: u64,
}

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer.
const MOST: u64 = 1024 * 1024;

/// Asks all servers, and returns their answers in the same order. The words about a server
/// that gives none say what to do.
pub(super) fn all(addresses: &[Address], access: &Access) -> Vec<Result<Answer, String>> {
    let agent = agent(access);
    thread::scope(|scope| {
        let asking = addresses.iter().map(|address| {
            let ask = || one(&agent, address, access);
            thread::Builder::new().spawn_scoped(scope, ask)
        });
        // All have begun before the first one is waited for.
        let asking: Vec<_> = asking.collect();
        let answers = asking.into_iter().zip(addresses).map(|(asked, address)| {
            let answer = asked.map(thread::ScopedJoinHandle::join);
            match answer {
                Ok(Ok(answer)) => answer,
                _ => Err(format!("{} could not be asked: try again", address.shown)),
            }
        });
        answers.collect()
    })
}

fn agent(access: &Access) -> Agent {
    let authorities = access.authorities.clone();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .root_certs(authorities.unwrap_or(RootCerts::PlatformVerifier))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A proxy of the environment would get the login, and might answer from its cache.
        .proxy(None)
        .user_agent(concat!("htsession/", env!("CARGO_PKG_VERSION")))
        .accept("application/json")
        .build()
        .new_agent()
}

fn one(agent: &Agent, address: &Address, access: &Access) -> Result<Answer, String> {
    let mut request = agent.get(&address.url);
    if let Some(login) = &access.login {
        let value = HeaderValue::try_from(login.header.as_str());
        let mut value = value.map_err(|_| "the login cannot be sent".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let about = |words: String| format!("{} {words}", address.shown);
    let response = request.call().map_err(|error| about(failed(&error)))?;
    let text = body(response, access).map_err(about)?;
    let report = parse(&text).map_err(|error| about(unreadable(error)))?;
    Ok(Answer {
        report,
        received: now().seconds,
    })
}

/// The body of a good answer.
fn body(mut response: Response<Body>, access: &Access) -> Result<Vec<u8>, String> {
    let status = response.status();
    if status.is_redirection() {
        let place = response.headers().get(LOCATION);
        let place = place.map_or(&b""[..], HeaderValue::as_bytes);
        let place = place.get(..place.len().min(200)).unwrap_or_default();
        return Err(format!(
            "redirects to {}, and a redirect is not followed: name the page itself",
            shown(place)
        ));
    }
    match (status, &access.login) {
        (StatusCode::OK, _) => {}
        (StatusCode::UNAUTHORIZED, None) => {
            let words = "asks for a login: name a file with user:password after --user-file";
            return Err(words.to_owned());
        }
        (StatusCode::UNAUTHORIZED, Some(login)) => {
            let file = login.file.display();
            return Err(format!(
                "refuses the login of {file}: write the right one into it"
            ));
        }
        (StatusCode::FORBIDDEN, _) => {
            let words = "shows nothing to this host: let it in with 'Require ip' there";
            return Err(words.to_owned());
        }
        (StatusCode::NOT_FOUND, _) => {
            let words = "is not there: 'SetHandler session-crypto-status' makes such a page";
            return Err(words.to_owned());
        }
        _ => {
            return Err(format!(
                "answers with the status {}: its error log says why",
                status.as_u16()
            ));
        }
    }
    // One byte more, so that a longer answer is known as such.
    let limit = MOST.saturating_add(1);
    let body = response.body_mut().with_config().limit(limit).read_to_vec();
    let too_long =
        || format!("answers with more than {MOST} bytes: name a page of session-crypto-status");
    match body {
        Ok(body) if u64::try_from(body.len()).is_ok_and(|length| length > MOST) => Err(too_long()),
        Ok(body) => Ok(body),
        Err(Error::BodyExceedsLimit(_)) => Err(too_long()),
        Err(error) => Err(failed(&error)),
    }
}

fn unreadable(error: UnreadableReport) -> String {
    match error {
        UnreadableReport::NoReport => {
            format!("{error}: name a page of 'SetHandler session-crypto-status'")
        }
        UnreadableReport::Version(_) => {
            format!("{error}: use the htsession of the same release as that server")
        }
    }
}

/// The words about a request that has got no answer.
fn failed(error: &Error) -> String {
    const MEND: &str = "start the server, or leave it out once it serves nobody";
    match error {
        Error::Timeout(_) => {
            let seconds = PATIENCE.as_secs();
            format!("does not answer within {seconds} seconds: {MEND}")
        }
        Error::HostNotFound => no_host("no address"),
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("does not answer, the connection is refused: {MEND}")
        }
        // Its kind does not tell.
        Error::Io(error) if error.to_string().starts_with("failed to lookup") => {
            let words = without_number(error);
            no_host(words.rsplit(": ").next().unwrap_or_default())
        }
        Error::Io(error) => format!("does not answer, {}: {MEND}", without_number(error)),
        Error::NativeTls(error) => tls(&error.to_string()),
        Error::Protocol(error) => {
            format!("does not answer in HTTP, {error}: name a page of session-crypto-status")
        }
        other => format!("does not answer, {other}: {MEND}"),
    }
}

fn no_host(reason: &str) -> String {
    format!("has a host that is not found ({reason}): write its name as DNS has it")
}

/// The words about an error of TLS, from OpenSSL's own.
fn tls(words: &str) -> String {
    if words.contains("ostname mismatch") || words.contains("IP address mismatch") {
        return "has a certificate for another name: name the server as its certificate does"
            .to_owned();
    }
    if words.contains("certificate verify failed") {
        let reason = words.rsplit_once('(').map_or("", |(_, reason)| reason);
        let reason = reason.trim_end_matches(')');
        return format!(
            "has a certificate that is not trusted ({}): name the certificate of its authority \
             after --ca",
            shown(reason.as_bytes())
        );
    }
    format!(
        "does not speak TLS ({}): write http://, or mend its TLS",
        shown(words.as_bytes())
    )
}
