//! Servers that answer requests of the command, in clear or under TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

/// A server that answers each request with the same bytes, for as long as the test runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The requests that have come, with their headers.
    requests: Arc<Mutex<Vec<String>>>,
}

/// How a server answers on a connection, from which the request has been read.
type Answering = dyn Fn(&mut dyn Write) + Send + Sync;

impl Server {
    /// A server that answers with these bytes.
    pub(crate) fn with(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::that(move |stream| drop(stream.write_all(&answer)))
    }

    /// A server that answers like this.
    pub(crate) fn that(answer: impl Fn(&mut dyn Write) + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer))
    }

    /// A server that answers with these bytes under TLS.
    pub(crate) fn with_tls(certificate: &Certificate, answer: impl Into<Vec<u8>>) -> Self {
        let mut tls = SslAcceptor::mozilla_modern_v5(SslMethod::tls_server()).unwrap();
        tls.set_private_key(&certificate.key).unwrap();
        tls.set_certificate(&certificate.certificate).unwrap();
        let answer = answer.into();
        let answer = move |stream: &mut dyn Write| drop(stream.write_all(&answer));
        Self::start(Some(tls.build()), Arc::new(answer))
    }

    fn start(tls: Option<SslAcceptor>, answer: Arc<Answering>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (tls, answer, seen) = (tls.clone(), Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(stream.unwrap(), tls.as_ref(), &*answer, &seen));
            }
        });
        Self { address, requests }
    }

    /// The address of a page of it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/status", self.address)
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("https://{}/status", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    tls: Option<&SslAcceptor>,
    answer: &Answering,
    seen: &Mutex<Vec<String>>,
) {
    match tls {
        None => exchange(stream, answer, seen),
        // A client that does not trust the certificate goes away.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream) {
                exchange(stream, answer, seen);
            }
        }
    }
}

fn exchange(mut stream: impl Read + Write, answer: &Answering, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            // A handshake of TLS, to which httpd too answers in clear.
            Ok(1) if request.is_empty() && byte == [0x16] => break,
            Ok(1) => request.extend(byte),
            _ => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    seen.lock().unwrap().push(request);
    answer(&mut stream);
}

/// An answer in HTTP.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

/// A certificate that it has signed itself.
pub(crate) struct Certificate {
    certificate: X509,
    key: PKey<Private>,
}

impl Certificate {
    /// A certificate for an address of this host.
    pub(crate) fn of(address: &str) -> Self {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "test").unwrap();
        let name = name.build();
        let mut new = X509::builder().unwrap();
        new.set_version(2).unwrap();
        new.set_subject_name(&name).unwrap();
        new.set_issuer_name(&name).unwrap();
        new.set_pubkey(&key).unwrap();
        new.set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        new.set_not_after(&Asn1Time::days_from_now(1).unwrap())
            .unwrap();
        let alternative = SubjectAlternativeName::new()
            .ip(address)
            .build(&new.x509v3_context(None, None))
            .unwrap();
        new.append_extension(alternative).unwrap();
        new.append_extension(BasicConstraints::new().ca().build().unwrap())
            .unwrap();
        new.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = new.build();
        Self { certificate, key }
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }
}
