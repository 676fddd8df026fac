//! Connections: so many at once, and none that keeps its place without doing anything.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Where connections come in.
pub(super) struct Door {
    listener: TcpListener,
    seats: Seats,
    patience: Duration,
}

impl Door {
    /// Lets connections in while there are seats; others wait outside. One that stands still for longer than `patience` is closed.
    pub(super) fn new(listener: TcpListener, seats: Seats, patience: Duration) -> Door {
        Door { listener, seats, patience }
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // The semaphore is never closed. While there is no seat, this connection waits, and the others outside.
        let seat = Arc::clone(&self.seats.free).acquire_owned().await.ok();
        // Pieces of a stream are small, and somebody reads along. Where it fails they come later.
        let _ = stream.set_nodelay(true);
        let timer = Box::pin(tokio::time::sleep(self.patience));
        (Wire { stream, pace: Pace::default(), patience: self.patience, timer, _seat: seat }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How many connections there are.
#[derive(Clone)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    all: usize,
}

impl Seats {
    pub(super) fn new(connections: usize) -> Seats {
        let all = connections.clamp(1, Semaphore::MAX_PERMITS);
        Seats { free: Arc::new(Semaphore::new(all)), all }
    }

    pub(super) fn taken(&self) -> usize {
        self.all - self.free.available_permits()
    }
}

/// What a connection is at; shared with whoever works on its requests.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Mutex<State>>);

struct State {
    /// Requests that are worked on: then it is not the client who keeps others waiting.
    busy: usize,
    /// When bytes were last written or a request was done with. What comes in does not count: a request that drips in is late too.
    since: Instant,
}

impl Default for State {
    fn default() -> State {
        State { busy: 0, since: Instant::now() }
    }
}

impl Pace {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds the clock until what it gives is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.change(|state| state.busy += 1);
        Busy(self.clone())
    }
}

impl Connected<IncomingStream<'_, Door>> for Pace {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Pace {
        stream.io().pace.clone()
    }
}

/// A request that is worked on.
pub(super) struct Busy(Pace);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|state| (state.busy, state.since) = (state.busy - 1, Instant::now()));
    }
}

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    pace: Pace,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    _seat: Option<OwnedSemaphorePermit>,
}

impl Wire {
    /// Whether the client has stood still for too long; if not, the task is woken when it will have.
    fn is_late(&mut self, context: &mut Context) -> bool {
        let since = self.pace.change(|state| (state.busy == 0).then_some(state.since));
        let Some(deadline) = since.map(|since| since + self.patience) else { return false };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(context).is_ready()
    }

    fn timely<T>(&mut self, context: &mut Context, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.is_late(context) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { polled }
    }

    fn written(&mut self, context: &mut Context, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.pace.change(|state| state.since = Instant::now());
        }
        self.timely(context, polled)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context, into: &mut ReadBuf) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.timely(context, polled)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        parts: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
