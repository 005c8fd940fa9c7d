//! How much time of a core processes of this machine take.

use std::collections::HashMap;
use std::fs;
use std::process;

use crate::Error;

/// What the kernel counts time in, on every system that there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processes {
    load: u32,
    /// The server, and its descendants behind it, where it is known which that is.
    server: Option<Vec<u32>>,
}

/// What they have taken so far, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CpuSeconds {
    pub(crate) load: f64,
    pub(crate) server: Option<f64>,
}

/// What one process has taken so far, and whose child it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    id: u32,
    parent: u32,
    ticks: u64,
}

impl Processes {
    /// Looks through all processes of the machine, which takes its time: not to be done while something is measured.
    pub(crate) fn find(server: Option<u32>) -> Result<Self, Error> {
        Ok(Self {
            load: process::id(),
            server: server.map(family_of).transpose()?,
        })
    }

    pub(crate) fn seconds(&self) -> Result<CpuSeconds, Error> {
        let server = self.server.as_deref().map(seconds);
        Ok(CpuSeconds {
            load: seconds(&[self.load])?,
            server: server.transpose()?,
        })
    }
}

impl CpuSeconds {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let server = self.server.zip(before.server);
        Self {
            load: self.load - before.load,
            server: server.map(|(after, before)| after - before),
        }
    }
}

/// What a family of processes has taken. The first must be there; the time of others that have ended is in their parents'.
fn seconds(family: &[u32]) -> Result<f64, Error> {
    let mut ticks = 0;
    for (index, id) in family.iter().enumerate() {
        match stat(*id) {
            Some(stat) => ticks += stat.ticks,
            None if index == 0 => return Err(missing(*id)),
            None => {}
        }
    }
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

fn missing(id: u32) -> Error {
    Error::Cpu {
        id,
        problem: "there is no such process, or no /proc as Linux has it".to_owned(),
    }
}

/// All processes.
fn stats() -> Vec<Stat> {
    let Ok(folder) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // What is no number is no process.
    names.filter_map(|name| stat(name.parse().ok()?)).collect()
}

fn stat(id: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// The line in `/proc/ID/stat`.
fn parse(stat: &str) -> Option<Stat> {
    let (id, _) = stat.split_once(' ')?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        id: id.parse().ok()?,
        parent: u32::try_from(field(1)?).ok()?,
        // Its own, in user and in system, and those of children it has waited for.
        ticks: field(11)? + field(12)? + field(13)? + field(14)?,
    })
}

/// A process and its descendants, as they are now.
pub(crate) fn family_of(id: u32) -> Result<Vec<u32>, Error> {
    family(id, &stats()).ok_or_else(|| missing(id))
}

/// A process and its descendants.
fn family(id: u32, stats: &[Stat]) -> Option<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for stat in stats {
        children.entry(stat.parent).or_default().push(stat.id);
    }
    let mut family = vec![stats.iter().find(|stat| stat.id == id)?.id];
    let mut next = 0;
    while let Some(id) = family.get(next) {
        let found = children.remove(id);
        family.extend(found.into_iter().flatten());
        next += 1;
    }
    Some(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_with_those_of_ended_children() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 3 4 15";
        let expected = Stat {
            id: 7,
            parent: 1,
            ticks: 182,
        };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("7 (a) S 1"), None);
    }

    #[test]
    fn a_process_is_counted_with_its_descendants_and_nobody_else() {
        let stat = |id, parent| Stat {
            id,
            parent,
            ticks: 1,
        };
        let stats = [stat(1, 0), stat(5, 2), stat(2, 1), stat(9, 5), stat(3, 1)];
        assert_eq!(family(2, &stats), Some(vec![2, 5, 9]));
        assert_eq!(family(7, &stats), None);
    }

    #[test]
    fn this_process_takes_time() {
        let processes = Processes::find(Some(process::id())).unwrap();
        let taken = processes.seconds().unwrap();
        assert!(taken.server >= Some(taken.load));
        let missing = Processes::find(Some(u32::MAX)).unwrap_err();
        assert!(missing.to_string().contains("4294967295"), "{missing}");
        assert!(seconds(&[u32::MAX]).is_err());
        assert!(seconds(&[process::id(), u32::MAX]).is_ok());
    }
}
