//! The contract's words as wasmtime makes them for the server, and as wit-bindgen makes them for plugins.

use parlor_plugin::bindings::parlor::room::types as sdk;
use parlor_server::native::types as host;

pub(crate) fn config(config: host::Config) -> sdk::Config {
    sdk::Config {
        room: config.room,
        seed: config.seed,
        settings: config.settings,
        options: config.options,
    }
}

pub(crate) fn batch(batch: host::Batch) -> sdk::Batch {
    sdk::Batch {
        step: batch.step,
        first_event: batch.first_event,
        tick: batch.tick,
        now_ms: batch.now_ms,
        seed: batch.seed,
        events: batch.events.into_iter().map(event).collect(),
    }
}

fn event(event: host::Event) -> sdk::Event {
    match event {
        host::Event::Joined(it) => sdk::Event::Joined(member(it)),
        host::Event::Left(it) => sdk::Event::Left(sdk::Departure {
            member: it.member,
            reason: leave_reason(it.reason),
        }),
        host::Event::Away(member) => sdk::Event::Away(member),
        host::Event::Back(member) => sdk::Event::Back(member),
        host::Event::Changed(it) => sdk::Event::Changed(member(it)),
        host::Event::Resync(member) => sdk::Event::Resync(member),
        host::Event::Message(it) => sdk::Event::Message(sdk::Message {
            member: it.member,
            payload: it.payload,
            id: it.id,
        }),
        host::Event::Timer(timer) => sdk::Event::Timer(timer),
        host::Event::Tick(it) => sdk::Event::Tick(sdk::Tick {
            number: it.number,
            dt_ms: it.dt_ms,
        }),
        host::Event::Signal(it) => sdk::Event::Signal(sdk::Signal {
            name: it.name,
            payload: it.payload,
        }),
        host::Event::KvAnswer(it) => sdk::Event::KvAnswer(sdk::KvAnswer {
            operation: it.operation,
            outcome: it.outcome.map(kv_outcome).map_err(kv_error),
        }),
    }
}

fn member(member: host::Member) -> sdk::Member {
    sdk::Member {
        id: member.id,
        name: member.name,
        seat: match member.seat {
            host::Seat::Player => sdk::Seat::Player,
            host::Seat::Spectator => sdk::Seat::Spectator,
        },
        user: member.user,
        roles: member.roles,
    }
}

fn leave_reason(reason: host::LeaveReason) -> sdk::LeaveReason {
    match reason {
        host::LeaveReason::Left => sdk::LeaveReason::Left,
        host::LeaveReason::Disconnected => sdk::LeaveReason::Disconnected,
        host::LeaveReason::Kicked => sdk::LeaveReason::Kicked,
    }
}

fn kv_outcome(outcome: host::KvOutcome) -> sdk::KvOutcome {
    let entry = |it: host::KvEntry| sdk::KvEntry {
        key: it.key,
        value: it.value,
    };
    match outcome {
        host::KvOutcome::Value(value) => sdk::KvOutcome::Value(value),
        host::KvOutcome::Stored => sdk::KvOutcome::Stored,
        host::KvOutcome::Conflict(value) => sdk::KvOutcome::Conflict(value),
        host::KvOutcome::Entries(entries) => {
            sdk::KvOutcome::Entries(entries.into_iter().map(entry).collect())
        }
    }
}

fn kv_error(error: host::KvError) -> sdk::KvError {
    match error {
        host::KvError::Unsupported => sdk::KvError::Unsupported,
        host::KvError::Quota => sdk::KvError::Quota,
        host::KvError::TooLarge => sdk::KvError::TooLarge,
        host::KvError::Unavailable => sdk::KvError::Unavailable,
    }
}

pub(crate) fn effects(effects: Vec<sdk::Effect>) -> Vec<host::Effect> {
    let effect = |it: sdk::Effect| host::Effect {
        cause: it.cause,
        action: action(it.action),
    };
    effects.into_iter().map(effect).collect()
}

fn action(action: sdk::ActionEffect) -> host::ActionEffect {
    match action {
        sdk::ActionEffect::Send(it) => host::ActionEffect::Send(host::Send {
            to: audience(it.to),
            from: it.from,
            payload: it.payload,
        }),
        sdk::ActionEffect::Reply(reply) => host::ActionEffect::Reply(reply.map_err(refusal)),
        sdk::ActionEffect::Reject(it) => host::ActionEffect::Reject(refusal(it)),
        sdk::ActionEffect::State(it) => host::ActionEffect::State(host::State {
            view: it.view,
            audience: view_audience(it.audience),
            value: it.value,
        }),
        sdk::ActionEffect::DropState((view, audience)) => {
            host::ActionEffect::DropState((view, view_audience(audience)))
        }
        sdk::ActionEffect::Kick(it) => host::ActionEffect::Kick(host::Kick {
            member: it.member,
            reason: it.reason,
        }),
        sdk::ActionEffect::SetSeat(it) => host::ActionEffect::SetSeat(host::SetSeat {
            member: it.member,
            seat: seat(it.seat),
        }),
        sdk::ActionEffect::SetTimer(it) => host::ActionEffect::SetTimer(host::SetTimer {
            timer: it.timer,
            after_ms: it.after_ms,
        }),
        sdk::ActionEffect::CancelTimer(timer) => host::ActionEffect::CancelTimer(timer),
        sdk::ActionEffect::Lock(is_locked) => host::ActionEffect::Lock(is_locked),
        sdk::ActionEffect::Metadata(entries) => host::ActionEffect::Metadata(entries),
        sdk::ActionEffect::Close(reason) => host::ActionEffect::Close(reason),
        sdk::ActionEffect::Kv(it) => host::ActionEffect::Kv(host::Kv {
            operation: it.operation,
            request: kv_request(it.request),
        }),
    }
}

fn audience(audience: sdk::Audience) -> host::Audience {
    match audience {
        sdk::Audience::Everyone => host::Audience::Everyone,
        sdk::Audience::Only(members) => host::Audience::Only(members),
        sdk::Audience::Except(members) => host::Audience::Except(members),
        sdk::Audience::Seat(it) => host::Audience::Seat(seat(it)),
    }
}

fn view_audience(audience: sdk::ViewAudience) -> host::ViewAudience {
    match audience {
        sdk::ViewAudience::Everyone => host::ViewAudience::Everyone,
        sdk::ViewAudience::Seat(it) => host::ViewAudience::Seat(seat(it)),
        sdk::ViewAudience::Member(member) => host::ViewAudience::Member(member),
    }
}

fn seat(seat: sdk::Seat) -> host::Seat {
    match seat {
        sdk::Seat::Player => host::Seat::Player,
        sdk::Seat::Spectator => host::Seat::Spectator,
    }
}

fn kv_request(request: sdk::KvRequest) -> host::KvRequest {
    match request {
        sdk::KvRequest::Get(key) => host::KvRequest::Get(key),
        sdk::KvRequest::Put(write) => host::KvRequest::Put(write),
        sdk::KvRequest::CompareAndPut(write) => host::KvRequest::CompareAndPut(write),
        sdk::KvRequest::List(range) => host::KvRequest::List(range),
    }
}

fn refusal(refusal: sdk::Refusal) -> host::Refusal {
    host::Refusal {
        code: refusal.code,
        message: refusal.message,
    }
}

pub(crate) fn failure(failure: sdk::Failure) -> host::Failure {
    host::Failure {
        message: failure.message,
    }
}
