//! How much memory connections take: of the server's processes, and of the kernel.

use std::fs;

use serde::Serialize;

use crate::Error;
use crate::cpu::family_of;

/// What the kernel has for connections, beside their buffers. Each has two there, one for either end.
const SLABS: [&str; 3] = ["TCP", "TCPv6", "sock_inode_cache"];
const KIB: u64 = 1 << 10;
/// On the machines that benches run on; the kernel may be built for larger ones on others.
const PAGE_BYTES: u64 = 4 << 10;

/// What is held at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What the server's process and its descendants have in memory.
    pub server_resident: Option<u64>,
    /// The buffers of all sockets of this machine, those of the load too.
    pub kernel_socket_buffers: Option<u64>,
    /// The sockets themselves, of this machine; nothing where only root may read that.
    pub kernel_sockets: Option<u64>,
    /// All small objects of the kernel, whatever they are for.
    pub kernel_slab: Option<u64>,
}

impl Memory {
    /// As it is now.
    pub(crate) fn now(server: Option<u32>) -> Result<Self, Error> {
        let pages = read("/proc/net/sockstat").and_then(|text| buffer_pages(&text));
        let meminfo = read("/proc/meminfo");
        Ok(Self {
            server_resident: server.map(resident).transpose()?,
            kernel_socket_buffers: pages.map(|pages| pages * PAGE_BYTES),
            kernel_sockets: read("/proc/slabinfo").map(|text| slab_pages(&text) * PAGE_BYTES),
            kernel_slab: meminfo.and_then(|text| Some(kibibytes(&text, "Slab:")? * KIB)),
        })
    }
}

/// What a process and its descendants have in memory. What several of them share is counted for each.
fn resident(server: u32) -> Result<u64, Error> {
    let family = family_of(server)?;
    let each = family.iter().filter_map(|id| {
        let status = read(&format!("/proc/{id}/status"))?;
        kibibytes(&status, "VmRSS:")
    });
    Ok(each.sum::<u64>() * KIB)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The number in the line that begins so, as in `/proc/ID/status` and `/proc/meminfo`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// How many pages the buffers of TCP take, as in `/proc/net/sockstat`.
fn buffer_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat
        .lines()
        .find_map(|line| line.strip_prefix("TCP:"))?;
    line.split_once(" mem ")?.1.split(' ').next()?.parse().ok()
}

/// How many pages the slabs of sockets take, as in `/proc/slabinfo`.
fn slab_pages(slabinfo: &str) -> u64 {
    let pages = |line: &str| -> Option<u64> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if !SLABS.contains(fields.first()?) {
            return None;
        }
        let pages_per_slab: u64 = fields.get(5)?.parse().ok()?;
        // Behind `slabdata`: those in use, and all of them.
        let slabs: u64 = fields.get(14)?.parse().ok()?;
        Some(slabs * pages_per_slab)
    };
    slabinfo.lines().filter_map(pages).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let sockstat = "sockets: used 243\nTCP: inuse 216 orphan 0 tw 2278 alloc 217 mem 12\nUDP: inuse 0 mem 3\n";
        assert_eq!(buffer_pages(sockstat), Some(12));
        assert_eq!(buffer_pages("sockets: used 243\n"), None);
        let slabinfo = "slabinfo - version: 2.1\n\
            tw_sock_TCP         2353   2464    256   16    1 : tunables    0    0    0 : slabdata    154    154      0\n\
            TCP                  282    312   2368   13    8 : tunables    0    0    0 : slabdata     24     25      0\n\
            sock_inode_cache     348    456    832   19    4 : tunables    0    0    0 : slabdata     24     24      0\n";
        assert_eq!(slab_pages(slabinfo), 25 * 8 + 24 * 4);
        assert_eq!(
            kibibytes("VmHWM:\t 9 kB\nVmRSS:\t  512 kB\n", "VmRSS:"),
            Some(512)
        );
        assert_eq!(kibibytes("VmRSS:\t  lots\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_takes_memory() {
        let memory = Memory::now(Some(std::process::id())).unwrap();
        assert!(memory.server_resident > Some(1 << 20));
        Memory::now(Some(u32::MAX)).unwrap_err();
    }
}
