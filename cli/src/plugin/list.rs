//! `parlor plugin list`.

use anyhow::Context as _;

use crate::admin::How;
use crate::admin::api::{Plugin, Plugins, short};
use crate::table::table;

pub(super) async fn list(how: &How) -> anyhow::Result<()> {
    let admin = how.find()?;
    let answer = admin.get("/plugins").await.context("list plugins")?;
    if how.json {
        crate::print(&answer.to_string());
        return Ok(());
    }
    let plugins: Plugins = admin.read(answer).context("list plugins")?;
    crate::print(&text(&plugins.plugins));
    for file in &plugins.refused {
        crate::print(&format!("refused: {}: {}", file.path, file.reason));
    }
    Ok(())
}

fn text(plugins: &[Plugin]) -> String {
    let head = ["PLUGIN", "DIGEST", "ROOMS", "FROM", ""].map(str::to_owned);
    let rows = plugins.iter().flat_map(|plugin| {
        plugin.versions.iter().map(|version| {
            let mut notes = Vec::new();
            if version.is_default {
                notes.push("new rooms".to_owned());
            }
            let canary = plugin.canary.as_ref();
            if let Some(canary) = canary.filter(|it| it.digest == version.digest) {
                notes.push(format!("canary of {} %", canary.percent));
            }
            if let Some(why) = &version.suspect {
                notes.push(format!("suspect: {why}"));
            }
            [
                format!("{}@{}", plugin.name, version.version),
                short(&version.digest).to_owned(),
                version.rooms.to_string(),
                version.source.clone(),
                notes.join(", "),
            ]
        })
    });
    table(std::iter::once(head).chain(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_a_line() {
        let json = serde_json::json!([{ "name": "quiz", "canary": { "digest": "b".repeat(64), "percent": 10 }, "versions": [
            { "version": "1.0.0", "digest": "a".repeat(64), "is_default": true, "rooms": 12, "suspect": null, "source": "folder" },
            { "version": "1.1.0", "digest": "b".repeat(64), "is_default": false, "rooms": 1, "suspect": "traps", "source": "upload" },
        ]}]);
        let plugins: Vec<Plugin> = serde_json::from_value(json).unwrap();
        let expected = "PLUGIN      DIGEST        ROOMS  FROM\n\
                        quiz@1.0.0  aaaaaaaaaaaa  12     folder  new rooms\n\
                        quiz@1.1.0  bbbbbbbbbbbb  1      upload  canary of 10 %, suspect: traps";
        assert_eq!(text(&plugins), expected);
    }
}
