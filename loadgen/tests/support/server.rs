//! Servers that misbehave: a socket on a free port, and what it does to each connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A server that lives as long as the test.
pub struct Fake {
    pub address: SocketAddr,
    /// Requests it has read.
    requests: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    listener: Option<JoinHandle<()>>,
}

/// A connection as the server sees it.
pub struct Caller {
    reader: BufReader<TcpStream>,
    requests: Arc<AtomicU64>,
}

/// A request, as far as anybody asks.
pub struct Asked {
    /// Its number on this server, from 0.
    pub number: u64,
    pub method: String,
    pub path: String,
    /// Its head as it came, line by line.
    pub head: String,
}

/// Serves each connection with `behave`, in a thread of its own.
pub fn serve(behave: impl Fn(Caller) + Send + Sync + 'static) -> Fake {
    serve_at("127.0.0.1:0".parse().unwrap(), behave)
}

/// The same at an address, for a server that comes back.
pub fn serve_at(address: SocketAddr, behave: impl Fn(Caller) + Send + Sync + 'static) -> Fake {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, stop, open) = (Arc::default(), Arc::default(), Arc::default());
    let fake = Fake {
        address,
        requests: Arc::clone(&requests),
        stop: Arc::clone(&stop),
        open: Arc::clone(&open),
        listener: None,
    };
    let behave = Arc::new(behave);
    let accept = move || {
        for stream in listener.incoming() {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let kept: &Mutex<Vec<TcpStream>> = &open;
            kept.lock().unwrap().extend(stream.try_clone());
            let caller = Caller {
                reader: BufReader::new(stream),
                requests: Arc::clone(&requests),
            };
            let behave = Arc::clone(&behave);
            std::thread::spawn(move || behave(caller));
        }
    };
    Fake {
        listener: Some(std::thread::spawn(accept)),
        ..fake
    }
}

/// A port that nobody listens on: it was free a moment ago.
pub fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

impl Fake {
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Connections it has taken.
    pub fn connections(&self) -> usize {
        self.open.lock().unwrap().len()
    }

    /// Closes the port and every connection, and returns when nothing listens any more.
    pub fn go_down(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Caller {
    /// Reads the next request; `None` when there is none.
    pub fn asked(&mut self) -> Option<Asked> {
        let mut head = String::new();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            head.push_str(&line);
        }
        let mut words = head.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Asked {
            number: self.requests.fetch_add(1, Ordering::SeqCst),
            method,
            path,
            head,
        })
    }

    /// Writes bytes as they are; false when nobody takes them.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// A good answer with this body.
    pub fn answer(&mut self, body: &str) -> bool {
        self.answer_with("", body)
    }

    /// A good answer with this body and further header lines.
    pub fn answer_with(&mut self, headers: &str, body: &str) -> bool {
        let length = body.len();
        self.say(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    /// Holds the connection until the other side lets go of it.
    pub fn hold(&mut self) {
        while self.asked().is_some() {}
    }

    /// Closes it.
    pub fn close(self) {
        // Dropping would not do: the server keeps a copy.
        let _ = self.reader.get_ref().shutdown(Shutdown::Both);
    }

    /// Closes it with a reset instead of an end.
    pub fn reset(self) {
        // What the kernel sends for an association that is dissolved; the copy that is kept
        // would put off what closing sends.
        let _ = rustix::net::connect_unspec(self.reader.get_ref());
    }
}
