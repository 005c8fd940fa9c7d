//! What a plugin may be called.

use crate::project::Lang;

const CHARS_MAX: usize = 64;

/// Names that mean something else to Rust or to cargo: a crate of that name does not build.
const TAKEN: [&str; 65] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "parlor-plugin",
    "parlor_plugin",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "vendor",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Why a name is none. The texts say what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("a name has 1 to {CHARS_MAX} characters")]
    Length,
    #[error(
        "a name is made of a-z 0-9 - _, and this has {0:?}; it is also the folder's, made where you are"
    )]
    Char(char),
    #[error("a name begins with a letter")]
    First,
    #[error("that name means something else to cargo or Rust; choose another")]
    Taken,
}

pub(super) fn check(name: &str, lang: Lang) -> Result<(), NameError> {
    let count = name.chars().count();
    if count == 0 || count > CHARS_MAX {
        return Err(NameError::Length);
    }
    let is_fine = |char: &char| matches!(char, 'a'..='z' | '0'..='9' | '-' | '_');
    if let Some(char) = name.chars().find(|char| !is_fine(char)) {
        return Err(NameError::Char(char));
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(NameError::First);
    }
    let is_taken = match lang {
        Lang::Rust => TAKEN.contains(&name),
        Lang::Ts => ["parlor-plugin", "node_modules"].contains(&name),
    };
    if is_taken {
        return Err(NameError::Taken);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_plugins_and_of_crates() {
        for name in ["a", "quiz", "tic-tac_toe9", &"x".repeat(64)] {
            assert_eq!(check(name, Lang::Rust), Ok(()), "{name}");
        }
        for (name, error) in [
            ("", NameError::Length),
            (&"x".repeat(65), NameError::Length),
            ("Quiz", NameError::Char('Q')),
            ("../quiz", NameError::Char('.')),
            ("a/b", NameError::Char('/')),
            ("9x", NameError::First),
            ("-x", NameError::First),
            ("fn", NameError::Taken),
            ("serde", NameError::Taken),
            ("test", NameError::Taken),
        ] {
            assert_eq!(check(name, Lang::Rust), Err(error), "{name}");
        }
        assert_eq!(check("match", Lang::Ts), Ok(()));
    }
}
