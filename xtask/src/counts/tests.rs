use super::*;

fn counts(entries: &[(&str, u64)]) -> Counts {
    let owned = |(path, count): &(&str, u64)| ((*path).to_owned(), *count);
    entries.iter().map(owned).collect()
}

fn counted_with() -> CountedWith {
    CountedWith {
        rustc: "rustc 1.95.0".to_owned(),
        glibc: "glibc 2.36".to_owned(),
        cpu: "x86_64 avx avx2".to_owned(),
        valgrind: "valgrind-3.19.0".to_owned(),
    }
}

fn compared(was: &[(&str, u64)], is: &[(&str, u64)]) -> Comparison {
    Comparison::of(&counts(was), &counts(is))
}

#[test]
fn more_than_five_percent_is_a_regression() {
    let comparison = compared(
        &[("diff.grid", 1_000), ("decode.json", 1_000)],
        &[("diff.grid", 1_051), ("decode.json", 1_050)],
    );
    comparison.ensure_same_paths("the file").unwrap();
    let error = comparison.verdict().unwrap_err().to_string();
    let line = "diff.grid                            was      1000, is      1051   +5.10 %";
    assert!(error.contains(line), "{error}");
    assert!(error.contains("--renew"), "{error}");
    assert!(!error.contains("decode.json"), "{error}");
}

#[test]
fn more_than_five_percent_less_passes_and_asks_for_the_file_to_be_renewed() {
    let comparison = compared(
        &[("diff.grid", 1_000), ("decode.json", 1_000)],
        &[("diff.grid", 949), ("decode.json", 950)],
    );
    comparison.verdict().unwrap();
    let text = comparison.to_string();
    let line = "==> more than 5 % better: diff.grid; that it stays so, renew the file: cargo xtask bench --check --renew\n";
    assert!(text.ends_with(line), "{text}");
}

#[test]
fn what_is_the_same_says_nothing_of_renewing() {
    let comparison = compared(&[("diff.grid", 1_000)], &[("diff.grid", 1_000)]);
    comparison.ensure_same_paths("the file").unwrap();
    comparison.verdict().unwrap();
    assert_eq!(
        comparison.to_string(),
        "    diff.grid                            was      1000, is      1000   +0.00 %\n"
    );
}

