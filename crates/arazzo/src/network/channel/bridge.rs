//! A TCP connection inside this process, for a client that takes nothing else: its other end is a stream of ours.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use crate::network::connect::Stream;

/// The near end of a connection whose far end is `stream`; both end together.
pub(super) async fn over_tcp(mut stream: Box<dyn Stream>) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    near.set_nodelay(true)?;
    let own = near.local_addr()?;
    let mut far = loop {
        let (far, peer) = listener.accept().await?;
        // Another process of this machine may have been quicker, and is not let through.
        if peer == own {
            break far;
        }
    };
    far.set_nodelay(true)?;
    tokio::spawn(async move {
        // What goes wrong on one side ends the other.
        let _ = tokio::io::copy_bidirectional(&mut far, &mut stream).await;
    });
    Ok(near)
}
