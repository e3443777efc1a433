//! rustls 0.23 beneath tokio: connections wait without a thread, go on on any of four, and move in memory after the handshake. The server
//! answers with one write of two buffers.

use crate::versions::v23::{client_config, server_config};
use crate::{answer, head_end, path_of, request};
use std::io::IoSlice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{client, rustls::pki_types::ServerName, server, TlsAcceptor, TlsConnector};

fn run(work: impl std::future::Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).thread_name("rustvictim").enable_all().build().unwrap().block_on(work)
}

async fn serve_one(mut stream: server::TlsStream<TcpStream>) -> std::io::Result<()> {
    let mut unread = Vec::new();
    loop {
        while let Some(end) = head_end(&unread) {
            let (head, body) = answer(&path_of(&unread[..end]));
            unread.drain(..end);
            let whole = head.len() + body.len();
            let sent = stream.write_vectored(&[IoSlice::new(head.as_bytes()), IoSlice::new(&body)]).await?;
            assert_eq!(sent, whole);
            stream.flush().await?;
        }
        if stream.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
    }
}

pub fn serve(address: &str, key: Vec<u8>, certificate: Vec<u8>) {
    let acceptor = TlsAcceptor::from(server_config((key, certificate)));
    run(async {
        let listener = TcpListener::bind(address).await.unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = tokio::spawn(serve_one(stream)).await;
                }
            });
        }
    })
}

async fn ask_one(mut stream: client::TlsStream<TcpStream>, connection: usize, requests: usize) {
    for i in 0..requests {
        let path = format!("/{connection}-{i}");
        stream.write_all(request(&path).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let (head, body) = answer(&path);
        let expected = [head.as_bytes(), &body].concat();
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(got, expected);
        tokio::task::yield_now().await;
    }
}

pub fn ask(address: &str, connections: usize, requests: usize) {
    let connector = TlsConnector::from(client_config());
    run(async {
        let mut tasks = Vec::new();
        for i in 0..connections {
            let (connector, stream) = (connector.clone(), TcpStream::connect(address).await.unwrap());
            tasks.push(tokio::spawn(async move {
                let name = ServerName::try_from("sonde.test").unwrap();
                let stream = connector.connect(name, stream).await.unwrap();
                tokio::spawn(ask_one(stream, i, requests)).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    })
}
