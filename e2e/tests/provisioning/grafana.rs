//! The files that are checked, and ways to spoil a copy.

use std::path::{Path, PathBuf};

use e2e::files::{read_file, read_folder};
use e2e::queries::{self, Query};
use serde_json::Value;

type File = (PathBuf, Value);

#[derive(Clone)]
pub struct Files {
    pub datasources: Vec<File>,
    pub providers: Vec<File>,
    pub dashboards: Vec<File>,
    pub rules: Vec<File>,
    pub queries: Vec<Query>,
    /// The configuration of the Collector.
    pub collector: Value,
    /// The part of Jaeger's configuration that is about metrics.
    pub jaeger: Value,
}

impl Files {
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self {
            datasources: read_folder("grafana/provisioning/datasources", "yaml")?,
            providers: read_folder("grafana/provisioning/dashboards", "yaml")?,
            dashboards: read_folder("grafana/dashboards", "json")?,
            rules: read_folder("prometheus/rules", "yml")?,
            queries: queries::all()?,
            collector: read_file(Path::new("compose/otel-collector/config.yaml"))?,
            jaeger: read_file(Path::new("compose/jaeger/spm.yaml"))?,
        })
    }

    /// Each provisioned data source with its file.
    pub fn sources(&self) -> impl Iterator<Item = (&Path, &Value)> {
        self.datasources.iter().flat_map(|(path, file)| {
            let sources = file["datasources"].as_array().into_iter().flatten();
            sources.map(|source| (path.as_path(), source))
        })
    }

    pub fn datasource(&mut self, kind: &str) -> &mut Value {
        let sources = self.datasources.iter_mut().map(|(_, file)| &mut file["datasources"]);
        let mut sources = sources.flat_map(|sources| sources.as_array_mut().unwrap());
        sources.find(|source| source["type"] == kind).unwrap()
    }

    pub fn dashboard(&mut self, uid: &str) -> &mut Value {
        let mut dashboards = self.dashboards.iter_mut().map(|(_, dashboard)| dashboard);
        dashboards.find(|dashboard| dashboard["uid"] == uid).unwrap()
    }

    pub fn jaeger_metrics(&mut self) -> &mut Value {
        at(&mut self.jaeger, "/extensions/jaeger_storage/metric_backends/prometheus/prometheus")
    }
}

/// The value at this JSON pointer, whose last key may be new.
pub fn at<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match key.parse::<usize>() {
        Ok(index) => &mut parent[index],
        Err(_) => &mut parent[key],
    }
}

/// Each object in this value, itself included.
pub fn objects<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Object(fields) => {
            visit(value);
            fields.values().for_each(|field| objects(field, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, visit)),
        _ => {}
    }
}
