//! How much time of a core processes of this machine take.

use std::fs;
use std::time::Duration;

use crate::Error;
use crate::options::Plan;
use crate::summary::Cpu;

/// What the kernel counts time in, on every system that there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process whose time is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Process {
    /// This one.
    Own,
    /// One on this machine.
    Id(u32),
}

impl Process {
    /// How much time it has taken so far, in seconds.
    pub(crate) fn seconds(self) -> Result<f64, Error> {
        let path = match self {
            Self::Own => "/proc/self/stat".to_owned(),
            Self::Id(id) => format!("/proc/{id}/stat"),
        };
        let failed = |problem: String| Error::Cpu {
            path: path.clone(),
            problem,
        };
        let stat = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        parse(&stat).ok_or_else(|| failed("it is not what Linux writes there".to_owned()))
    }
}

/// What the processes of a run have taken so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuSeconds {
    bots: f64,
    server: Option<f64>,
}

impl CpuSeconds {
    pub(crate) fn read(plan: &Plan) -> Result<Self, Error> {
        Ok(Self {
            bots: Process::Own.seconds()?,
            server: plan.server.map(Process::seconds).transpose()?,
        })
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let server = self.server.zip(before.server);
        Self {
            bots: self.bots - before.bots,
            server: server.map(|(after, before)| after - before),
        }
    }

    /// As a share of the time in which it was taken.
    pub(crate) fn over(&self, time: Duration) -> Cpu {
        let seconds = time.as_secs_f64().max(f64::MIN_POSITIVE);
        Cpu {
            bots: self.bots / seconds,
            server: self.server.map(|server| server / seconds),
        }
    }
}

fn parse(stat: &str) -> Option<f64> {
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 13 14 15";
        assert_eq!(parse(stat), Some(1.75));
        assert_eq!(parse("7 (a) S 1"), None);
    }
}
