//! What a server writes to its log, down to the last detail.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

thread_local! {
    /// Where the lines of this thread go: other tests run beside it.
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// A log that is kept in memory.
#[derive(Debug, Clone, Default)]
pub struct Log {
    text: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(|lock| lock.into_inner());
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Keeps the lines of the present thread from now on.
    pub(crate) fn keep_thread(&self) {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            // By thread, and so neither for all nor for none of what a line of code logs.
            let is_kept = dynamic_filter_fn(|_, _| LOG.with_borrow(Option::is_some));
            let lines = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(OfThread)
                .with_filter(is_kept);
            tracing::subscriber::set_global_default(Registry::default().with(lines))
                .expect("nothing else in these tests takes the log");
        });
        LOG.set(Some(self.clone()));
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.text.lock().unwrap_or_else(|lock| lock.into_inner());
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to the log of the present thread.
struct OfThread;

impl MakeWriter<'_> for OfThread {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        LOG.with_borrow(|log| log.clone().unwrap_or_default())
    }
}
