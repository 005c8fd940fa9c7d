//! A plugin in TypeScript.

use super::{File, sdk};

/// What the template is called, which builds and tests like any other plugin.
const TEMPLATE_NAME: &str = "parlor-room-name";

/// The files of the project.
pub(super) fn files(name: &str) -> anyhow::Result<Vec<File>> {
    let (mut files, template) = sdk::ts()?;
    for (path, contents) in template {
        let mut text = String::from_utf8(contents)?.replace(TEMPLATE_NAME, name);
        if path.as_os_str() == ".gitignore" && !text.contains("/.parlor") {
            text.push_str("/.parlor\n");
        }
        files.push((path, text.into_bytes()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_bears_its_name_and_brings_the_sdk() {
        let files = files("quiz").unwrap();
        let text = |path: &str| {
            let file = files.iter().find(|(it, _)| it.as_os_str() == path);
            let (_, contents) = file.unwrap_or_else(|| panic!("{path} is missing"));
            String::from_utf8(contents.clone()).unwrap()
        };
        for path in ["package.json", "src/index.ts", "README.md"] {
            assert!(text(path).contains("quiz") && !text(path).contains(TEMPLATE_NAME));
        }
        assert!(text(".gitignore").contains("/.parlor"));
        let sdk = [
            "package.json",
            "src/index.ts",
            "wit/room.wit",
            "bin/parlor-plugin.mjs",
        ];
        for path in sdk {
            assert!(!text(&format!("vendor/parlor-plugin/{path}")).is_empty());
        }
        let is_junk = |path: &str| {
            path.contains("node_modules") || path.contains("vendor/parlor-plugin/test")
        };
        let junk = files
            .iter()
            .find(|(path, _)| is_junk(&path.to_string_lossy()));
        assert!(junk.is_none(), "{junk:?}");
    }
}
