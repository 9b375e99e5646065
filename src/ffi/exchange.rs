//! A request and its answer, as a handler has them.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use super::bindings;
use super::request::Request;
use super::session::Session;

/// The answers of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// 200: the answer is sent.
    Sent,
    /// 204: it is done, and there is nothing to say.
    NoContent,
    /// 400
    BadRequest,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405, with `Allow: POST`.
    NotPost,
    /// 405, with `Allow: GET, HEAD`.
    NotGet,
    /// 413
    TooLarge,
    /// 415
    OtherMediaType,
    /// 501
    NotImplemented,
    /// 503
    Unavailable,
}

/// The reason why a request has no body that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLong,
    /// It is cut off, or not encoded as its headers say.
    Broken,
}

/// A request that a handler answers, with its session.
pub(crate) struct Exchange<'r, K, N> {
    request: Request<'r>,
    load: Load<'r, K, N>,
    /// The session, once it is asked for.
    session: Option<Option<Session<'r, K, N>>>,
}

/// Has mod_session read the session of a request.
type Load<'r, K, N> = fn(Request<'r>) -> Option<Session<'r, K, N>>;

impl<'r, K, N> Exchange<'r, K, N> {
    /// Begins to answer a request. `load` is called once at most.
    pub(super) fn new(request: Request<'r>, load: Load<'r, K, N>) -> Self {
        Self {
            request,
            load,
            session: None,
        }
    }

    /// The request.
    pub(crate) fn request(&self) -> Request<'r> {
        self.request
    }

    /// The session that mod_session has read; `None` if it has none for this section.
    pub(crate) fn session(&mut self) -> Option<&mut Session<'r, K, N>> {
        let (request, load) = (self.request, self.load);
        self.session.get_or_insert_with(|| load(request)).as_mut()
    }

    /// Reads the body of the request, of `limit` bytes or fewer.
    ///
    /// # Errors
    ///
    /// It is longer, or it is broken.
    pub(crate) fn body(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let r = self.request.as_ptr();
        // SAFETY: the request lives, and its body was not read before
        // (http_protocol.h, ap_setup_client_block).
        let status = unsafe { bindings::ap_setup_client_block(r, DECHUNK) };
        if status != bindings::OK {
            return Err(BodyError::Broken);
        }
        // SAFETY: the call before has returned OK.
        if unsafe { bindings::ap_should_client_block(r) } == 0 {
            return Ok(Vec::new());
        }
        let (mut body, mut block) = (Vec::new(), [0_u8; BLOCK]);
        loop {
            let room = block.as_mut_ptr().cast::<c_char>();
            // SAFETY: the call writes up to `BLOCK` bytes, for which there is room.
            let length = unsafe { bindings::ap_get_client_block(r, room, BLOCK) };
            // A negative length is an error.
            let length = usize::try_from(length).map_err(|_| BodyError::Broken)?;
            let read = block.get(..length).ok_or(BodyError::Broken)?;
            if read.is_empty() {
                return Ok(body);
            }
            if body.len().saturating_add(length) > limit {
                return Err(BodyError::TooLong);
            }
            body.extend_from_slice(read);
        }
    }

    /// The answer to httpd.
    pub(super) fn finish(&self, status: Status) -> c_int {
        let r = self.request.as_ptr();
        match status {
            Status::NoContent => {
                // SAFETY: the request lives, and no reference to it is held.
                unsafe { (*r).status = bindings::HTTP_NO_CONTENT };
                // httpd ends the answer of a handler that has sent nothing.
                return bindings::OK;
            }
            Status::NotPost => self.allow(bindings::M_POST),
            Status::NotGet => self.allow(bindings::M_GET),
            _ => {}
        }
        status.code()
    }

    /// Sends a page with its headers. To `HEAD`, httpd sends the headers alone.
    pub(crate) fn send(&mut self, page: &Page<'_>) -> Status {
        let r = self.request.as_ptr();
        if let Some(mut headers) = self.request.headers_out().next() {
            page.headers
                .iter()
                .for_each(|(name, value)| headers.set(name, value));
        }
        // SAFETY: the request lives, and the type lives longer (http_protocol.h,
        // ap_set_content_type).
        unsafe { bindings::ap_set_content_type(r, page.content_type.as_ptr()) };
        let length = page.body.len().try_into().unwrap_or_default();
        // SAFETY: the request lives (http_protocol.h, ap_set_content_length).
        unsafe { bindings::ap_set_content_length(r, length) };
        self.request.write(page.body);
        Status::Sent
    }

    /// Sends an answer of any status, which no `ErrorDocument` takes the place of.
    pub(crate) fn reply(&mut self, reply: &Reply<'_>) -> Status {
        let r = self.request.as_ptr();
        let status = match reply.status {
            Status::Sent => bindings::HTTP_OK,
            status => status.code(),
        };
        // SAFETY: the request lives, and no reference to it is held.
        unsafe { (*r).status = status };
        let (headers, pool) = (self.request.headers_out().next(), self.request.pool());
        if let (Some(mut headers), Some(pool)) = (headers, pool) {
            // httpd writes this header beside its own pages alone.
            if reply.status == Status::NotPost {
                headers.set(c"Allow", c"POST");
            }
            let lines = reply.headers.iter();
            lines.for_each(|(name, value)| headers.add(name, pool.text(value)));
        }
        if let Some(content_type) = reply.content_type {
            // SAFETY: the request lives, and the type lives longer (http_protocol.h,
            // ap_set_content_type).
            unsafe { bindings::ap_set_content_type(r, content_type.as_ptr()) };
        }
        let length = reply.body.len().try_into().unwrap_or_default();
        // SAFETY: the request lives (http_protocol.h, ap_set_content_length).
        unsafe { bindings::ap_set_content_length(r, length) };
        self.request.write(reply.body);
        Status::Sent
    }

    /// Names the method that the handler allows, in a header.
    fn allow(&self, method: c_int) {
        // SAFETY: the request lives; the list of methods ends with a negative number
        // (http_protocol.h, ap_allow_standard_methods).
        unsafe {
            bindings::ap_allow_standard_methods(
                self.request.as_ptr(),
                bindings::REPLACE_ALLOW,
                method,
                END_OF_METHODS,
            );
        }
    }
}

