use std::mem;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::content::Content;
use super::figures::Figures;
use super::load::{Exports, Load};
use super::making::{self, Making};
use super::reading;
use super::support::{Program, metric, spoor};

/// The exports that a process acknowledges before it is killed, at most.
const MOST_EXPORTS: u64 = 40;
/// How long it lives beyond that, at most.
const LONGEST: Duration = Duration::from_millis(10);
/// The older exports that are looked at each time, about.
const OLDER: u64 = 30;

/// When it is killed then: at once, or when it begins to make this.
const MOMENTS: [Option<Making>; 6] =
    [None, None, None, Some(Making::Manifest), Some(Making::Flushed), Some(Making::Merged)];

/// A store and the processes that have it open, one after the other.
pub struct Lives {
    seed: u64,
    random: StdRng,
    folder: TempDir,
    exports: Exports,
    /// The first export of the last process.
    first: u64,
    round: u64,
    figures: Figures,
}

impl Lives {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            random: StdRng::seed_from_u64(seed),
            folder: tempfile::tempdir().unwrap(),
            exports: Exports::new(Content { seed }),
            first: 1,
            round: 0,
            figures: Figures::default(),
        }
    }

    /// Opens the store, compares what is there with what should be, and kills it under load.
    pub async fn round(&mut self) {
        self.round += 1;
        if self.random.random_ratio(1, 6) {
            self.kill_while_opening().await;
        }
        if self.round > 1 && self.random.random_ratio(1, 3) {
            self.check().await;
        }
        let logs = making::logs_in(&self.tenant()).len() as u64;
        let program = self.open(false).await;
        self.first = self.exports.next.load(Ordering::Relaxed);
        let count = self.random.random_range(1..=MOST_EXPORTS);
        let purge = self.random.random_ratio(1, 10);
        let purge = purge.then(|| self.random.random_range(0..count));
        let load = Load::start(&self.exports, &program, purge);
        load.reaches(count).await;
        tokio::time::sleep(LONGEST.mul_f64(self.random.random())).await;
        let at = self.random.random_range(0..MOMENTS.len());
        let mut figures = load.kill(program, self.tenant(), MOMENTS[at]).await;
        figures.count_rotations(logs);
        self.figures.add(&figures);
        self.figures.killed_making(Making::seen(&self.tenant()));
    }

    /// Looks at everything.
    pub async fn end(mut self) -> Figures {
        self.check().await;
        self.open(true).await.stop().await;
        self.check().await;
        mem::take(&mut self.figures)
    }

    fn context(&self) -> String {
        format!("round {} of SPOOR_SEED={}", self.round, self.seed)
    }

    fn tenant(&self) -> PathBuf {
        self.folder.path().join("tenant-")
    }

    fn settings(&mut self) -> Vec<String> {
        let is_async = self.random.random_ratio(1, 4);
        let sync: &[_] = if is_async { &["durability=async", "async_interval=20ms"] } else { &[] };
        let fixed = ["purge=true", "log_max_bytes=64KiB", "head_max_age=20ms", "write_wait=1m"];
        let own = [
            format!("data_dir={}", self.folder.path().display()),
            format!("max_search_depth={}", reading::MOST_TRACES),
        ];
        fixed.iter().chain(sync).map(|it| (*it).to_owned()).chain(own).collect()
    }

    async fn kill_while_opening(&mut self) {
        let mut command = spoor();
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        for setting in self.settings() {
            command.args(["--set", &setting]);
        }
        let mut process = command.stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(self.figures.opening.mul_f64(self.random.random())).await;
        process.kill().await.unwrap();
        self.figures.killed_early += 1;
    }

    async fn check(&mut self) {
        let check = spoor().arg("check").arg(self.folder.path()).output().await.unwrap();
        let text = String::from_utf8(check.stdout).unwrap();
        assert_eq!(check.status.code(), Some(0), "{}: {text}", self.context());
        self.figures.checked(&text);
    }

    /// Starts a process, and compares what it has with what it should have.
    async fn open(&mut self, is_all_asked: bool) -> Program {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(String::as_str).collect();
        let since = Instant::now();
        let program = Program::start(&settings).await;
        self.figures.opening = self.figures.opening.max(since.elapsed());

        let (context, content) = (self.context(), self.exports.content);
        let ledger = Arc::clone(&self.exports.ledger);
        let mut pick = {
            let older = ledger.lock().unwrap().len() as u64;
            let random = &mut self.random;
            move || is_all_asked || random.random_range(0..older) < OLDER
        };
        let asked = ledger.lock().unwrap().to_be_asked(self.first, &mut pick);
        let is_all = asked.len() == ledger.lock().unwrap().len();
        let found = if is_all {
            reading::everything(&program).await
        } else {
            let traces = asked.iter().flat_map(|number| content.traces(*number)).collect();
            reading::traces(&program, traces).await
        };
        let settled = ledger.lock().unwrap().settle(content, &asked, found, &context);
        self.figures.settled.add(settled);
        let spans = ledger.lock().unwrap().spans();
        let there = metric(program.admin, "spoor_store_spans").await;
        assert_eq!(there, Some(spans as f64), "{context}: the spans of all exports");
        program
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!(
                "the store of {} is kept in {}",
                self.context(),
                self.folder.path().display()
            );
        }
    }
}
