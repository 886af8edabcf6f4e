use std::os::fd::OwnedFd;
use std::os::unix::process::parent_id;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often it is looked for.
const INTERVAL: Duration = Duration::from_millis(500);

/// The process that started this one. Standard input tells nothing of it: go-plugin hands its own on.
#[derive(Debug)]
pub struct Host {
    parent: u32,
    /// The standard output that this process was started with.
    stdout: OwnedFd,
}

impl Host {
    /// `parent` is the parent's id when this process began.
    pub fn new(parent: u32, stdout: OwnedFd) -> Self {
        Self { parent, stdout }
    }

    /// Waits until it is gone.
    pub async fn gone(&self) {
        let mut interval = tokio::time::interval(INTERVAL);
        while !self.is_gone() {
            interval.tick().await;
        }
    }

    /// A script between the two would outlive the host, and be the parent still; and a host that
    /// runs its plugins elsewhere is no parent.
    fn is_gone(&self) -> bool {
        parent_id() != self.parent || self.has_closed_the_pipe()
    }

    fn has_closed_the_pipe(&self) -> bool {
        // Errors are told unasked: a pipe has one when nobody can read it any more.
        let mut polled = [PollFd::new(&self.stdout, PollFlags::empty())];
        poll(&mut polled, Some(&Timespec::default())).is_ok()
            && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }
}
