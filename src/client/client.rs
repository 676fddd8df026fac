//! A server as a chat model.

use crate::cache::{Cache, RequestKey};
use crate::draft::Draft;
use crate::flights::Flights;
use crate::http::Wire;
use crate::ledger::Ledger;
use crate::permits::Permits;
use crate::settings::ClientSettings;
use crate::show::Show;
use crate::trouble::{Trouble, clean};
use crate::{ChatFailure, ChatModel, ChatReply, ChatRequest, ClientError, Usage, address, body, retry};
use serde_json::{Map, Value};
use std::io::Read;
use std::sync::Arc;
use std::thread;

/// Fewest bytes of text in a token, on the average of a text; for estimates that are rather high.
const BYTES_A_TOKEN: usize = 2;

/// Most models that a message lists.
const SHOWN_NAMES: usize = 20;

/// A model of an OpenAI-compatible server (vLLM, SGLang, llama.cpp, longlab's own). Clones share connections, limits, cache and ledger.
///
/// Text is shown with its thinking; where the server splits the two, `<think>` stands before it and `</think>` behind it, as the model
/// would have written it.
///
/// ```
/// use longlab_client::{ChatFailure, ChatModel, ChatRequest, Client, ClientSettings, Message, Retry};
/// let mut settings = ClientSettings::of("http://127.0.0.1:9/v1");
/// settings.model = Some("qwen3".into());
/// settings.retry = Retry { tries: 2, pause_seconds: 0.001, longest_pause_seconds: 1.0 };
/// let client = Client::new(settings).unwrap();
/// let request = ChatRequest::new(vec![Message::user("Where is Bern?")], 16);
/// // Nobody listens there.
/// assert!(matches!(client.chat(&request, &mut |_| true), Err(ChatFailure::Failed { .. })));
/// assert_eq!((client.ledger().read().requests, client.ledger().read().retries), (2, 1));
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    stream: bool,
}

struct Shared {
    settings: ClientSettings,
    base: String,
    identity: String,
    model: String,
    wire: Wire,
    permits: Permits,
    flights: Flights,
    cache: Option<Cache>,
    ledger: Arc<Ledger>,
}

/// A request on its way.
struct Call<'a> {
    request: &'a ChatRequest,
    key: RequestKey,
    body: Vec<u8>,
    stream: bool,
}

impl Client {
    /// A client with a ledger of its own. The server is asked only if no model is named.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(settings: ClientSettings) -> Result<Client, ClientError> {
        let ledger = Arc::new(Ledger::new(settings.prices, settings.budget));
        Client::with_ledger(settings, ledger)
    }

    /// A client that shares a ledger with others; its prices and budget hold, not those of the settings.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn with_ledger(settings: ClientSettings, ledger: Arc<Ledger>) -> Result<Client, ClientError> {
        settings.check()?;
        let base = address::base(&settings.url)?;
        let wire = Wire::new(&settings, base.clone())?;
        let cache = settings
            .cache
            .as_deref()
            .map(|path| Cache::open(path).map_err(|source| ClientError::Cache { path: path.to_owned(), source }));
        let mut shared = Shared {
            identity: settings.identity.clone().unwrap_or_else(|| base.clone()),
            model: settings.model.clone().unwrap_or_default(),
            permits: Permits::new(settings.concurrency),
            flights: Flights::default(),
            cache: cache.transpose()?,
            base,
            wire,
            ledger,
            settings,
        };
        if shared.settings.model.is_none() {
            let failed = |failure| ClientError::Models { server: shared.base.clone(), failure };
            shared.model = shared.models().map_err(failed)?.swap_remove(0);
        }
        let stream = shared.settings.stream;
        Ok(Client { shared: Arc::new(shared), stream })
    }

    /// The same client, whose answers come piece by piece (or whole, if not).
    pub fn streaming(&self, stream: bool) -> Client {
        Client { shared: self.shared.clone(), stream }
    }

    /// What has been used so far.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// The cache, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.shared.cache.as_ref()
    }

    /// The models that the server lists, one at least.
    ///
    /// # Errors
    /// What [`ChatFailure`] names, [`ChatFailure::Budget`] excepted.
    pub fn models(&self) -> Result<Vec<String>, ChatFailure> {
        self.shared.models()
    }

    /// Whether the server is there and has the model; for an error before any work begins.
    ///
    /// # Errors
    /// It is not, or lists others.
    pub fn check(&self) -> Result<(), ClientError> {
        let (server, model) = (self.shared.base.clone(), self.shared.model.clone());
        match self.models() {
            Err(failure) => Err(ClientError::Models { server, failure }),
            Ok(known) if known.contains(&model) => Ok(()),
            Ok(known) => Err(ClientError::Model { server, model, known: beginning(&known) }),
        }
    }
}

impl ChatModel for Client {
    fn name(&self) -> String {
        self.shared.model.clone()
    }

    fn chat(&self, request: &ChatRequest, see: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
        let shared = &self.shared;
        body::check(request)?;
        let fields = body::body(request, &shared.model, &shared.settings.extra);
        let key = RequestKey::of(&shared.identity, &Value::Object(fields.clone()));
        let call = Call { request, key, body: written(fields, self.stream), stream: self.stream };
        let mut show = Show::new(see);
        let answered = match &shared.cache {
            Some(cache) => shared.remembered(cache, &call, &mut show),
            None => shared.sent(&call, &mut show),
        };
        let answered = answered.and_then(|reply| show.whole(&reply).map(|()| reply));
        answered.inspect_err(|_| shared.ledger.count(|account| account.failures += 1))
    }
}

