//! Who a client is: nobody in particular, or the user that its token names.

mod admission;
mod fetch;
mod keys;
mod settings;
mod tickets;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlor_gate::jwt::{self, Identity, Rules, TokenError};
use parlor_gate::ticket::Tickets;
use parlor_gate::token::Token;
use parlor_proto::CloseCode;
use tokio::time::Instant;

use self::keys::Keys;
use crate::telemetry::Metrics;

pub(crate) use self::admission::{Admission, Refused};
pub use self::settings::{JwtError, JwtSettings, JwtTable, KeyLocation, KeyUrl};
pub(crate) use self::tickets::router as ticket_router;

/// Who may connect.
#[derive(Debug, Clone)]
pub enum AuthSettings {
    /// Anybody, by nickname.
    Guest,
    /// Who has a token.
    Jwt(Box<JwtSettings>),
}

/// Finds out who clients are.
#[derive(Debug)]
pub(crate) enum Authenticator {
    /// Nobody asks.
    Guest,
    /// By their tokens.
    Jwt(Box<TokenAuth>),
}

/// Checks tokens and tickets.
#[derive(Debug)]
pub(crate) struct TokenAuth {
    keys: Keys,
    rules: Rules,
    tickets: Mutex<Tickets>,
    is_token_in_query_allowed: bool,
    metrics: Arc<Metrics>,
}

/// Why somebody is not who a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// The token is wrong.
    #[error("the token {0}")]
    Token(#[from] TokenError),
    /// The ticket is wrong, or was used.
    #[error("the ticket is not good, or not any more; get another with POST /ticket")]
    Ticket,
    /// There is nothing to check tokens with.
    #[error("the server has no keys yet to check tokens with; come back soon")]
    NoKeys,
}

impl Denied {
    /// How a connection is closed for it.
    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Token(_) | Self::Ticket => CloseCode::TokenRefused,
            Self::NoKeys => CloseCode::Overloaded,
        }
    }

    fn metric_label(self) -> &'static str {
        match self {
            Self::Token(error) => error.name(),
            Self::Ticket => "ticket",
            Self::NoKeys => "no-keys",
        }
    }
}

impl Authenticator {
    /// Begins to check as the operator said.
    pub(crate) async fn open(settings: AuthSettings, metrics: Arc<Metrics>) -> io::Result<Self> {
        let settings = match settings {
            AuthSettings::Guest => return Ok(Self::Guest),
            AuthSettings::Jwt(settings) => *settings,
        };
        if settings.rules.audience.is_none() {
            tracing::warn!(
                "no audience is set: tokens that the issuer made for other services are accepted, too"
            );
        }
        Ok(Self::Jwt(Box::new(TokenAuth {
            keys: Keys::open(settings.keys).await?,
            rules: settings.rules,
            tickets: Mutex::default(),
            is_token_in_query_allowed: settings.is_token_in_query_allowed,
            metrics,
        })))
    }

    /// Whether clients can be told apart by now.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Guest => true,
            Self::Jwt(auth) => auth.keys.are_there(),
        }
    }

    /// Keeps what it checks with up to date, for as long as it is polled.
    pub(crate) async fn keep_fresh(&self) {
        match self {
            Self::Guest => std::future::pending().await,
            Self::Jwt(auth) => auth.keys.keep_fresh().await,
        }
    }

    /// What checks tokens, if tokens are checked.
    pub(crate) fn tokens(&self) -> Option<&TokenAuth> {
        match self {
            Self::Guest => None,
            Self::Jwt(auth) => Some(auth),
        }
    }
}

impl TokenAuth {
    /// Says whose token this is.
    pub(crate) async fn check(&self, token: &Token) -> Result<Identity, Denied> {
        let outcome = self.check_token(token).await;
        self.counted(outcome)
    }

    /// Says whose ticket this is. It is good no more then.
    fn redeem(&self, ticket: &Token) -> Result<Identity, Denied> {
        let identity = self.tickets().redeem(ticket, Instant::now().into_std());
        // It may have come to its end with the token it was made for.
        let identity = identity.filter(|identity| unix_time() < identity.expires_at);
        self.counted(identity.ok_or(Denied::Ticket))
    }

    /// A ticket in place of this token.
    async fn issue_ticket(&self, token: &Token) -> Result<Token, Denied> {
        let identity = self.check(token).await?;
        let now = Instant::now().into_std();
        Ok(self.tickets().issue(rand::random(), identity, now))
    }

    async fn check_token(&self, token: &Token) -> Result<Identity, Denied> {
        let keys = self.keys.current().await.ok_or(Denied::NoKeys)?;
        let verify = |keys| jwt::verify(token.as_str(), keys, &self.rules, unix_time());
        let outcome = verify(&keys);
        if outcome == Err(TokenError::UnknownKey)
            && let Some(keys) = self.keys.look_for_unknown().await
        {
            return Ok(verify(&keys)?);
        }
        Ok(outcome?)
    }

    fn counted(&self, outcome: Result<Identity, Denied>) -> Result<Identity, Denied> {
        if let Err(denied) = outcome {
            self.metrics.token_refused(denied.metric_label());
            tracing::debug!("{denied}");
        }
        outcome
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

/// How long this still holds.
pub(crate) fn time_left(identity: &Identity) -> Duration {
    identity.expires_at.saturating_sub(unix_time()).min(FAR)
}

/// Ten years: a connection does not live so long, and any clock can still count it.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The time since 1970.
fn unix_time() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
