//! `parlor plugin swap`, `rollback`, `promote` and `abort`: which rooms run which version.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::admin::api::{Named, Plugins, Rollout, Rooms, Swapped, short};
use crate::admin::{Admin, AdminError, How, segment};
use crate::failure::Failure;

/// How often a rollout is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("scope").required(true).args(["room", "all", "new", "percent"])))]
pub(crate) struct Args {
    /// The version to go over to: NAME@VERSION, or its digest or the first 6 characters of it or more
    #[arg(value_name = "NAME@VERSION|DIGEST")]
    version: String,
    /// This room alone
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// All rooms of the plugin, in waves of at most 64, and those that are made from now on
    #[arg(long)]
    all: bool,
    /// Only rooms that are made from now on
    #[arg(long)]
    new: bool,
    /// A share of the plugin's rooms, in per cent, 1 to 99, until it is promoted or aborted
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u64).range(1..=99))]
    percent: Option<u64>,
    /// Have all rooms follow after this many minutes without a failure [default: never, see `parlor plugin promote`]
    #[arg(long, value_name = "MINUTES", requires = "percent", value_parser = clap::value_parser!(u64).range(1..))]
    promote_after: Option<u64>,
    /// Go over although the version is suspect, or the run on recent input came out worse
    #[arg(long, requires = "room")]
    force: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["room", "name"])))]