impl Shared {
    /// The remembered answer, or the one that is sent for, once however many ask.
    fn remembered(&self, cache: &Cache, call: &Call, show: &mut Show) -> Result<ChatReply, ChatFailure> {
        let found = || {
            let found = cache
                .get(&call.key)
                .map_err(|error| ChatFailure::Failed { reason: format!("request cache: {error}") })?;
            self.ledger.count(|account| account.cache_hits += u64::from(found.is_some()));
            Ok(found)
        };
        if let Some(reply) = found()? {
            return Ok(reply);
        }
        let (outcome, another) = self.flights.once(call.key, || {
            let _claim = cache.claim(&call.key);
            if let Some(reply) = found()? {
                return Ok(reply);
            }
            let reply = self.sent(call, show)?;
            Ok(cache.put(&call.key, &reply).unwrap_or_else(|_| {
                // The answer is paid for, and good.
                self.ledger.count(|account| account.uncached += 1);
                reply
            }))
        });
        self.ledger.count(|account| account.cache_hits += u64::from(another && outcome.is_ok()));
        outcome
    }

    /// Sends a request until there is an answer, or no hope of one.
    fn sent(&self, call: &Call, show: &mut Show) -> Result<ChatReply, ChatFailure> {
        self.persist(&call.key, &mut |attempt| {
            show.restart();
            self.tried(call, attempt, show)
        })
    }

    fn tried(&self, call: &Call, attempt: u32, show: &mut Show) -> Result<ChatReply, Trouble> {
        let _permit = self.permits.take();
        // Others may have used the rest up while this one waited.
        self.ledger.allow().map_err(Trouble::Final)?;
        self.ledger.count(|account| {
            account.requests += 1;
            account.retries += u64::from(attempt > 1);
        });
        let answer = self.wire.post("/chat/completions", &call.body)?;
        let draft = Draft::read(&self.wire, answer, call.stream, show).inspect_err(|_| {
            // What came of it was paid for.
            if show.came() > 0 {
                self.ledger.charge(estimate(call, show.came().div_ceil(BYTES_A_TOKEN)), true);
            }
        })?;
        match draft.usage {
            Some(usage) => self.ledger.charge(usage, false),
            None => self.ledger.charge(estimate(call, call.request.max_tokens), true),
        }
        draft.reply(call.request, &self.model)
    }

    fn models(&self) -> Result<Vec<String>, ChatFailure> {
        let key = RequestKey::of(&self.identity, &"models".into());
        self.persist(&key, &mut |_| {
            let _permit = self.permits.take();
            let mut answer = self.wire.get("/models")?;
            let mut body = Vec::new();
            answer.body.read_to_end(&mut body).map_err(|error| self.wire.read_trouble(error))?;
            let list: Value = serde_json::from_slice(&body).unwrap_or_default();
            let items = list.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let ids: Vec<_> = items.iter().filter_map(|item| Some(clean(item.get("id")?.as_str()?))).collect();
            if ids.is_empty() { Err(Trouble::failed("it lists none")) } else { Ok(ids) }
        })
    }

    /// Tries again what may pass, as often as the settings say; `work` gets the number of the try, from 1.
    fn persist<T>(&self, key: &RequestKey, work: &mut dyn FnMut(u32) -> Result<T, Trouble>) -> Result<T, ChatFailure> {
        let retry = &self.settings.retry;
        let mut attempt = 1;
        loop {
            let (reason, after) = match work(attempt) {
                Ok(done) => return Ok(done),
                Err(Trouble::Final(failure)) => return Err(failure),
                Err(Trouble::Passing { reason, after }) => (reason, after),
            };
            if attempt == retry.tries {
                return Err(ChatFailure::Failed { reason: format!("{reason} ({attempt} of {attempt} tries)") });
            }
            let Some(pause) = retry::pause(retry, key, attempt, after) else {
                let asked = after.unwrap_or_default().as_secs();
                let reason =
                    format!("{reason}; the server asks for a pause of {asked} s, longer than `longest_pause_seconds`");
                return Err(ChatFailure::Failed { reason });
            };
            thread::sleep(pause);
            attempt += 1;
        }
    }
}

/// The first names of a list, for a message.
fn beginning(names: &[String]) -> String {
    let more = if names.len() > SHOWN_NAMES { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN_NAMES)].join(", "))
}

/// The bytes of a request.
fn written(mut fields: Map<String, Value>, stream: bool) -> Vec<u8> {
    if stream {
        fields.insert("stream".into(), true.into());
        fields.insert("stream_options".into(), serde_json::json!({ "include_usage": true }));
    }
    Value::Object(fields).to_string().into_bytes()
}

/// Tokens of a request whose server did not count them, rather too many.
fn estimate(call: &Call, completion_tokens: usize) -> Usage {
    let prompt = call.request.messages.iter().map(|message| message.content.len()).sum::<usize>();
    Usage { prompt_tokens: prompt.div_ceil(BYTES_A_TOKEN), completion_tokens }
}
