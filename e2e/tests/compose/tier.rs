//! The entry files: what runs, and what the doctor is asked about.

/// An entry file of the lab.
#[derive(Clone, Copy, Debug)]
pub struct Tier {
    /// Its name, in the folder with `compose.yaml`.
    pub file: &'static str,
    /// What the doctor looks for, as `lab doctor --with` takes it: all that the file brings, but
    /// Grafana, whose program no package registry has.
    pub with: &'static str,
    /// Whether Grafana is in the file, and must be left out.
    pub grafana: bool,
}

pub const BASE: Tier = Tier { file: "compose.base.yaml", with: "jaeger", grafana: false };
pub const SPM: Tier =
    Tier { file: "compose.spm.yaml", with: "jaeger,collector,prometheus", grafana: false };
pub const WHOLE: Tier = whole("compose.yaml");
pub const EXPORT_MODES: Tier = whole("compose.export-modes.yaml");
pub const TAIL_SAMPLING: Tier = whole("compose.tail-sampling.yaml");
pub const REMOTE_SAMPLING: Tier = whole("compose.remote-sampling.yaml");
pub const ADAPTIVE_SAMPLING: Tier = whole("compose.adaptive-sampling.yaml");

const fn whole(file: &'static str) -> Tier {
    Tier { file, with: "jaeger,collector,prometheus,loki", grafana: true }
}