impl Status {
    fn code(self) -> c_int {
        match self {
            Self::Sent => bindings::OK,
            Self::NoContent => bindings::HTTP_NO_CONTENT,
            Self::BadRequest => bindings::HTTP_BAD_REQUEST,
            Self::Unauthorized => bindings::HTTP_UNAUTHORIZED,
            Self::Forbidden => bindings::HTTP_FORBIDDEN,
            Self::NotFound => bindings::HTTP_NOT_FOUND,
            Self::NotPost | Self::NotGet => bindings::HTTP_METHOD_NOT_ALLOWED,
            Self::TooLarge => bindings::HTTP_REQUEST_ENTITY_TOO_LARGE,
            Self::OtherMediaType => bindings::HTTP_UNSUPPORTED_MEDIA_TYPE,
            Self::NotImplemented => bindings::HTTP_NOT_IMPLEMENTED,
            Self::Unavailable => bindings::HTTP_SERVICE_UNAVAILABLE,
        }
    }
}

/// A page that a handler sends.
pub(crate) struct Page<'b> {
    pub(crate) content_type: &'static CStr,
    /// Names and values.
    pub(crate) headers: &'static [(&'static CStr, &'static CStr)],
    pub(crate) body: &'b str,
}

/// An answer of a handler that chooses its status.
pub(crate) struct Reply<'b> {
    /// [`Status::Sent`] for 200.
    pub(crate) status: Status,
    pub(crate) content_type: Option<&'static CStr>,
    /// Names and values. A name may come more than once.
    pub(crate) headers: &'b [(&'static CStr, String)],
    pub(crate) body: &'b str,
}

/// The most bytes that are read at once.
const BLOCK: usize = 1024;

/// The most bytes that are written at once.
const MOST_WRITTEN: usize = 1 << 20;

/// httpd takes the chunks of a body apart.
const DECHUNK: c_int = bindings::REQUEST_CHUNKED_DECHUNK;

/// The number that ends a list of methods.
const END_OF_METHODS: c_int = -1;

