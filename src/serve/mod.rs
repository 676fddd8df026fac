//! An HTTP server over an engine, as clients of OpenAI's API know it.
//!
//! | file | what it does |
//! |---|---|
//! | `wire` | connections: bounded in number, closed when they stand still |
//! | `guard` | keys, hosts, origins |
//! | `fields` | a request's fields by name; what is refused |
//! | `order` | fields to what the engine is asked |
//! | `respond` | a request to its response, whole or as a stream |
//! | `said` | what the engine says, split into thinking and answer |
//! | `shape` | the shapes of answers |
//! | `error` | the shape of errors |
//! | `meters` | counts and times for Prometheus |
//!
//! Whole answers and streams are made of the same pieces. A client that reads slowly costs nobody else: the engine has room for all
//! that it may say to it. A client that goes takes its answers with it.

mod error;
mod fields;
mod guard;
mod meters;
mod order;
mod respond;
mod said;
mod shape;
mod wire;

use crate::lm::Filters;
use crate::lm::engine::Engine;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use error::ApiError;
use guard::Keys;
use meters::Meters;
use order::{Kind, unknown_model};
use serde_json::{Value, json};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use wire::{Door, Pace, Seats};

/// How a server serves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Keys, one of which a request must bring; none lets everybody in.
    pub keys: Vec<String>,
    /// Origins whose pages may read answers; `*` for all.
    pub origins: Vec<String>,
    /// How tokens are drawn where a request says nothing, instead of what the model's makers advise.
    pub filters: Preferred,
    /// Bytes of a request's body.
    pub body: usize,
    /// Messages of a dialogue.
    pub messages: usize,
    /// Tokens that a request may ask for, and those that it gets where it says nothing.
    pub max_tokens: usize,
    /// Answers to one request.
    pub answers: usize,
    /// Connections at once.
    pub connections: usize,
    /// How long the answers of a request may take.
    pub timeout: Duration,
    /// How long a client may take to send a request, to read more of an answer, or to do nothing.
    pub patience: Duration,
    /// How long answers that run may still take when the server is stopped.
    pub grace: Duration,
}

/// What of [`Filters`] is wished for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Preferred {
    /// See [`Filters`], as the others.
    pub temperature: Option<f64>,
    /// Tokens.
    pub top_k: Option<usize>,
    /// Mass.
    pub top_p: Option<f64>,
    /// Share.
    pub min_p: Option<f64>,
}

impl Preferred {
    /// The wishes over what else would hold.
    pub fn over(&self, other: Filters) -> Filters {
        Filters {
            temperature: self.temperature.unwrap_or(other.temperature),
            top_k: self.top_k.or(other.top_k),
            top_p: self.top_p.unwrap_or(other.top_p),
            min_p: self.min_p.unwrap_or(other.min_p),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            address: SocketAddr::from(([127, 0, 0, 1], 8000)),
            keys: Vec::new(),
            origins: Vec::new(),
            filters: Preferred::default(),
            body: 8 << 20,
            messages: 2_048,
            max_tokens: usize::MAX,
            answers: 64,
            connections: 1_024,
            timeout: Duration::from_secs(600),
            patience: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

/// What all requests share.
struct App {
    engine: Arc<Engine>,
    settings: Settings,
    keys: Keys,
    seats: Seats,
    meters: Meters,
    closing: AtomicBool,
    /// What the names of responses begin with, and how many there were.
    run: u64,
    responses: AtomicU64,
}

impl App {
    fn fresh_id(&self, kind: Kind) -> String {
        let number = self.responses.fetch_add(1, Ordering::Relaxed);
        let name = if kind == Kind::Chat { "chatcmpl" } else { "cmpl" };
        format!("{name}-{:016x}{number:08x}", self.run)
    }
}

/// A server that runs, on threads of its own.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one.
    ///
    /// # Errors
    /// An address that cannot be had, or a system without threads.
    pub fn start(engine: Arc<Engine>, settings: Settings) -> io::Result<Server> {
        let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).max_blocking_threads(threads).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(settings.address))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let app = Arc::new(App {
            keys: Keys::new(&settings.keys),
            seats: Seats::new(settings.connections),
            engine,
            settings: Settings { address, ..settings },
            meters: Meters::default(),
            closing: AtomicBool::new(false),
            run: RandomState::new().hash_one(address),
            responses: AtomicU64::new(0),
        });
        let work = move || run(runtime, listener, app, stopped);
        let thread = Some(std::thread::Builder::new().name("server".to_owned()).spawn(work)?);
        Ok(Server { address, stop, thread })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests and lets those that run end, as long as their grace lasts; see [`Server::wait`].
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What stops it, to be given to another thread.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let stop = self.stop.clone();
        move || {
            stop.send_replace(true);
        }
    }

    /// Waits until it has ended.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that broke off has said so.
            let _ = thread.join();
        }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

fn run(runtime: Runtime, listener: TcpListener, app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let door = Door::new(listener, app.seats.clone(), app.settings.patience);
    let service = router(Arc::clone(&app)).into_make_service_with_connect_info::<Pace>();
    let mut late = stopped.clone();
    runtime.block_on(async {
        let closing = Arc::clone(&app);
        let serve = axum::serve(door, service).with_graceful_shutdown(async move {
            // A server that nobody can stop any more stops too.
            let _ = stopped.wait_for(|stop| *stop).await;
            closing.closing.store(true, Ordering::Relaxed);
            closing.engine.close();
        });
        let out_of_grace = async {
            let _ = late.wait_for(|stop| *stop).await;
            tokio::time::sleep(app.settings.grace).await;
        };
        tokio::select! {
            // The listener itself never fails.
            _ = serve => {}
            () = out_of_grace => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn router(app: Arc<App>) -> Router {
    let guard = axum::middleware::from_fn_with_state(Arc::clone(&app), guard::guard);
    let nowhere = || async { ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path; see /v1/models") };
    let method = || async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this path is asked by another method") };
    Router::new()
        .route("/v1/chat/completions", post(respond::chat))
        .route("/v1/completions", post(respond::completion))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(nowhere)
        .method_not_allowed_fallback(method)
        .layer(guard)
        .with_state(app)
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"object": "list", "data": [entry(&app)]}))
}

async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    if name == app.engine.name() { Ok(Json(entry(&app))) } else { Err(unknown_model(&name)) }
}

fn entry(app: &App) -> Value {
    json!({"id": app.engine.name(), "object": "model", "created": 0, "owned_by": "longlab", "max_model_len": app.engine.window()})
}

async fn health(State(app): State<Arc<App>>) -> Response {
    if app.closing.load(Ordering::Relaxed) || app.engine.is_over() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "stopping"}))).into_response();
    }
    Json(json!({"status": "ok"})).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
    (kind, app.meters.page(&app.engine, app.seats.taken())).into_response()
}
