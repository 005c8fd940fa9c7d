//! What goes wrong on the server, told where the author is looking.

use std::collections::HashSet;

use serde_json::Value;

use super::complain;
use super::turn::{Turns, warn_of};
use crate::admin::api::{Report, Rollout, short};
use crate::admin::{Admin, AdminError, segment};

/// The reports that were there at the last look.
pub(super) struct Following {
    seen: HashSet<String>,
    /// Whether it was said that the server cannot be asked.
    is_lost: bool,
}

impl Following {
    /// What is there from before is no news.
    pub(super) async fn begin(admin: &Admin) -> Self {
        let mut following = Self {
            seen: HashSet::new(),
            is_lost: false,
        };
        if let Ok(reports) = reports(admin).await {
            following.unseen(reports);
        }
        following
    }

    /// Tells what is new.
    pub(super) async fn look(&mut self, admin: &Admin, turns: &Turns<'_>) {
        let name = turns.current().map(|current| current.name);
        match reports(admin).await {
            Ok(reports) => {
                self.is_lost = false;
                let news = self.unseen(reports);
                for report in news.iter().filter(|it| is_of(it, name.as_deref())) {
                    tell(report);
                }
            }
            Err(error) if !self.is_lost => {
                self.is_lost = true;
                complain(&format!("failed to read reports: {error}"), "");
            }
            Err(_) => {}
        }
        follow_rollout(admin, turns).await;
    }

    /// Those of the reports that were not there before.
    fn unseen(&mut self, reports: Vec<Value>) -> Vec<Report> {
        let mut now = HashSet::with_capacity(reports.len());
        let mut news = Vec::new();
        for report in reports {
            let text = report.to_string();
            if !self.seen.contains(&text) && !now.contains(&text) {
                news.extend(serde_json::from_value(report));
            }
            now.insert(text);
        }
        self.seen = now;
        news
    }
}

async fn reports(admin: &Admin) -> Result<Vec<Value>, AdminError> {
    let mut answer = admin.get("/reports").await?;
    let reports = answer["reports"].as_array_mut().map(std::mem::take);
    Ok(reports.unwrap_or_default())
}

/// Whether a report is about this plugin, whatever its version.
fn is_of(report: &Report, name: Option<&str>) -> bool {
    let about = report.plugin.split('@').next();
    name.is_none() || about == name
}

fn tell(report: &Report) {
    let what = format!(
        "{} ({}) in room {}, step {}: {}",
        report.plugin,
        short(&report.digest),
        report.room,
        report.step,
        report.kind
    );
    let mut details = report.message.clone();
    if let Some(input) = &report.input {
        details.push_str(&format!("\ninput: {input}"));
    } else if report.events > 1 {
        details.push_str(&format!(
            "\none of the {} events of the step",
            report.events
        ));
    }
    complain(&what, &details);
}

/// A version may fail when it has run for a while: then its rooms go back.
async fn follow_rollout(admin: &Admin, turns: &Turns<'_>) {
    let Some(current) = turns.current() else {
        return;
    };
    let path = format!("/plugins/{}/rollout", segment(&current.name));
    // What keeps it from being read was said with the reports.
    let Ok(answer) = admin.get(&path).await else {
        return;
    };
    let Ok(rollout) = admin.read::<Rollout>(answer) else {
        return;
    };
    // A turn may be about to bring another version, and says itself what comes of it.
    let is_current = rollout.digest == current.digest;
    if is_current && rollout.is_bad() && rollout != current.rollout {
        warn_of(&rollout);
        turns.note(rollout);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(step: u64) -> Value {
        json!({ "plugin": "quiz@0.1.0", "digest": "ab", "room": "dev", "step": step, "events": 1, "kind": "trap",
            "message": "panicked", "input": null })
    }

    #[test]
    fn a_report_is_news_once() {
        let mut following = Following {
            seen: HashSet::new(),
            is_lost: false,
        };
        assert_eq!(following.unseen(vec![report(1)]).len(), 1);
        let news = following.unseen(vec![report(1), report(2)]);
        assert_eq!(news.len(), 1);
        assert_eq!(news[0].step, 2);
        // The server keeps the newest only; what it dropped is forgotten here, too.
        assert!(following.unseen(vec![report(2)]).is_empty());
        assert_eq!(following.seen.len(), 1);
    }

    #[test]
    fn reports_of_other_plugins_are_not_told() {
        let report: Report = serde_json::from_value(report(1)).unwrap();
        assert!(is_of(&report, Some("quiz")) && is_of(&report, None));
        assert!(!is_of(&report, Some("qui")));
    }
}