#[test]
fn a_new_path_is_an_error() {
    let comparison = compared(&[("old", 1)], &[("old", 1), ("new.grid", 7)]);
    let error = comparison.ensure_same_paths("the file").unwrap_err();
    let expected = "the file has no count of new.grid; to renew the file, type: cargo xtask bench --check --renew";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_removed_path_is_an_error() {
    let comparison = compared(&[("old", 1), ("kept", 1)], &[("kept", 1)]);
    let error = comparison.ensure_same_paths("the file").unwrap_err();
    let expected = "there is no bench for what the file calls old; to renew the file, type: cargo xtask bench --check --renew";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn another_machine_is_noticed_by_what_is_other_there() {
    let there = counted_with();
    assert!(there.differences(&counted_with()).is_empty());
    let here = CountedWith {
        cpu: "x86_64 avx".to_owned(),
        glibc: "glibc 2.41".to_owned(),
        ..counted_with()
    };
    let expected = [
        r#"glibc: "glibc 2.36", and here "glibc 2.41""#,
        r#"cpu: "x86_64 avx avx2", and here "x86_64 avx""#,
    ];
    assert_eq!(there.differences(&here), expected);
    let each = [
        CountedWith {
            rustc: "rustc 1.96.0".to_owned(),
            ..counted_with()
        },
        CountedWith {
            valgrind: "valgrind-3.25.0".to_owned(),
            ..counted_with()
        },
    ];
    for here in each {
        assert_eq!(there.differences(&here).len(), 1, "{here:?}");
    }
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let file = File {
        here: counted_with(),
        counts: counts(&[("decode.json", 7_735), ("journal_append.record", 115)]),
    };
    let text = file.write().unwrap();
    assert!(text.contains("\ncpu = \"x86_64 avx avx2\"\n"), "{text}");
    assert!(text.contains("\n\"decode.json\" = 7735\n"), "{text}");
    assert_eq!(File::read(&text).unwrap(), file);
}

#[test]
fn a_file_that_was_altered_is_refused_by_its_line() {
    let text = File {
        here: counted_with(),
        counts: counts(&[("decode.json", 7_735)]),
    }
    .write()
    .unwrap();
    let refusal = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        format!("{:#}", File::read(&text.replace(from, to)).unwrap_err())
    };
    let error = refusal("= 7735", "= many");
    assert!(
        error.starts_with("bench/counts.toml is not as it was written"),
        "{error}"
    );
    assert!(error.contains("line 10"), "{error}");
    let error = refusal("glibc = \"glibc 2.36\"\n", "");
    assert!(error.contains("missing field `glibc`"), "{error}");
}

const SAID: &str = r#"{"function_name":"decode","id":"json","profiles":[{"data":{"total":{"metrics":{"Dr":{"values":{"new":3}},"Ir":{"values":{"new":7735}}}}}}]}"#;

#[test]
fn what_the_benches_say_is_read() {
    let output = format!("a line of something else\n{SAID}\n");
    assert_eq!(read(&output).unwrap(), counts(&[("decode.json", 7_735)]));
    let twice = read(&format!("{SAID}\n{SAID}")).unwrap_err().to_string();
    assert_eq!(twice, "two benches are called decode.json");
    let nothing = read(&SAID.replace("7735", "0")).unwrap_err().to_string();
    assert_eq!(nothing, "nothing was counted of decode.json");
    read("").unwrap_err();
    let other = read(&SAID.replace("Ir", "Is")).unwrap_err();
    assert!(format!("{other:#}").ends_with("no count of instructions"));
}

#[test]
fn a_cpu_is_known_by_what_valgrind_has_of_it() {
    let cpus = "processor\t: 0\nmodel name\t: A CPU @ 2.00GHz\nflags\t\t: fpu pni cx16 avx avx2 avx512f\nprocessor\t: 1\nflags\t\t: fpu\n";
    assert_eq!(cpu_in_valgrind("x86_64", cpus), "x86_64 avx avx2 cx16 pni");
    let another = cpus.replace("A CPU", "Another CPU").replace(" avx512f", "");
    assert_eq!(
        cpu_in_valgrind("x86_64", &another),
        "x86_64 avx avx2 cx16 pni"
    );
    let arm = "processor : 0\nCPU part : 0xd0c\n";
    assert_eq!(cpu_in_valgrind("aarch64", arm), "aarch64");
}

/// The versions of all packages in a lock file.
fn locked(path: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(files::root().join(path)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let value = |line: &str, name| {
        let value = line.strip_prefix(name)?.strip_prefix(" = \"")?;
        Some(value.strip_suffix('"')?.to_owned())
    };
    let pairs = lines.windows(2);
    pairs
        .filter_map(|pair| Some((value(pair[0], "name")?, value(pair[1], "version")?)))
        .collect()
}

#[test]
fn what_is_counted_is_made_of_what_the_server_is_made_of() {
    let (server, counted) = (locked("Cargo.lock"), locked("bench/counts/Cargo.lock"));
    let differs = |package: &&(String, String)| {
        server.iter().any(|(name, _)| *name == package.0) && !server.contains(package)
    };
    let others: Vec<_> = counted.iter().filter(differs).collect();
    assert!(
        others.is_empty(),
        "other versions than in Cargo.lock: {others:?}; type: cp Cargo.lock bench/counts/ && cargo metadata --manifest-path bench/counts/Cargo.toml"
    );
}

#[test]
fn what_is_counted_is_built_as_the_server_is() {
    let profile = |path: &str, name: &str| {
        let manifest = fs::read_to_string(files::root().join(path)).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        manifest["profile"][name].clone()
    };
    let (server, counted) = (
        profile("Cargo.toml", "release"),
        profile("bench/counts/Cargo.toml", "bench"),
    );
    assert_eq!(server, counted, "then type: {RENEW}");
}

#[test]
fn the_benches_are_run_by_their_own_version() {
    let line = format!("\ngungraun = \"={}\"\n", tools::GUNGRAUN_VERSION);
    for manifest in ["bench/counts/Cargo.toml", "bench/counts/server/Cargo.toml"] {
        let manifest = fs::read_to_string(files::root().join(manifest)).unwrap();
        assert!(manifest.contains(&line));
    }
}