pub(crate) struct RollbackArgs {
    /// The plugin: its rollout is aborted, and each of its rooms that has a version to go back to does
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// This room alone
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NamedArgs {
    /// The plugin
    name: String,
    #[command(flatten)]
    how: How,
}

pub(super) async fn swap(args: &Args) -> Result<ExitCode, Failure> {
    let admin = args.how.find()?;
    if let Some(room) = &args.room {
        swap_room(&admin, room, args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut order = json!({ "version": args.version });
    match args.percent {
        Some(percent) => {
            order["scope"] = "canary".into();
            order["percent"] = percent.into();
        }
        None => order["scope"] = if args.all { "all" } else { "new" }.into(),
    }
    if let Some(minutes) = args.promote_after {
        order["promote_after_minutes"] = minutes.into();
    }
    let name = plugin_of(&admin, &args.version).await?;
    let is_over = |status: &Rollout| !status.is_running();
    let (status, answer) = rolled_out(&admin, &name, &order, is_over).await?;
    if args.how.json {
        crate::print(&answer.to_string());
    } else {
        crate::print(&text(&name, &status));
    }
    Ok(ExitCode::from(u8::from(status.is_bad())))
}

async fn swap_room(admin: &Admin, room: &str, args: &Args) -> anyhow::Result<()> {
    let order = json!({ "version": args.version, "force": args.force });
    let path = format!("/rooms/{}/swap", segment(room));
    let asked = admin.post(&path, &order).await;
    let answer = asked.with_context(|| format!("swap room {room}"))?;
    show_swapped(admin, answer, args.how.json)
}

fn show_swapped(admin: &Admin, answer: Value, json: bool) -> anyhow::Result<()> {
    if json {
        crate::print(&answer.to_string());
        return Ok(());
    }
    let swapped: Swapped = admin.read(answer).context("read what became of it")?;
    crate::print(&swapped_text(&swapped));
    Ok(())
}

/// A swap for people.
fn swapped_text(swapped: &Swapped) -> String {
    let named = |it: &Named| format!("{} ({})", it.version, short(&it.digest));
    let (from, to) = (named(&swapped.from), named(&swapped.to));
    let mut text = format!("room {} went from {from} to {to}", swapped.room);
    if let Some(pause_us) = swapped.pause_us {
        text.push_str(&format!(" and stood still for {pause_us} µs"));
    }
    if let Some(shadow) = &swapped.shadow {
        let (steps, verdict) = (shadow.steps, &shadow.verdict);
        text.push_str(&format!(
            "; run before on its last {steps} steps: {verdict}"
        ));
    }
    text
}

/// Begins a rollout, and waits until it is as far as is wanted.
pub(crate) async fn rolled_out(
    admin: &Admin,
    name: &str,
    order: &Value,
    is_far_enough: impl Fn(&Rollout) -> bool,
) -> anyhow::Result<(Rollout, Value)> {
    let path = format!("/plugins/{}/rollout", segment(name));
    let what = || format!("roll out {}", order["version"].as_str().unwrap_or(name));
    let mut answer = admin.post(&path, order).await.with_context(what)?;
    let mut pace = tokio::time::interval(LOOK_EVERY);
    loop {
        let status: Rollout = admin.read(answer.clone()).with_context(what)?;
        if is_far_enough(&status) {
            return Ok((status, answer));
        }
        pace.tick().await;
        answer = admin.get(&path).await.with_context(what)?;
    }
}

/// Which plugin a version is of: it says so itself, or the server knows.
async fn plugin_of(admin: &Admin, version: &str) -> anyhow::Result<String> {
    if let Some((name, _)) = version.split_once('@') {
        return Ok(name.to_owned());
    }
    let what = || format!("find the version {version}");
    let answer = admin.get("/plugins").await.with_context(what)?;
    let known: Plugins = admin.read(answer).with_context(what)?;
    let is_meant = |digest: &str| version.len() >= 6 && digest.starts_with(version);
    let found = known.plugins.iter().find(|plugin| {
        let mut versions = plugin.versions.iter();
        versions.any(|it| is_meant(&it.digest))
    });
    let found = found.map(|plugin| plugin.name.clone());
    found.with_context(|| {
        format!("find the version {version}: `parlor plugin list` shows those that are there")
    })
}

/// A rollout for people.
fn text(name: &str, status: &Rollout) -> String {
    let what = format!("{name} to {}", status.version);
    let mut text = match (status.scope.as_str(), status.percent) {
        ("new", _) => format!("{what}: new rooms are made of it"),
        ("canary", Some(percent)) => format!("{what}, {percent} %: {}", status.phase),
        _ => format!("{what}: {}", status.phase),
    };
    if status.scope != "new" {
        let (switched, rooms) = (status.switched, status.rooms);
        text.push_str(&format!(", {switched} of {rooms} rooms went over"));
    }
    for (count, what) in [
        (status.refused, "did not, for it was refused"),
        (status.rolled_back, "went back"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if let Some(reason) = &status.reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}

pub(super) async fn rollback(args: &RollbackArgs) -> Result<ExitCode, Failure> {
    let admin = args.how.find()?;
    if let Some(room) = &args.room {
        let asked = roll_back_room(&admin, room).await;
        let answer = asked.with_context(|| format!("roll back room {room}"))?;
        show_swapped(&admin, answer, args.how.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.name.as_deref().unwrap_or_default();
    roll_back_plugin(&admin, name, args.how.json).await?;
    Ok(ExitCode::SUCCESS)
}

async fn roll_back_room(admin: &Admin, room: &str) -> Result<Value, AdminError> {
    let path = format!("/rooms/{}/rollback", segment(room));
    admin.post(&path, &json!({})).await
}

/// Aborts the rollout, if there is one, and has each room go back that can.
async fn roll_back_plugin(admin: &Admin, name: &str, json: bool) -> anyhow::Result<()> {
    let what = || format!("roll back {name}");
    let path = format!("/plugins/{}/rollout/abort", segment(name));
    match admin.post(&path, &json!({})).await {
        Ok(_) => {}
        Err(error) if error.is_nothing() && !error.is("UNKNOWN_PLUGIN") => {}
        Err(error) => return Err(error).with_context(what),
    }
    let path = format!("/rooms?plugin={}", segment(name));
    let answer = admin.get(&path).await.with_context(what)?;
    let rooms: Rooms = admin.read(answer).with_context(what)?;
    let (mut back, mut stayed) = (0_u64, 0_u64);
    for room in &rooms.rooms {
        match roll_back_room(admin, &room.room).await {
            Ok(_) => back += 1,
            Err(error) if error.is_nothing() => stayed += 1,
            Err(error) => return Err(error).with_context(what),
        }
    }
    crate::print(&if json {
        json!({ "rolled_back": back, "stayed": stayed }).to_string()
    } else {
        format!("{back} rooms of {name} went back; {stayed} had nothing to go back to")
    });
    Ok(())
}

/// Promotes a canary, or aborts a rollout.
pub(super) async fn end_rollout(args: &NamedArgs, how: &str) -> anyhow::Result<()> {
    let what = || format!("{how} the rollout of {}", args.name);
    let admin = args.how.find()?;
    let path = format!("/plugins/{}/rollout/{how}", segment(&args.name));
    let answer = admin.post(&path, &json!({})).await.with_context(what)?;
    if args.how.json {
        crate::print(&answer.to_string());
    } else {
        let status: Rollout = admin.read(answer).with_context(what)?;
        crate::print(&text(&args.name, &status));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fake::FakeAdmin;

    const VERSIONS: &str = r#"{"plugins":[{"name":"quiz","canary":null,"versions":[{"version":"1.0.0","digest":
        "abcdef00","is_default":true,"rooms":1,"suspect":null,"source":"folder"}]}]}"#;

    fn status(phase: &str, switched: u64) -> String {
        json!({ "version": "2.0.0", "digest": "abcdef00", "scope": "all", "percent": null, "phase": phase, "rooms": 3, "switched": switched,
            "rolled_back": 0, "refused": 3 - switched, "reason": "the state" })
        .to_string()
    }

    #[tokio::test]
    async fn a_rollout_is_waited_for() {
        let (running, done) = (status("running", 1), status("done", 2));
        let answers = [(202, &*running), (200, &*running), (200, &*done)];
        let fake = FakeAdmin::start(&answers).await;
        let order = json!({ "version": "abcdef00", "scope": "all" });
        let admin = fake.admin();
        let (status, _) = rolled_out(&admin, "quiz", &order, |it| !it.is_running())
            .await
            .unwrap();
        let asked: Vec<_> = fake.asked().into_iter().map(|it| it.what).collect();
        let look = "GET /api/v1/plugins/quiz/rollout";
        assert_eq!(asked[..2], ["POST /api/v1/plugins/quiz/rollout", look]);
        assert_eq!(
            text("quiz", &status),
            "quiz to 2.0.0: done, 2 of 3 rooms went over, 1 did not, for it was refused: the state"
        );
    }

    #[test]
    fn a_swap_is_told_in_a_sentence() {
        let answer = json!({
            "room": "friday",
            "from": { "version": "1.0.0", "digest": "a".repeat(64) },
            "to": { "version": "2.0.0", "digest": "b".repeat(64) },
            "pause_us": 310,
            "shadow": { "steps": 200, "verdict": "same", "mean_us": 5, "mean_us_before": 5, "load_us": 90 },
        });
        let swapped: Swapped = serde_json::from_value(answer).unwrap();
        assert_eq!(
            swapped_text(&swapped),
            "room friday went from 1.0.0 (aaaaaaaaaaaa) to 2.0.0 (bbbbbbbbbbbb) and stood still for 310 µs; \
             run before on its last 200 steps: same"
        );
    }

    #[tokio::test]
    async fn a_digest_is_looked_up_and_a_name_is_not() {
        let fake = FakeAdmin::start(&[(200, VERSIONS), (200, VERSIONS), (200, VERSIONS)]).await;
        let admin = fake.admin();
        assert_eq!(plugin_of(&admin, "abcdef").await.unwrap(), "quiz");
        assert_eq!(plugin_of(&admin, "chat@2.0.0").await.unwrap(), "chat");
        for unknown in ["abcde", "123456"] {
            let error = plugin_of(&admin, unknown).await.unwrap_err();
            assert!(error.to_string().contains("parlor plugin list"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_plugin_rolls_back_where_there_is_something_to_go_back_to() {
        let line = |room: &str| {
            json!({ "room": room, "plugin": "quiz", "version": "1.0.0", "digest": "ab", "players": 0, "spectators": 0,
                "visibility": "public", "is_locked": false })
        };
        let rooms = json!({ "rooms": [line("a"), line("b")] }).to_string();
        let nothing = r#"{"code":"NOTHING_TO_ROLL_BACK","message":"it ran nothing before"}"#;
        let answers = [(409, nothing), (200, &*rooms), (200, "{}"), (409, nothing)];
        let fake = FakeAdmin::start(&answers).await;
        roll_back_plugin(&fake.admin(), "quiz", false)
            .await
            .unwrap();
        let fake = FakeAdmin::start(&[(409, nothing), (500, "")]).await;
        roll_back_plugin(&fake.admin(), "quiz", false)
            .await
            .unwrap_err();
    }
}
