//! Speaks HTTP/1 over rustls or plain TCP, as server or client, so that each request is told from all others by its path.
//!   rustvictim WAY server PORT KEY CERTIFICATE     files in DER, the key as PKCS #8
//!   rustvictim WAY client PORT CONNECTIONS REQUESTS
//! WAY: plain, 20, 21, 22, 23 (a thread for each connection), tokio (0.23 on a pool of threads).
//! Request j of connection i asks for /i-j, and the client ends with an error unless that is what it is answered.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

mod pooled;
mod versions;

pub fn answer(path: &str) -> (String, Vec<u8>) {
    let body = path.as_bytes().to_vec();
    (format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()), body)
}

pub fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: rust\r\n\r\n")
}

pub fn path_of(head: &[u8]) -> String {
    String::from_utf8_lossy(head).split(' ').nth(1).unwrap_or("?").to_string()
}

/// Length of the head at the beginning of what was read, if it is whole.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn serve(mut stream: impl Read + Write) {
    let mut unread = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(end) = head_end(&unread) {
            let path = path_of(&unread[..end]);
            unread.drain(..end);
            let (head, body) = answer(&path);
            if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() || stream.flush().is_err() {
                return;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => unread.extend_from_slice(&buffer[..n]),
        }
    }
}

fn ask(mut stream: impl Read + Write, connection: usize, requests: usize) {
    let mut buffer = [0; 4096];
    for i in 0..requests {
        let path = format!("/{connection}-{i}");
        stream.write_all(request(&path).as_bytes()).unwrap();
        stream.flush().unwrap();
        let (head, body) = answer(&path);
        let expected = [head.as_bytes(), &body].concat();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the server ended");
            got.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(got, expected);
    }
}

/// Secures a connection as a server or as a client.
pub trait Secure: Send + Sync {
    fn accept(&self, stream: TcpStream) -> Box<dyn Duplex>;
    fn connect(&self, stream: TcpStream) -> Box<dyn Duplex>;
}

pub trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

struct Plain;
impl Secure for Plain {
    fn accept(&self, stream: TcpStream) -> Box<dyn Duplex> {
        Box::new(stream)
    }
    fn connect(&self, stream: TcpStream) -> Box<dyn Duplex> {
        Box::new(stream)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |i: usize| arguments[i].clone();
    let number = |i: usize| arguments[i].parse::<usize>().unwrap();
    let is_server = text(1) == "server";
    let address = format!("127.0.0.1:{}", number(2));
    let files = is_server.then(|| (std::fs::read(text(3)).unwrap(), std::fs::read(text(4)).unwrap()));
    if text(0) == "tokio" {
        return match files {
            Some((key, certificate)) => pooled::serve(&address, key, certificate),
            None => pooled::ask(&address, number(3), number(4)),
        };
    }
    let secure: Arc<dyn Secure> = match text(0).as_str() {
        "20" => Arc::new(versions::v20::Version::new(files)),
        "21" => Arc::new(versions::v21::Version::new(files)),
        "22" => Arc::new(versions::v22::Version::new(files)),
        "23" => Arc::new(versions::v23::Version::new(files)),
        _ => Arc::new(Plain),
    };
    let threads: Vec<_> = if is_server {
        let listener = TcpListener::bind(&address).unwrap();
        for stream in listener.incoming() {
            let (secure, stream) = (secure.clone(), stream.unwrap());
            std::thread::spawn(move || serve(secure.accept(stream)));
        }
        vec![]
    } else {
        let (connections, requests) = (number(3), number(4));
        (0..connections)
            .map(|i| {
                let (secure, stream) = (secure.clone(), TcpStream::connect(&address).unwrap());
                std::thread::spawn(move || ask(secure.connect(stream), i, requests))
            })
            .collect()
    };
    for thread in threads {
        thread.join().unwrap();
    }
}
