//! HTTP servers whose requests are answered by processes.
//!
//! ```
//! use moonlet::http::{Endpoint, Router, Service};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let greet = "return function()
//!     local http = require('http')
//!     http.response():write('hello, ' .. http.request():param('name'))
//! end";
//! let runtime = moonlet::Runtime::builder().entry("app:greet", greet).build()?;
//! let endpoint = Endpoint::new("GET", "/greet/{name}", "app:greet")?;
//! let server = runtime.serve(Service {
//!     address: "127.0.0.1:0".into(),
//!     routers: vec![Router { endpoints: vec![endpoint], ..Router::default() }],
//!     ..Service::default()
//! })?;
//! # use std::io::{Read, Write};
//! let mut client = std::net::TcpStream::connect(server.address())?;
//! client.write_all(b"GET /greet/moon HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.ends_with("\r\n\r\nhello, moon"));
//! # Ok(())
//! # }
//! ```

pub use crate::modules::fs::Root;
pub use crate::modules::http::firewall::Firewall;
pub use crate::modules::http::middleware::Middleware;
pub use crate::modules::http::relay::{Origins, Relay};
pub use crate::modules::http::service::{Endpoint, FileSite, Router, Server, Service, Timeouts};
pub use crate::modules::http::tls::ServerTls;
