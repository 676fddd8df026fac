//! From a request to its response, in one piece or as a stream.

use super::App;
use super::error::ApiError;
use super::fields::object;
use super::order::{Kind, Order};
use super::said::{Reader, Said};
use super::shape::{Choices, Head};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde_json::Value;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Parts of a stream that wait for a slow client; the engine does not wait for it, see [`crate::lm::engine`].
const PARTS: usize = 16;

pub(super) async fn chat(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    respond(app, Kind::Chat, request).await
}

pub(super) async fn completion(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    respond(app, Kind::Completion, request).await
}

async fn respond(app: Arc<App>, kind: Kind, request: Request) -> Result<Response, ApiError> {
    if app.closing.load(Ordering::Relaxed) {
        return Err(crate::lm::engine::Refusal::Closed.into());
    }
    is_json(request.headers())?;
    let body = read(&app, request.into_body()).await?;
    let order = prepare(Arc::clone(&app), kind, body).await?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let head = Head { kind, id: app.fresh_id(kind), created, model: app.engine.name().to_owned() };
    let (stream, counts, logprobs) = (order.stream, order.usage, order.logprobs);
    let rows = order.requests.iter().map(|request| request.rows).sum();
    let reader = Reader::new(&app, order)?;
    if !stream {
        return whole(&app, &head, reader, rows, logprobs).await;
    }
    let ((sender, receiver), patience) = (mpsc::channel(PARTS), app.settings.patience);
    tokio::spawn(async move {
        let texts = app.engine.texts();
        let choices = Choices { kind, texts, logprobs, offsets: vec![0; rows] };
        // A client that is gone needs no end.
        let _ = send(&head, reader, choices, counts, &sender).await;
    });
    Ok(events(receiver, patience))
}

/// Reads and understands a request where it may take its time.
async fn prepare(app: Arc<App>, kind: Kind, body: Vec<u8>) -> Result<Order, ApiError> {
    let work = move || Order::new(kind, &object(&body)?, &app.engine, &app.settings);
    let broken = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be read");
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

/// Pages of strangers can send texts without asking for leave, JSON they cannot.
fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the body must be JSON, and the header say so: Content-Type: application/json";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// The body, if it is no larger than allowed and comes in time.
async fn read(app: &App, body: Body) -> Result<Vec<u8>, ApiError> {
    let most = app.settings.body;
    let large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {most} bytes; send a smaller one"),
        )
    };
    if axum::body::HttpBody::size_hint(&body).lower() > most as u64 {
        return Err(large());
    }
    let mut pieces = pin!(body.into_data_stream());
    let all = async {
        let mut bytes = Vec::new();
        while let Some(piece) = poll_fn(|context| pieces.as_mut().poll_next(context)).await {
            let piece: Bytes = piece
                .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, format!("the body broke off: {error}")))?;
            if bytes.len() + piece.len() > most {
                return Err(large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    let late = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
    tokio::time::timeout(app.settings.patience, all).await.map_err(late)?
}

/// The response in one piece. Where the client goes meanwhile, this is dropped, and the answers with it.
async fn whole(app: &App, head: &Head, mut reader: Reader, rows: usize, logprobs: bool) -> Result<Response, ApiError> {
    let mut all: Vec<Said> = (0..rows).map(|row| Said { row, ..Said::default() }).collect();
    while let Some(said) = reader.next().await {
        let said = said?;
        let one = &mut all[said.row];
        one.part.thinking += &said.part.thinking;
        one.part.answer += &said.part.answer;
        one.tokens.extend(said.tokens);
        one.finish = said.finish.or(one.finish);
    }
    let mut choices = Choices { kind: head.kind, texts: app.engine.texts(), logprobs, offsets: vec![0; rows] };
    let choices = all.into_iter().map(|said| choices.whole(said)).collect();
    Ok(Json(head.whole(choices, reader.used)).into_response())
}

/// The client is gone.
struct Gone;

/// Sends the parts of a stream as they come. A failure is its last part, without the usual end.
async fn send(
    head: &Head,
    mut reader: Reader,
    mut choices: Choices<'_>,
    counts: bool,
    sender: &Sender<String>,
) -> Result<(), Gone> {
    let say = async |part: Value| sender.send(part.to_string()).await.map_err(|_| Gone);
    for row in 0..choices.offsets.len() {
        if let Some(first) = choices.first(row) {
            say(head.part(first, counts)).await?;
        }
    }
    loop {
        // A client that is gone is noticed also while there is nothing to say.
        let said = tokio::select! {
            said = reader.next() => said,
            () = sender.closed() => return Err(Gone),
        };
        match said {
            Some(Ok(said)) => {
                if let Some(choice) = choices.part(said) {
                    say(head.part(choice, counts)).await?;
                }
            }
            Some(Err(failure)) => return say(ApiError::from(failure).body()).await,
            None => break,
        }
    }
    if counts {
        say(head.count(reader.used)).await?;
    }
    sender.send("[DONE]".to_owned()).await.map_err(|_| Gone)
}

/// A stream of server-sent events. Silence is broken by comments, so that neither side takes the other for gone.
fn events(receiver: Receiver<String>, patience: Duration) -> Response {
    let alive = KeepAlive::new().interval((patience / 2).min(Duration::from_secs(15)));
    let mut response = Sse::new(Parts(receiver)).keep_alive(alive).into_response();
    // Proxies that collect what passes would make one piece of it.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// The parts of a stream as server-sent events.
struct Parts(Receiver<String>);

impl Stream for Parts {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Event::default().data(part))))
    }
}
