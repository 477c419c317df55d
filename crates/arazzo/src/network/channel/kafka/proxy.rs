//! The way of the Kafka client to its brokers. It opens its connections itself, also to brokers that a cluster announces,
//! so it opens them through a listener of ours (SOCKS5, RFC 1928), which asks the policy, and speaks TLS for it.
//!
//! The listener is on this machine, where another process could use it as long as the run lasts: to reach those brokers only
//! that the run may reach, and without the run's password.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arazzo_engine::limits::plain_host;
use arazzo_engine::machine::message::Channel;
use arazzo_engine::machine::{Failure, FailureKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::network::channel::{Way, cleartext, is_secure, unreached};
use crate::network::connect::Target;
use crate::policy::hosts::is_this_machine;

/// A listener; it ends with this value, and its connections too.
pub(super) struct Proxy {
    pub(super) address: String,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

/// What became of the connections.
#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// Since when none has come about.
    down: Option<Instant>,
}

impl State {
    fn failed(&mut self, failure: Failure) {
        self.down.get_or_insert_with(Instant::now);
        self.failure = Some(failure);
    }
}

impl Proxy {
    pub(super) async fn start(way: Arc<Way>, channel: &Channel) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (channel, last) = (channel.clone(), state.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (way, channel, last) = (way.clone(), channel.clone(), last.clone());
                connections.spawn(async move {
                    // What goes wrong after the beginning ends both sides.
                    let _ = pass_on(near, &way, &channel, &last).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, state, _task: task })
    }

    /// Why the last connection did not come about.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        lock(&self.state).failure.take()
    }

    /// Ends when no broker could be reached for this time, with the reason.
    pub(super) async fn unreachable(&self, time: Duration) -> Failure {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut state = lock(&self.state);
            if state.down.is_some_and(|since| since.elapsed() >= time)
                && let Some(failure) = state.failure.take()
            {
                return failure;
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass_on(mut near: TcpStream, way: &Way, channel: &Channel, last: &Mutex<State>) -> io::Result<()> {
    let _ = near.set_nodelay(true);
    let (host, port) = asked_for(&mut near).await?;
    match open(way, channel, &host, port).await {
        Ok(mut far) => {
            *lock(last) = State::default();
            near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
        }
        Err(failure) => {
            let code = if failure.kind == FailureKind::Refused { 2 } else { 5 };
            lock(last).failed(failure);
            near.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
        }
    }
}

async fn open(
    way: &Way,
    channel: &Channel,
    host: &str,
    port: u16,
) -> Result<Box<dyn crate::network::connect::Stream>, Failure> {
    let target = Target { secure: is_secure(channel.protocol), host: plain_host(host), port };
    let named = format!("{host}:{port}");
    if channel.login.is_some() && !target.secure && !is_this_machine(&target.host) {
        return Err(cleartext(&Channel { host: named, ..channel.clone() }));
    }
    way.connector.stream(&target, &way.hosts).await.map_err(|error| unreached(&named, error))
}

/// The host and port that a client asks for.
async fn asked_for(near: &mut TcpStream) -> io::Result<(String, u16)> {
    let strange = || io::Error::from(io::ErrorKind::InvalidData);
    let (version, methods) = (near.read_u8().await?, near.read_u8().await?);
    let mut offered = vec![0; usize::from(methods)];
    near.read_exact(&mut offered).await?;
    if version != 5 || !offered.contains(&0) {
        return Err(strange());
    }
    near.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    near.read_exact(&mut head).await?;
    let host = match head {
        [5, 1, _, 1] => Ipv4Addr::from(near.read_u32().await?).to_string(),
        [5, 1, _, 3] => {
            let mut name = vec![0; usize::from(near.read_u8().await?)];
            near.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(|_| strange())?
        }
        [5, 1, _, 4] => std::net::Ipv6Addr::from(near.read_u128().await?).to_string(),
        _ => return Err(strange()),
    };
    Ok((host, near.read_u16().await?))
}
