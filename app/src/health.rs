//! Asks a replica whether it is healthy, for container health checks without `curl`.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a replica does not count as healthy.
#[derive(Debug)]
pub enum HealthError {
    /// Not a URL of the form `http://host[:port]/path`.
    Url(String),
    /// No answer within two seconds.
    Io(io::Error),
    /// An answer with another status than 200; its first line.
    Status(String),
}

impl fmt::Display for HealthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "`{url}` is not of the form http://host[:port]/path"),
            Self::Io(error) => write!(f, "no answer: {error}"),
            Self::Status(line) => write!(f, "answered `{line}`"),
        }
    }
}

impl std::error::Error for HealthError {}

impl From<io::Error> for HealthError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Requests `url` once. Blocks for two seconds at most per step.
pub fn check_health(url: &str) -> Result<(), HealthError> {
    let (host, path) = split(url).ok_or_else(|| HealthError::Url(url.to_owned()))?;
    let mut stream = connect(host)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    if status.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(HealthError::Status(status.trim_end().to_owned()))
    }
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (!host.is_empty()).then_some((host, if path.is_empty() { "/" } else { path }))
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let with_port = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in with_port.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_into_host_and_path() {
        assert_eq!(
            split("http://127.0.0.1/healthz"),
            Some(("127.0.0.1", "/healthz"))
        );
        assert_eq!(split("http://app:8080"), Some(("app:8080", "/")));
        assert_eq!(split("https://app"), None);
        assert_eq!(split("http:///healthz"), None);
    }
}
