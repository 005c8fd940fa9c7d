//! Why a connection is closed.

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $text:literal, $reconnect:literal;)+) => {
        /// Why the server closed a WebSocket: the code of the close frame.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CloseCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl CloseCode {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The number in the close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code),+ }
            }

            /// The name in logs, metrics and clients: kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Whether a client may connect again by itself.
            #[must_use]
            pub const fn may_reconnect(self) -> bool {
                match self { $(Self::$name => $reconnect),+ }
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

close_codes! {
    /// The connection has done what it was for.
    Normal = 1000 "normal", true;
    /// The server is shutting down.
    GoingAway = 1001 "going-away", true;
    /// No subprotocol in common, or a broken WebSocket.
    ProtocolError = 1002 "protocol-error", false;
    /// Text on a binary subprotocol, or binary on a text one.
    UnsupportedData = 1003 "unsupported-data", true;
    /// A text message that is not UTF-8.
    InvalidText = 1007 "invalid-text", true;
    /// Too many bad frames.
    PolicyViolation = 1008 "policy-violation", true;
    /// A message above the limit.
    MessageTooBig = 1009 "message-too-big", true;
    /// Something broke in the server.
    InternalError = 1011 "internal-error", true;
    /// The server restarts.
    ServiceRestart = 1012 "service-restart", true;
    /// The server has more than it can do.
    Overloaded = 1013 "overloaded", true;
    /// No token where one is needed.
    TokenRequired = 4401 "token-required", false;
    /// A token that is not accepted.
    TokenRefused = 4403 "token-refused", false;
    /// The client took too long to read or to finish the opening.
    TooSlow = 4408 "too-slow", true;
    /// The session goes on in a newer connection.
    Replaced = 4409 "replaced", false;
    /// Nothing was heard from the client for too long.
    Silent = 4410 "silent", true;
    /// Too much in too little time, also after a warning.
    RateLimit = 4429 "rate-limit", true;
    /// Too many connections.
    TooManyConnections = 4430 "too-many-connections", true;
    /// The client does not read as fast as its rooms speak.
    SlowConsumer = 4440 "slow-consumer", true;
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.code(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn cl1_only_these_never_reconnect() {
        let never: Vec<u16> = CloseCode::ALL
            .iter()
            .filter(|code| !code.may_reconnect())
            .map(|code| code.code())
            .collect();
        assert_eq!(never, [1002, 4401, 4403, 4409]);
    }

    #[test]
    fn cl1_numbers_rise_and_lead_back() {
        assert!(CloseCode::ALL.is_sorted_by_key(|code| code.code()));
        for &code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(code.code()), Some(code));
        }
        assert_eq!(CloseCode::from_code(1005), None);
    }
}
