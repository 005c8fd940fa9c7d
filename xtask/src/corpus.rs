//! Which inputs of a fuzz target are worth a place in the tree: few, and together reaching nearly all that is known to
//! be reachable.
//!
//! libFuzzer's own merge keeps whatever reaches one branch more, which is hundreds of inputs for the last few per cent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::exec;

/// How many inputs are kept of a target, and how many bytes in all.
const INPUTS_MAX: usize = 200;
const BYTES_MAX: usize = 300 << 10;

/// An input and the branches it reaches, by libFuzzer's numbers.
#[derive(Debug, PartialEq, Eq)]
struct Input {
    path: PathBuf,
    bytes: usize,
    branches: Vec<usize>,
}

/// Replaces what lies in `kept` by the inputs of all folders that reach most. Says how many there are.
pub(crate) fn keep(program: &Path, kept: &Path, others: &[&Path]) -> Result<usize> {
    let work = tempfile::tempdir().context("failed to make a folder")?;
    let reached = work.path().join("reached");
    let mut command = Command::new(program);
    command
        // Where libFuzzer puts its own choice, which is not used.
        .arg(work.path().join("merged"))
        .arg(kept)
        .args(others)
        // Branches alone: how often each is taken makes nearly every input one of a kind.
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(format!("-merge_control_file={}", reached.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    fs::create_dir(work.path().join("merged"))?;
    exec::run(&mut command)?;
    let reached = fs::read(&reached).context("failed to read which branches are reached")?;
    let inputs = parse(&String::from_utf8_lossy(&reached));
    ensure!(!inputs.is_empty(), "libFuzzer named no input");
    let mut contents = Vec::new();
    for input in choose(inputs) {
        let read = fs::read(&input.path);
        contents.push(read.with_context(|| format!("failed to read {}", input.path.display()))?);
    }
    fs::remove_dir_all(kept)?;
    fs::create_dir_all(kept)?;
    for content in &contents {
        fs::write(kept.join(name_of(content)), content)?;
    }
    Ok(contents.len())
}

/// Reads libFuzzer's control file: how many inputs there are, a line it needs itself, their paths, and then for each
/// its length (`STARTED`) and all that it reaches (`FT`).
fn parse(text: &str) -> Vec<Input> {
    let mut lines = text.lines();
    let count = lines.next().and_then(|line| line.parse().ok());
    let paths = lines.by_ref().skip(1).take(count.unwrap_or_default());
    let mut inputs: Vec<Input> = paths
        .map(|path| Input {
            path: path.into(),
            bytes: 0,
            branches: Vec::new(),
        })
        .collect();
    for line in lines {
        let mut words = line.split(' ');
        let kind = words.next();
        let mut numbers = words.filter_map(|word| word.parse::<usize>().ok());
        let Some(input) = numbers.next().and_then(|index| inputs.get_mut(index)) else {
            continue;
        };
        match kind {
            Some("STARTED") => input.bytes = numbers.next().unwrap_or_default(),
            Some("FT") => input.branches = numbers.collect(),
            _ => {}
        }
    }
    inputs
}

/// Takes the input that adds most, the shortest of several, until nothing is added or there are enough.
fn choose(mut inputs: Vec<Input>) -> Vec<Input> {
    let branches = inputs.iter().flat_map(|input| &input.branches).max();
    let mut is_reached = vec![false; branches.map_or(0, |most| most + 1)];
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    while chosen.len() < INPUTS_MAX {
        inputs.retain_mut(|input| {
            input.branches.retain(|branch| !is_reached[*branch]);
            !input.branches.is_empty() && bytes + input.bytes <= BYTES_MAX
        });
        let best = (0..inputs.len()).max_by_key(|index| {
            (
                inputs[*index].branches.len(),
                usize::MAX - inputs[*index].bytes,
            )
        });
        let Some(best) = best else {
            break;
        };
        let best = inputs.swap_remove(best);
        for branch in &best.branches {
            is_reached[*branch] = true;
        }
        bytes += best.bytes;
        chosen.push(best);
    }
    chosen
}

/// A name by content, so that an input that is kept again is the same file: FNV-1a.
fn name_of(content: &[u8]) -> String {
    let hash = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, bytes: usize, branches: &[usize]) -> Input {
        Input {
            path: path.into(),
            bytes,
            branches: branches.to_vec(),
        }
    }

    fn names(inputs: &[Input]) -> Vec<&str> {
        let names = inputs.iter().map(|input| input.path.to_str().unwrap());
        names.collect()
    }

    #[test]
    fn a_control_file_is_read() {
        let text = "2\n0\ncorpus/a\ncorpus/b\nSTARTED 0 5\nFT 0 1 2\nCOV 0 7\nSTARTED 1 9\nFT 1 3\nDONE 2\n";
        let expected = [input("corpus/a", 5, &[1, 2]), input("corpus/b", 9, &[3])];
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn the_input_that_adds_most_is_first_and_one_that_adds_nothing_is_left_out() {
        let inputs = vec![
            input("some", 1, &[1, 2]),
            input("most", 9, &[1, 2, 3]),
            input("other", 9, &[3, 4]),
            input("shorter", 2, &[4]),
        ];
        assert_eq!(names(&choose(inputs)), ["most", "shorter"]);
    }

    #[test]
    fn no_more_are_chosen_than_may_be_kept() {
        let small = (0..INPUTS_MAX + 5).map(|branch| input("a", 1, &[branch]));
        assert_eq!(choose(small.collect()).len(), INPUTS_MAX);
        let large = (0..3).map(|branch| input("a", BYTES_MAX / 2, &[branch]));
        assert_eq!(choose(large.collect()).len(), 2);
    }
}
