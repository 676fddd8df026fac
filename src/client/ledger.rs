//! What asking has used so far, and the cap on it.

use crate::settings::{Budget, Prices};
use crate::{ChatFailure, Usage};
use serde::{Deserialize, Serialize, Serializer};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts of one client, or of several that share a budget. It can be read at any time; serialised it is its [`Account`].
///
/// ```
/// use longlab_client::{Budget, Ledger, Prices};
/// let ledger = Ledger::new(Prices::default(), Budget { tokens: Some(1_000), cost: None });
/// assert_eq!(serde_json::to_value(&ledger).unwrap()["requests"], 0);
/// assert_eq!(ledger.read().cost, 0.0);
/// ```
#[derive(Debug, Default)]
pub struct Ledger {
    prices: Prices,
    budget: Budget,
    account: Mutex<Account>,
}

/// What has been used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Requests for answers that were sent, every try counted.
    pub requests: u64,
    /// Answers that came from the cache, or from the same request that another thread had sent.
    pub cache_hits: u64,
    /// Tries after the first of a request.
    pub retries: u64,
    /// Requests that ended without an answer; one the caller stopped counts too.
    pub failures: u64,
    /// Answers that could not be written to the cache.
    pub uncached: u64,
    /// Answers whose tokens the server did not count, or that broke off or were stopped; their tokens are estimated, rather high.
    pub estimated: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers, thinking included.
    pub completion_tokens: u64,
    /// Cost, in the currency of the prices.
    pub cost: f64,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(prices: Prices, budget: Budget) -> Ledger {
        Ledger { prices, budget, account: Mutex::default() }
    }

    /// What has been used up to now.
    pub fn read(&self) -> Account {
        let mut account = *self.account();
        let million = |tokens: u64, price: f64| tokens as f64 / 1e6 * price;
        account.cost = million(account.prompt_tokens, self.prices.prompt_million)
            + million(account.completion_tokens, self.prices.completion_million);
        account
    }

    /// Whether another request may be sent.
    ///
    /// # Errors
    /// [`ChatFailure::Budget`] once a cap is reached.
    pub(crate) fn allow(&self) -> Result<(), ChatFailure> {
        let account = self.read();
        let tokens = account.prompt_tokens.saturating_add(account.completion_tokens);
        let over = match (self.budget.tokens, self.budget.cost) {
            (Some(cap), _) if tokens >= cap => format!("{tokens} of {cap} tokens are used; raise `budget.tokens`"),
            (_, Some(cap)) if account.cost >= cap => format!("{} of {cap} is spent; raise `budget.cost`", account.cost),
            _ => return Ok(()),
        };
        Err(ChatFailure::Budget { reason: over })
    }

    /// Writes tokens down.
    pub(crate) fn charge(&self, usage: Usage, estimated: bool) {
        let mut account = self.account();
        account.prompt_tokens = account.prompt_tokens.saturating_add(usage.prompt_tokens as u64);
        account.completion_tokens = account.completion_tokens.saturating_add(usage.completion_tokens as u64);
        account.estimated += u64::from(estimated);
    }

    /// Counts something.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Account)) {
        add(&mut self.account());
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt_tokens: usize, completion_tokens: usize) -> Usage {
        Usage { prompt_tokens, completion_tokens }
    }

    #[test]
    fn tokens_cost_what_a_million_of_them_is_priced_at() {
        let ledger = Ledger::new(Prices { prompt_million: 0.5, completion_million: 2.0 }, Budget::default());
        ledger.charge(usage(1_000_000, 250_000), false);
        assert_eq!(ledger.read().cost, 1.0);
        assert_eq!(serde_json::from_str::<Account>(&serde_json::to_string(&ledger).unwrap()).unwrap(), ledger.read());
    }

    #[test]
    fn a_cap_that_is_reached_stops_and_says_which() {
        let prices = Prices { prompt_million: 1.0, completion_million: 1.0 };
        let tokens = Ledger::new(prices, Budget { tokens: Some(10), cost: None });
        let cost = Ledger::new(prices, Budget { tokens: None, cost: Some(1e-5) });
        for (ledger, key) in [(tokens, "budget.tokens"), (cost, "budget.cost")] {
            ledger.charge(usage(9, 0), false);
            assert_eq!(ledger.allow(), Ok(()));
            ledger.charge(usage(0, 1), false);
            assert!(matches!(ledger.allow(), Err(ChatFailure::Budget { reason }) if reason.contains(key)));
        }
        assert!(Ledger::new(prices, Budget { tokens: Some(0), cost: None }).allow().is_err());
    }

    #[test]
    fn counts_of_a_lying_server_do_not_overflow() {
        let ledger = Ledger::new(Prices::default(), Budget { tokens: Some(u64::MAX), cost: None });
        ledger.charge(usage(usize::MAX, usize::MAX), true);
        ledger.charge(usage(usize::MAX, 1), false);
        assert!(ledger.allow().is_err());
        assert_eq!(ledger.read().estimated, 1);
    }
}
