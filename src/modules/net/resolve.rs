//! From names to addresses, as the system is configured: `/etc/hosts`, then the servers of `/etc/resolv.conf`.
//!
//! The C library's resolver is not used: it blocks a thread that nothing can call back, and in a statically linked
//! program it loads plug-ins of a C library that may be another one. Both files are read anew for each name, so changes
//! take effect at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::dns::{self, Answer, Kind};
use super::unavailable;
use crate::runtime::driver::Driver;
use crate::runtime::errors::ErrorData;

/// The port of name servers.
const PORT: u16 = 53;
/// Longest datagram without extensions.
const DATAGRAM: usize = 512;

/// Looks names up.
pub struct Resolver {
    driver: Arc<dyn Driver>,
    hosts: PathBuf,
    configuration: PathBuf,
}

/// What `/etc/resolv.conf` says.
#[derive(PartialEq, Eq, Debug)]
struct Configuration {
    servers: Vec<SocketAddr>,
    /// Domains in which names are looked up that have too few dots.
    search: Vec<String>,
    enough_dots: usize,
    timeout: Duration,
    attempts: usize,
}

impl Resolver {
    /// The resolver of the system. Numbers that nobody may guess come from `driver`.
    pub fn new(driver: Arc<dyn Driver>) -> Resolver {
        Resolver { driver, hosts: "/etc/hosts".into(), configuration: "/etc/resolv.conf".into() }
    }

    /// The addresses of a name, at least one.
    ///
    /// # Errors
    /// `Unavailable`
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, ErrorData> {
        let absolute = name.strip_suffix('.');
        let bare = absolute.unwrap_or(name);
        if !dns::is_name(bare) {
            return Err(ErrorData { retryable: Some(false), ..no_such_host(name) });
        }
        // A file that is not there says nothing.
        let hosts = tokio::fs::read(&self.hosts).await.unwrap_or_default();
        let known = addresses_in(&String::from_utf8_lossy(&hosts), bare);
        if !known.is_empty() {
            return Ok(known);
        }
        let lower = bare.to_ascii_lowercase();
        if lower == "localhost" || lower.ends_with(".localhost") {
            // RFC 6761: never to be asked of others.
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let configuration = tokio::fs::read(&self.configuration).await.unwrap_or_default();
        let configuration = Configuration::read(&String::from_utf8_lossy(&configuration));
        let mut answered = false;
        for candidate in configuration.candidates(bare, absolute.is_some()) {
            let (four, six) = tokio::join!(
                self.ask(&configuration, &candidate, Kind::A),
                self.ask(&configuration, &candidate, Kind::Aaaa)
            );
            answered |= four.is_some() || six.is_some();
            let addresses: Vec<IpAddr> = [six, four].into_iter().flatten().flatten().collect();
            if !addresses.is_empty() {
                return Ok(addresses);
            }
        }
        Err(if answered { no_such_host(name) } else { unavailable(format!("{name}: no name server answers")) })
    }

    /// The addresses of one kind, perhaps none; `None` if no server tells.
    async fn ask(&self, configuration: &Configuration, name: &str, kind: Kind) -> Option<Vec<IpAddr>> {
        for _ in 0..configuration.attempts {
            for server in &configuration.servers {
                let question = dns::question(self.driver.random_u64() as u16, name, kind);
                let answer = timeout(configuration.timeout, ask_server(*server, &question, kind)).await;
                if let Ok(Ok(Answer::Addresses(addresses))) = answer {
                    return Some(addresses);
                }
            }
        }
        None
    }
}

fn no_such_host(name: &str) -> ErrorData {
    unavailable(format!("{name}: no such host"))
}

/// Asks one server, by datagram and then, if the answer is too long for one, over a connection.
async fn ask_server(server: SocketAddr, question: &[u8], kind: Kind) -> std::io::Result<Answer> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    // A connected socket takes no answers from others.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = [0; DATAGRAM];
    loop {
        let len = socket.recv(&mut buffer).await?;
        match dns::answer(question, &buffer[..len], kind) {
            None => {}
            Some(Answer::Truncated) => return ask_connected(server, question, kind).await,
            Some(answer) => return Ok(answer),
        }
    }
}

async fn ask_connected(server: SocketAddr, question: &[u8], kind: Kind) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let mut message = (question.len() as u16).to_be_bytes().to_vec();
    message.extend(question);
    stream.write_all(&message).await?;
    let len = stream.read_u16().await?;
    let mut message = vec![0; usize::from(len)];
    stream.read_exact(&mut message).await?;
    Ok(dns::answer(question, &message, kind).unwrap_or(Answer::Failed))
}

/// The addresses that a hosts file has for a name.
fn addresses_in(hosts: &str, name: &str) -> Vec<IpAddr> {
    let line = |line: &str| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    };
    hosts.lines().filter_map(line).collect()
}