impl<'r> Request<'r> {
    /// The name of the handler that the sections of the request choose; empty if there is
    /// none.
    pub(super) fn handler(self) -> &'r CStr {
        let name = self.raw().handler;
        if name.is_null() {
            return c"";
        }
        // SAFETY: not NULL, so a C string that lives as long as the request or its
        // configuration (httpd.h).
        unsafe { CStr::from_ptr(name) }
    }

    /// Whether the sections of the request choose a handler of this name, before httpd has
    /// noted their choice in the request.
    pub(super) fn is_to_be_for(self, handler: &CStr) -> bool {
        // SAFETY: a request has a vector of settings, in which those of httpd's core are
        // (http_core.h, ap_get_core_module_config).
        let core = unsafe { bindings::ap_get_core_module_config(self.raw().per_dir_config) };
        // SAFETY: NULL, or the core's settings for the sections of the request.
        let core = unsafe { core.cast::<bindings::core_dir_config>().as_ref() };
        let Some(expression) = core.map(|core| core.expr_handler) else {
            return false;
        };
        if expression.is_null() {
            return false;
        }
        let mut error = ptr::null();
        // SAFETY: the request lives, and `SetHandler` has made an expression with the result
        // of a string (core.c, set_sethandler).
        let name = unsafe { bindings::ap_expr_str_exec(self.as_ptr(), expression, &raw mut error) };
        if name.is_null() || !error.is_null() {
            return false;
        }
        // SAFETY: not NULL, so a C string in the request's pool or the configuration's.
        let name = unsafe { CStr::from_ptr(name) };
        // httpd takes the name in lower case (core.c, core_override_type).
        name.to_bytes().eq_ignore_ascii_case(handler.to_bytes())
    }

    /// Whether the method is `POST`.
    pub(crate) fn is_post(self) -> bool {
        self.raw().method_number == bindings::M_POST
    }

    /// Whether the method is `GET` or `HEAD`.
    pub(crate) fn is_get(self) -> bool {
        self.raw().method_number == bindings::M_GET
    }

    /// The query, which follows the path after `?`; empty if there is none.
    pub(crate) fn query(self) -> &'r CStr {
        let query = self.raw().args;
        if query.is_null() {
            return c"";
        }
        // SAFETY: not NULL, so a C string in the request's pool (httpd.h).
        unsafe { CStr::from_ptr(query) }
    }

    /// Writes a part of the answer's body.
    pub(super) fn write(self, text: &str) {
        // httpd takes lengths of an `int`.
        for part in text.as_bytes().chunks(MOST_WRITTEN) {
            let length = c_int::try_from(part.len()).unwrap_or_default();
            // SAFETY: the request lives, and `part` has as many bytes, which the call copies
            // or sends (http_protocol.h, ap_rwrite).
            unsafe { bindings::ap_rwrite(part.as_ptr().cast(), length, self.as_ptr()) };
        }
    }

    /// Refuses the request, with a page in place of httpd's own words, and returns the status
    /// for httpd. An `ErrorDocument` of its sections goes before the page.
    #[cold]
    #[inline(never)]
    pub(super) fn forbid_with(self, page: &CStr) -> c_int {
        // SAFETY: a request has a vector of settings, in which those of httpd's core are
        // (http_core.h, ap_get_core_module_config).
        let core = unsafe { bindings::ap_get_core_module_config(self.raw().per_dir_config) };
        // SAFETY: NULL, or the core's settings for the sections of the request.
        let core = unsafe { core.cast::<bindings::core_dir_config>().as_ref() };
        let documents = core.map_or(ptr::null_mut(), |core| core.response_code_exprs);
        // SAFETY: the call takes any number (http_protocol.h, ap_index_of_response).
        let index = unsafe { bindings::ap_index_of_response(bindings::HTTP_FORBIDDEN) };
        let length = size_of_val(&index).try_into().unwrap_or_default();
        let has_document = !documents.is_null() && {
            // SAFETY: not NULL, so the table of documents, whose keys are such numbers
            // (core.c, set_error_document).
            let found =
                unsafe { bindings::apr_hash_get(documents, (&raw const index).cast(), length) };
            !found.is_null()
        };
        if !has_document {
            // SAFETY: the request lives, and the call copies the page (http_core.h,
            // ap_custom_response).
            unsafe {
                bindings::ap_custom_response(
                    self.as_ptr(),
                    bindings::HTTP_FORBIDDEN,
                    page.as_ptr(),
                );
            }
        }
        bindings::HTTP_FORBIDDEN
    }

    /// Whether the request came over TLS, as far as httpd knows.
    pub(crate) fn is_encrypted(self) -> bool {
        // SAFETY: the request lives (http_core.h, http_scheme).
        let scheme = unsafe { bindings::ap_run_http_scheme(self.as_ptr()) };
        // SAFETY: NULL is tested first; otherwise a constant of the module that knows.
        !scheme.is_null() && unsafe { CStr::from_ptr(scheme) } == c"https"
    }

    /// Whether the sections of the request have a way to authenticate users (`AuthType`).
    pub(super) fn has_authentication(self) -> bool {
        // SAFETY: the request lives (http_core.h, ap_auth_type).
        let kind = unsafe { bindings::ap_auth_type(self.as_ptr()) };
        // SAFETY: NULL is tested first; otherwise a C string that lives as long as the
        // request or its configuration.
        !kind.is_null()
            && !unsafe { CStr::from_ptr(kind) }
                .to_bytes()
                .eq_ignore_ascii_case(b"none")
    }

    /// Whether the user of the request is authenticated.
    pub(super) fn has_user(self) -> bool {
        !self.raw().user.is_null()
    }

    /// The name of the realm that users authenticate for (`AuthName`), if there is one.
    pub(crate) fn auth_name(self) -> Option<&'r CStr> {
        // SAFETY: the request lives (http_core.h, ap_auth_name).
        let name = unsafe { bindings::ap_auth_name(self.as_ptr()) };
        // SAFETY: NULL is tested first; otherwise a C string that lives as long as the
        // request or its configuration.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
    }
}
