//! HTTP servers on loopback for programs under test: well-behaved ones, and one that is not.
//!
//! They run on a thread of their own, from the first test that asks to the end of the tests. Programs find them through
//! environment variables:
//!
//! | variable | what |
//! | --- | --- |
//! | `WEB_URL` | HTTP/1; see `pages` |
//! | `WEB_TLS_URL` | the same with TLS, HTTP/2 or HTTP/1 as the client likes |
//! | `WEB_CLIENT_TLS_URL` | the same with TLS, HTTP/1, for clients with a certificate only |
//! | `WEB_STRANGER_URL` | the same with TLS and a certificate for another name |
//! | `WEB_SOCKET` | the same at a socket in the file system |
//! | `WEB_BROKEN_URL`, `WEB_TLS_BROKEN_URL` | a server that breaks the rules, without and with TLS; see `broken` |
//! | `WEB_SOCKETS_URL`, `WEB_TLS_SOCKETS_URL` | WebSockets, without and with TLS; see `sockets` |
//! | `WEB_DEAD_URL` | nobody listens there |
//! | `WEB_CA`, `WEB_CERT`, `WEB_KEY` | files: the authority of the certificates, and a certificate and key for clients |
//! | `WEB_SERVER_CERT`, `WEB_SERVER_KEY` | files: a certificate and key for a server on this machine |

mod broken;
mod certificates;
mod listen;
mod pages;
mod sockets;

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use hyper::Response;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use libtest_mimic::Failed;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use self::certificates::Certificates;
use self::listen::Connection;
use self::pages::Pages;
use crate::folder::Folder;

/// The variables, by name. The servers are there when this returns.
pub fn environment() -> Result<&'static [(&'static str, String)], Failed> {
    static VARIABLES: OnceLock<Result<Vec<(&'static str, String)>, String>> = OnceLock::new();
    VARIABLES
        .get_or_init(|| start().map_err(|error| error.to_string()))
        .as_deref()
        .map_err(|error| error.clone().into())
}

fn start() -> io::Result<Vec<(&'static str, String)>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("web".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let started = Servers::start().await;
            let failed = started.is_err();
            sender.send(started).expect("somebody waits for the servers");
            if !failed {
                std::future::pending::<()>().await;
            }
        });
    })?;
    receiver.recv().unwrap_or_else(|_| Err(io::Error::other("the servers have not started")))
}

struct Servers {
    pages: Arc<Pages>,
    connections: AtomicU64,
}

impl Servers {
    async fn start() -> io::Result<Vec<(&'static str, String)>> {
        // Never removed by itself: the thread ends with the program.
        let folder = Box::leak(Box::new(Folder::new("web")?));
        let certificates = Certificates::new().map_err(io::Error::other)?;
        let servers = Arc::new(Servers { pages: Arc::default(), connections: AtomicU64::new(0) });
        let file = |name: &str, content: &str| folder.write(name, content).map(shown);
        let socket = folder.path().join("socket");
        Arc::clone(&servers).serve_socket(UnixListener::bind(&socket)?);
        Ok(vec![
            ("WEB_URL", format!("http://{}", Arc::clone(&servers).serve(None).await?)),
            ("WEB_TLS_URL", format!("https://{}", Arc::clone(&servers).serve(Some(certificates.server()?)).await?)),
            ("WEB_CLIENT_TLS_URL", {
                format!("https://{}", Arc::clone(&servers).serve(Some(certificates.server_for_clients()?)).await?)
            }),
            ("WEB_STRANGER_URL", format!("https://{}", servers.serve(Some(certificates.stranger()?)).await?)),
            ("WEB_SOCKET", shown(socket)),
            ("WEB_BROKEN_URL", format!("http://{}", broken::serve(None).await?)),
            ("WEB_TLS_BROKEN_URL", format!("https://{}", broken::serve(Some(certificates.server()?)).await?)),
            ("WEB_SOCKETS_URL", format!("ws://{}", sockets::serve(None).await?)),
            ("WEB_TLS_SOCKETS_URL", format!("wss://{}", sockets::serve(Some(certificates.server()?)).await?)),
            ("WEB_DEAD_URL", {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                format!("http://{}", listener.local_addr()?)
            }),
            ("WEB_CA", file("ca.pem", &certificates.authority)?),
            ("WEB_CERT", file("client.pem", &certificates.client.0)?),
            ("WEB_KEY", file("client.key", &certificates.client.1)?),
            ("WEB_SERVER_CERT", file("server.pem", &certificates.machine.0)?),
            ("WEB_SERVER_KEY", file("server.key", &certificates.machine.1)?),
        ])
    }

    /// Serves a port of all addresses of the loopback network, with TLS if there is a setting for it. Answers where.
    async fn serve(self: Arc<Self>, tls: Option<rustls::ServerConfig>) -> io::Result<String> {
        listen::serve(tls, move |Connection { stream, http2 }| {
            let servers = Arc::clone(&self);
            async move { servers.converse(stream, http2).await }
        })
        .await
    }

    fn serve_socket(self: Arc<Self>, listener: UnixListener) {
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let servers = Arc::clone(&self);
                tokio::spawn(async move { servers.converse(stream, false).await });
            }
        });
    }

    /// Answers the requests of one connection.
    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let service = service_fn(|request| {
            let pages = Arc::clone(&self.pages);
            async move { Ok::<Response<_>, Infallible>(pages.answer(request, connection).await) }
        });
        let io = TokioIo::new(stream);
        // How a connection ends is the client's business.
        let _ = if http2 {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
        } else {
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
        };
    }
}

fn shown(path: PathBuf) -> String {
    path.display().to_string()
}