impl Configuration {
    fn read(text: &str) -> Configuration {
        let mut configuration = Configuration {
            servers: Vec::new(),
            search: Vec::new(),
            enough_dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in text.lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    // Link-local servers may have the name of an interface, which is not understood here.
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    configuration.servers.extend(address.map(|address| SocketAddr::new(address, PORT)));
                }
                Some("search" | "domain") => {
                    configuration.search =
                        words.map(|word| word.trim_matches('.').to_owned()).filter(|word| dns::is_name(word)).collect();
                }
                Some("options") => words.for_each(|word| configuration.set(word)),
                _ => {}
            }
        }
        if configuration.servers.is_empty() {
            configuration.servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        configuration
    }

    fn set(&mut self, option: &str) {
        let Some((name, number)) = option.split_once(':') else { return };
        let Ok(number) = number.parse::<usize>() else { return };
        match name {
            "ndots" => self.enough_dots = number.min(15),
            "timeout" => self.timeout = Duration::from_secs(number.clamp(1, 30) as u64),
            "attempts" => self.attempts = number.clamp(1, 5),
            _ => {}
        }
    }

    /// The full names that a name may stand for, in the order in which they are to be tried.
    fn candidates(&self, name: &str, absolute: bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        if !absolute {
            names =
                self.search.iter().map(|domain| format!("{name}.{domain}")).filter(|name| dns::is_name(name)).collect();
        }
        let first = name.matches('.').count() >= self.enough_dots;
        names.insert(if first { 0 } else { names.len() }, name.to_owned());
        names
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::runtime::driver::SystemDriver;

    #[test]
    fn the_hosts_file() {
        let hosts = "# names\n127.0.0.1 localhost here\n10.0.0.1\tBox box.lan # 10.0.0.2 other\n::1 localhost\nx y\n";
        let find = |name| addresses_in(hosts, name).iter().map(IpAddr::to_string).collect::<Vec<_>>();
        assert_eq!(find("LOCALHOST"), ["127.0.0.1", "::1"]);
        assert_eq!(find("box"), ["10.0.0.1"]);
        assert!(find("other").is_empty() && find("y").is_empty());
    }

    #[test]
    fn the_configuration() {
        let text = "nameserver 10.0.0.2\nnameserver fe80::1%eth0\nsearch a.example b.example. ..\noptions ndots:2 timeout:1 attempts:9 rotate\n";
        let configuration = Configuration::read(text);
        assert_eq!(configuration.servers, ["10.0.0.2:53".parse().expect("an address")]);
        assert_eq!(configuration.candidates("x.y", false), ["x.y.a.example", "x.y.b.example", "x.y"]);
        assert_eq!(configuration.candidates("x.y.z", false)[0], "x.y.z");
        assert_eq!(configuration.candidates("x", true), ["x"]);
        assert_eq!((configuration.timeout, configuration.attempts), (Duration::from_secs(1), 5));
        assert_eq!(Configuration::read("").servers, ["127.0.0.1:53".parse().expect("an address")]);
    }

    /// A name server on loopback that answers every question with one address, over TCP only.
    async fn serve(udp: UdpSocket, tcp: tokio::net::TcpListener) {
        let reply = |question: &[u8], truncated: bool| {
            let mut message = question.to_vec();
            message[2] = if truncated { 0x83 } else { 0x81 };
            let wants_four = message[message.len() - 3] == 1;
            if !truncated && wants_four {
                message[7] = 1;
                message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
            }
            message
        };
        let datagrams = async {
            let mut buffer = [0; DATAGRAM];
            loop {
                let (len, from) = udp.recv_from(&mut buffer).await.expect("the socket is open");
                udp.send_to(b"not an answer", from).await.expect("the socket is open");
                udp.send_to(&reply(&buffer[..len], true), from).await.expect("the socket is open");
            }
        };
        let connections = async {
            loop {
                let (mut stream, _) = tcp.accept().await.expect("the socket is open");
                let mut question = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
                stream.read_exact(&mut question).await.expect("a question");
                let message = reply(&question, false);
                stream.write_u16(message.len() as u16).await.expect("the asker listens");
                stream.write_all(&message).await.expect("the asker listens");
            }
        };
        tokio::join!(datagrams, connections);
    }

    #[test]
    fn a_server_is_asked_again_over_tcp() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let server = tcp.local_addr().expect("bound");
            let udp = UdpSocket::bind(server).await.expect("the same port");
            let serving = tokio::spawn(serve(udp, tcp));
            let configuration = Configuration { servers: vec![server], ..Configuration::read("") };
            let resolver = Resolver::new(Arc::new(SystemDriver::new()));
            let four = resolver.ask(&configuration, "example.com", Kind::A).await;
            assert_eq!(four, Some(vec!["192.0.2.1".parse().expect("an address")]));
            assert_eq!(resolver.ask(&configuration, "example.com", Kind::Aaaa).await, Some(Vec::new()));
            serving.abort();
        });
    }

    #[test]
    fn names_that_need_no_server() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let resolver = Resolver { hosts: "/nowhere".into(), ..Resolver::new(Arc::new(SystemDriver::new())) };
            for name in ["localhost", "LocalHost.", "api.localhost"] {
                assert!(resolver.resolve(name).await.expect("known").iter().all(IpAddr::is_loopback), "{name}");
            }
            let error = resolver.resolve("no..name").await.expect_err("no name");
            assert_eq!(error.retryable, Some(false));
        });
    }
}
