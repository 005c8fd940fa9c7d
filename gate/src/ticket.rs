//! One-time tickets: what a client that has a token gets for it, to put into the address of its WebSocket, where a token
//! would be seen by whoever writes addresses down.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use crate::jwt::Identity;
use crate::token::Token;

/// How long a ticket can be used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);
/// The most tickets at a time; one more takes the place of the oldest.
pub const TICKETS_MAX: usize = 10_000;
/// The most tickets of one user at a time; one more takes the place of the user's oldest, so that nobody can use up the
/// tickets of others.
pub const TICKETS_PER_USER_MAX: usize = 16;

/// The tickets that were issued and not used yet.
#[derive(Default)]
pub struct Tickets {
    /// By the order they were issued in, which is also the order they end in.
    issued: BTreeMap<u64, Issued>,
    by_number: HashMap<u128, u64>,
    by_user: HashMap<String, VecDeque<u64>>,
    next: u64,
}

struct Issued {
    number: u128,
    identity: Identity,
    ends_at: Instant,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tickets({} secrets)", self.issued.len())
    }
}

impl Tickets {
    /// Issues a ticket for this identity. `random` must be 128 bits that nobody can guess.
    pub fn issue(&mut self, random: u128, identity: Identity, now: Instant) -> Token {
        self.forget_ended(now);
        let of_user = self.by_user.get(&identity.user);
        if let Some(oldest) = of_user
            .filter(|it| it.len() >= TICKETS_PER_USER_MAX)
            .and_then(VecDeque::front)
        {
            self.take(*oldest);
        }
        if self.issued.len() >= TICKETS_MAX {
            self.take_oldest();
        }
        let order = self.next;
        self.next += 1;
        self.by_number.insert(random, order);
        self.by_user
            .entry(identity.user.clone())
            .or_default()
            .push_back(order);
        let ticket = Issued {
            number: random,
            identity,
            ends_at: now + TICKET_LIFETIME,
        };
        self.issued.insert(order, ticket);
        Token::new(format!("{random:032x}"))
    }

    /// Takes a ticket, which is good no more then, and says whose it is.
    pub fn redeem(&mut self, ticket: &Token, now: Instant) -> Option<Identity> {
        self.forget_ended(now);
        let text = ticket.as_str();
        let is_hex = text.len() == 32 && text.bytes().all(|it| it.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        // What a look-up's duration gives away is of a keyed hash, which leads nowhere.
        let order = *self.by_number.get(&number)?;
        self.take(order).map(|ticket| ticket.identity)
    }

    /// How many tickets are kept.
    #[must_use]
    pub fn ticket_count(&self) -> usize {
        self.issued.len()
    }

    fn forget_ended(&mut self, now: Instant) {
        while let Some((_, oldest)) = self.issued.first_key_value()
            && oldest.ends_at <= now
        {
            self.take_oldest();
        }
    }

    fn take_oldest(&mut self) {
        if let Some((oldest, _)) = self.issued.first_key_value() {
            self.take(*oldest);
        }
    }

    fn take(&mut self, order: u64) -> Option<Issued> {
        let ticket = self.issued.remove(&order)?;
        self.by_number.remove(&ticket.number);
        let user = &ticket.identity.user;
        if let Some(of_user) = self.by_user.get_mut(user) {
            of_user.retain(|it| *it != order);
            if of_user.is_empty() {
                self.by_user.remove(user);
            }
        }
        Some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Identity {
        user("ann")
    }

    fn user(user: &str) -> Identity {
        Identity {
            user: user.to_owned(),
            name: None,
            roles: Vec::new(),
            expires_at: Duration::MAX,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a beginning to count from; nothing here runs on a clock"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_ticket_is_good_once() {
        let (mut tickets, now) = (Tickets::default(), now());
        let ticket = tickets.issue(7, ann(), now);
        assert_eq!(tickets.redeem(&ticket, now), Some(ann()));
        assert_eq!(tickets.redeem(&ticket, now), None);
    }

    #[test]
    fn a_ticket_is_good_for_30_seconds() {
        let (mut tickets, now) = (Tickets::default(), now());
        let (first, second) = (tickets.issue(1, ann(), now), tickets.issue(2, ann(), now));
        let end = now + Duration::from_secs(30);
        let last = end.checked_sub(Duration::from_nanos(1)).unwrap();
        assert_eq!(tickets.redeem(&first, last), Some(ann()));
        assert_eq!(tickets.redeem(&second, end), None);
    }

    #[test]
    fn only_the_very_ticket_is_taken() {
        let (mut tickets, now) = (Tickets::default(), now());
        let ticket = tickets.issue(0xab, ann(), now);
        let text = ticket.as_str();
        for other in [
            "",
            "ab",
            "+b",
            &text[1..],
            &format!("0{text}"),
            &text.replace("00ab", "+0ab"),
        ] {
            assert_eq!(tickets.redeem(&Token::new(other), now), None, "{other}");
        }
        assert_eq!(tickets.redeem(&ticket, now), Some(ann()));
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes_first() {
        let (mut tickets, now) = (Tickets::default(), now());
        let mut issue = |number: usize| {
            let number = number as u128;
            tickets.issue(number, user(&number.to_string()), now)
        };
        let first = issue(0);
        let second = issue(1);
        for number in 2..=TICKETS_MAX {
            issue(number);
        }
        assert_eq!(tickets.ticket_count(), TICKETS_MAX);
        assert_eq!(tickets.redeem(&first, now), None);
        assert_eq!(tickets.redeem(&second, now), Some(user("1")));
    }

    #[test]
    fn one_user_cannot_use_up_the_tickets_of_others() {
        let (mut tickets, now) = (Tickets::default(), now());
        let anns = tickets.issue(0, ann(), now);
        let bobs: Vec<_> = (1..=TICKETS_MAX as u128)
            .map(|number| tickets.issue(number, user("bob"), now))
            .collect();
        assert_eq!(tickets.ticket_count(), 1 + TICKETS_PER_USER_MAX);
        let (gone, kept) = bobs.split_at(bobs.len() - TICKETS_PER_USER_MAX);
        assert_eq!(tickets.redeem(gone.last().unwrap(), now), None);
        assert_eq!(tickets.redeem(&kept[0], now), Some(user("bob")));
        assert_eq!(tickets.redeem(&anns, now), Some(ann()));
    }

    #[test]
    fn nothing_is_left_of_tickets_that_are_over() {
        let (mut tickets, now) = (Tickets::default(), now());
        for number in 0..100 {
            tickets.issue(number, user(&number.to_string()), now);
        }
        tickets.redeem(&Token::new("0"), now + TICKET_LIFETIME);
        assert_eq!(tickets.ticket_count(), 0);
        assert!(tickets.by_number.is_empty() && tickets.by_user.is_empty());
    }
}
