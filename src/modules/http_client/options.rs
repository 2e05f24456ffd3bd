//! From the arguments of a call to an [`Order`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use url::Url;

use super::exchange::{Order, forget_user};
use super::multipart::{Content, File, Plan};
use super::uri;
use crate::modules::fields::{Entry, Fields, invalid};
use crate::modules::fs::OpenFile;
use crate::modules::net::tls::TlsOptions;
use crate::modules::stream::Stream;
use crate::runtime::access::Access;
use crate::runtime::errors::ErrorData;
use crate::runtime::module::object;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::raw::host_object;
use crate::vm::value::Value;

const TIMEOUT: Duration = Duration::from_secs(30);
const MOST_BODY: u64 = 120 << 20;
const USER_AGENT: &str = concat!("moonlet/", env!("CARGO_PKG_VERSION"));

/// A request that has been read: what is to be sent, and what its body is made from.
pub struct Draft {
    /// Everything but the body.
    pub order: Order,
    /// The body.
    pub body: Plan,
}

/// Reads a request.
///
/// # Errors
/// `Invalid`, or `PermissionDenied` if the caller may not make it.
pub fn read(vm: &mut Vm, method: &[u8], url: &[u8], options: Value) -> Result<Draft, ErrorData> {
    let method = Method::from_bytes(&method.to_ascii_uppercase()).map_err(|_| invalid("method: not a token"))?;
    let mut url = read_url(url)?;
    let fields = Fields::of(options, "options")?;
    if let Some(query) = fields.map(vm, "query")? {
        uri::merge_query(&mut url, query);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if let Some(authorization) = authorization(vm, fields, &url)? {
        headers.insert(header::AUTHORIZATION, authorization);
    }
    forget_user(&mut url);
    if let Some(cookies) = fields.map(vm, "cookies")? {
        let pairs = cookies.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let pairs: Vec<Vec<u8>> = pairs.map(|(name, value)| [name, &b"="[..], value].concat()).collect();
        headers.insert(header::COOKIE, header_value("cookies", &pairs.join(&b"; "[..]))?);
    }
    let body = body(vm, fields, &mut headers)?;
    if let Some(own) = fields.map(vm, "headers")? {
        set_headers(&mut headers, own)?;
    }
    let streamed = fields.boolean(vm, "stream")?;
    let most_body = match fields.integer(vm, "max_response_body")? {
        None | Some(0) => MOST_BODY,
        Some(most) => u64::try_from(most).map_err(|_| invalid("max_response_body: must not be negative"))?,
    };
    let socket = fields.string(vm, "unix_socket")?.map(path).transpose()?;
    let order = Order {
        access: Access::of_caller(vm),
        method,
        url,
        headers,
        body: None,
        timeout: fields.duration(vm, "timeout", Duration::from_secs(1))?.unwrap_or(TIMEOUT),
        most_body: (!streamed).then_some(most_body),
        socket,
        tls: read_tls(vm, fields)?,
        overlay: fields.text(vm, "overlay_network")?.map(String::into_boxed_str),
    };
    if order.overlay.as_deref() == Some("") {
        return Err(invalid("overlay_network: empty id"));
    }
    order.check()?;
    Ok(Draft { order, body })
}

fn read_url(text: &[u8]) -> Result<Url, ErrorData> {
    let malformed = |why: &str| invalid(format!("malformed url {}: {why}", String::from_utf8_lossy(text)));
    let url = std::str::from_utf8(text).map_err(|_| malformed("not UTF-8"))?;
    let url = Url::parse(url).map_err(|error| malformed(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(malformed("neither http nor https"));
    }
    Ok(url)
}

fn path(bytes: Vec<u8>) -> Result<std::path::PathBuf, ErrorData> {
    use std::os::unix::ffi::OsStringExt;
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(invalid("unix_socket: no path"));
    }
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

/// Basic authorization, from the option or else the url.
fn authorization(vm: &mut Vm, fields: Fields, url: &Url) -> Result<Option<HeaderValue>, ErrorData> {
    let (user, password) = match fields.fields(vm, "auth")? {
        Some(auth) => {
            let missing = |key| invalid(format!("auth.{key}: string expected"));
            let user = auth.string(vm, "user")?.ok_or_else(|| missing("user"))?;
            (user, auth.string(vm, "pass")?.ok_or_else(|| missing("pass"))?)
        }
        None if !url.username().is_empty() || url.password().is_some() => {
            // A plus is a plus here.
            let plain = |text: &str| {
                uri::decode(text.replace('+', "%2B").as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec())
            };
            (plain(url.username()), plain(url.password().unwrap_or_default()))
        }
        None => return Ok(None),
    };
    let token = format!("Basic {}", STANDARD.encode([user, password].join(&b':')));
    header_value("auth", token.as_bytes()).map(Some)
}

fn header_value(key: &str, bytes: &[u8]) -> Result<HeaderValue, ErrorData> {
    HeaderValue::from_bytes(bytes).map_err(|_| invalid(format!("{key}: control characters in a header")))
}

fn set_headers(headers: &mut HeaderMap, own: Vec<Entry>) -> Result<(), ErrorData> {
    for (name, values) in own {
        let shown = format!("headers.{}", String::from_utf8_lossy(&name));
        let name = HeaderName::from_bytes(&name).map_err(|_| invalid(format!("{shown}: not a header name")))?;
        // How long the body is, is known here.
        if matches!(name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING) {
            continue;
        }
        headers.remove(&name);
        for value in values {
            headers.append(&name, header_value(&shown, &value)?);
        }
    }
    Ok(())
}

/// The body that the options give, and its type.
fn body(vm: &mut Vm, fields: Fields, headers: &mut HeaderMap) -> Result<Plan, ErrorData> {
    let files = fields.list(vm, "files")?;
    let form = fields.map(vm, "form")?;
    let body = fields.string(vm, "body")?;
    if let Some(files) = files {
        let files: Result<Vec<File>, ErrorData> = files.into_iter().map(|file| read_file(vm, file)).collect();
        let driver = &state(vm).core().driver;
        let boundary = format!("moonlet-{:016x}{:016x}", driver.random_u64(), driver.random_u64());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        headers.insert(header::CONTENT_TYPE, header_value("files", content_type.as_bytes())?);
        return Ok(Plan::Multipart { boundary, fields: form.unwrap_or_default(), files: files? });
    }
    if let Some(form) = form {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        return Ok(Plan::Ready(Some(uri::encode_form(&form).into())));
    }
    Ok(Plan::Ready(body.map(Into::into)))
}

fn read_file(vm: &mut Vm, value: Value) -> Result<File, ErrorData> {
    let file = Fields::of(value, "files")?;
    let name = file.string(vm, "name")?.ok_or_else(|| invalid("files: name is required"))?;
    let reader = file.value(vm, "reader");
    let content = match file.string(vm, "content")? {
        Some(content) => Content::Bytes(content.into()),
        None if reader.is_nil() => return Err(invalid("files: content or reader is required")),
        None => match (host_object::<Stream>(reader), object::this::<OpenFile>(reader)) {
            (Some(stream), _) => Content::Stream(stream.clone()),
            (None, Some(file)) => Content::File(file),
            (None, None) => return Err(invalid("files: reader is neither a stream nor a file")),
        },
    };
    let content_type = file.string(vm, "content_type")?.unwrap_or_else(|| b"application/octet-stream".to_vec());
    header_value("files.content_type", &content_type)?;
    let file_name = file.string(vm, "filename")?.unwrap_or_else(|| name.clone());
    Ok(File { name, file_name, content_type, content })
}

/// The option `tls`.
///
/// # Errors
/// `Invalid`
pub fn read_tls(vm: &mut Vm, fields: Fields) -> Result<TlsOptions, ErrorData> {
    let Some(tls) = fields.fields(vm, "tls")? else { return Ok(TlsOptions::default()) };
    let identity = match (tls.string(vm, "cert")?, tls.string(vm, "key")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(invalid("tls: cert and key belong together")),
    };
    Ok(TlsOptions {
        identity,
        authorities: tls.string(vm, "ca")?,
        server_name: tls.text(vm, "server_name")?,
        insecure: tls.boolean(vm, "insecure_skip_verify")?,
    })
}
